//! 4. What it costs to turn values into bytes and back, for each hit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cache_aside::{Cache, cache_aside, test_util};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::naive::{NaiveCache, TTL};

static WALKED: AtomicU64 = AtomicU64::new(0);
static DECODED: AtomicU64 = AtomicU64::new(0);

/// Large, and it counts how often serde walks over it, and how often it is decoded.
#[derive(Debug, PartialEq)]
struct Report(Vec<u64>);

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WALKED.fetch_add(1, Relaxed);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Relaxed);
        Vec::deserialize(deserializer).map(Self)
    }
}

fn made() -> Report {
    Report((0..10_000).collect())
}

/// Walked over and decoded since the last question.
fn work() -> (u64, u64) {
    (WALKED.swap(0, Relaxed), DECODED.swap(0, Relaxed))
}

/// The cure is `Arc`: a hit gives the same report once more, and copies a pointer.
#[cache_aside(ttl = "5m", prefix = "report", key(), cache = cache)]
async fn report(cache: &Cache) -> Arc<Report> {
    Arc::new(made())
}

/// One test for all of it: the counts are of this process.
#[tokio::test]
async fn gotcha_4_each_hit_decodes_the_value_or_gives_it_as_it_is() {
    // By hand: the whole report is read from its text for each caller.
    let cache = NaiveCache::default();
    for _ in 0..101 {
        let load = async { Ok(Some(made())) };
        let report = cache.get_or_load("report", TTL, load).await;
        assert_eq!(report, Ok(Some(made())));
    }
    assert_eq!(work(), (1, 100));

    // In one process nothing is encoded: one pass over what was loaded sees how large it is.
    let cache = Cache::in_process();
    let first = report(&cache).await;
    for _ in 0..100 {
        assert!(Arc::ptr_eq(&first, &report(&cache).await));
    }
    assert_eq!(work(), (1, 0));

    // With a server it is encoded by the process that loads (after one pass over it that sees whether
    // the codec would lose something), and decoded once by each of the others.
    let fleet = test_util::fleet(2);
    let [one, two] = &fleet.caches[..] else {
        unreachable!("two were asked for")
    };
    report(one).await;
    let first = report(two).await;
    assert_eq!(work(), (2, 1));
    for _ in 0..100 {
        assert!(Arc::ptr_eq(&first, &report(two).await));
    }
    assert_eq!(work(), (0, 0));
}
