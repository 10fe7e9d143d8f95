//! What calls get of entries that were late.

use std::convert::Infallible;
use std::sync::Arc;

use super::{KEPT, Late, MIB};
use crate::remote::{DoubleServer, Remote};
use crate::test_util::{Faulty, Mishap, Op};
use crate::{Cache, Clock, Coherence, Key, Policy};

/// A process, its way to the store, and what it knows of late entries.
struct Process {
    cache: Cache,
    way: Arc<Faulty>,
}

async fn process(server: &DoubleServer, clock: &Clock) -> Process {
    let way = Arc::new(Faulty::new(Arc::new(server.connect())));
    let cache = Cache::builder()
        .clock(clock.clone())
        .remote(Arc::clone(&way) as Arc<dyn Remote>)
        .coherence(Coherence::Strict);
    let cache = cache.build().await.unwrap();
    Process { cache, way }
}

impl Process {
    fn late(&self) -> &Late {
        &self.cache.shared().unwrap().late
    }

    fn marks(&self) -> usize {
        let marks = self.late().marks();
        marks.young.len() + marks.old.len()
    }

    /// Whether the answer came out of the cache.
    async fn hits(&self, key: &Key<String>, max_size: usize, value: &str) -> bool {
        let policy = Policy::ttl(KEPT * 10).jitter(0.0).local(false);
        let mut hit = true;
        let load = async || {
            hit = false;
            Ok::<_, Infallible>(value.to_owned())
        };
        let policy = policy.max_size(max_size);
        let answer = self.cache.get_or_load(key, &policy, load).await.unwrap();
        assert_eq!(answer.len(), value.len());
        hit
    }

    fn lose_the_next(&self) {
        self.way.next(1, Mishap::ReplyLost, &[Op::Read]);
    }
}

fn key(number: usize) -> Key<String> {
    Key::new("late", &(number,))
}

#[tokio::test]
async fn what_is_larger_than_its_reader_stores_is_replaced_once_it_was_late() {
    let (server, clock) = (DoubleServer::new(1), Clock::manual());
    let (writer, reader) = (
        process(&server, &clock).await,
        process(&server, &clock).await,
    );
    let large = "x".repeat(MIB);
    assert!(!writer.hits(&key(1), 2 * MIB, &large).await);
    let corrupt = || reader.cache.stats().total.corrupt;
    assert!(reader.hits(&key(1), 1_000, &large).await);
    reader.lose_the_next();
    assert!(!reader.hits(&key(1), 1_000, "small").await);
    assert_eq!((corrupt(), reader.marks()), (0, 1));
    assert!(!reader.hits(&key(1), 1_000, "small").await);
    assert_eq!((corrupt(), reader.marks()), (1, 1));
    for _ in 0..2 {
        assert!(reader.hits(&key(1), 1_000, "small").await);
        assert_eq!((corrupt(), reader.marks()), (1, 0), "it came whole");
    }
    assert!(writer.hits(&key(1), 2 * MIB, "small").await);
}

#[tokio::test]
async fn what_was_late_in_an_outage_is_used_as_before_and_forgotten() {
    let (server, clock) = (DoubleServer::new(1), Clock::manual());
    let process = process(&server, &clock).await;
    // The largest that its reader stores, and more than is modest.
    let large = "x".repeat(3 * MIB);
    for number in 0..5 {
        assert!(!process.hits(&key(number), 3 * MIB + 5, &large).await);
    }
    let get_all = async || {
        let keys: Vec<_> = (0..5).map(key).collect();
        let answers = process.cache.get_many(&keys).await;
        answers.into_iter().flatten().count()
    };
    process.lose_the_next();
    assert_eq!(get_all().await, 0);
    assert_eq!(process.marks(), 5, "nobody knows which of them it was");
    let before = process.way.count(Op::Read);
    assert!(process.hits(&key(0), 3 * MIB + 5, &large).await);
    assert_eq!(process.marks(), 4);
    // Who asks by hand does not know how large they are.
    assert_eq!(get_all().await, 5);
    assert_eq!(process.marks(), 0);
    assert_eq!(process.way.count(Op::Read) - before, 2);
    assert_eq!(process.cache.stats().total.corrupt, 0);
}

#[tokio::test]
async fn only_a_lost_look_for_all_of_an_entry_makes_a_mark() {
    let (server, clock) = (DoubleServer::new(1), Clock::manual());
    let process = process(&server, &clock).await;
    for mishap in [Mishap::Unavailable, Mishap::Refused] {
        process.way.next(1, mishap, &[Op::Read]);
        assert!(!process.hits(&key(1), MIB, "value").await);
        assert_eq!(process.marks(), 0, "{mishap:?}");
    }
    let local = Policy::ttl(KEPT).jitter(0.0);
    let copy = || async {
        let load = async || Ok::<_, Infallible>("value".to_owned());
        process.cache.get_or_load(&key(2), &local, load).await
    };
    copy().await.unwrap();
    process.lose_the_next();
    copy().await.unwrap();
    assert_eq!(process.marks(), 0, "sixteen bytes were asked for");
    process.lose_the_next();
    assert!(!process.hits(&key(3), MIB, "value").await);
    assert_eq!(process.marks(), 1);
}
