//! One process: a cache, functions that use it, and what it counted.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use cache_aside::{CacheBuilder, CacheExt, HealthStatus, Outcome, cache_aside};

use super::{MS, PATIENCE};
use crate::support::{Broken, World, eventually};

/// A version, and bytes that make it large.
pub(super) type Value = (u64, String);
/// What was counted, without what was not.
pub(super) type Counters = BTreeMap<String, u64>;

#[derive(Clone)]
pub(super) struct Process {
    pub(super) world: World,
    pub(super) padding: Arc<AtomicUsize>,
}

impl Process {
    /// On the source and the clock of `other`, if there is one.
    pub(super) async fn start(settings: CacheBuilder, world: &World) -> Self {
        let settings = settings.clock(world.clock.clone());
        let cache = settings.build().await.expect("good settings");
        Self {
            world: World {
                cache,
                ..world.clone()
            },
            padding: Arc::default(),
        }
    }

    async fn load(&self) -> Value {
        (self.world.load().await, self.padding())
    }

    fn padding(&self) -> String {
        "x".repeat(self.padding.load(SeqCst))
    }

    /// What was counted for one function.
    pub(super) fn counters(&self, prefix: &str) -> Counters {
        let stats = self.world.cache.stats();
        let counts = stats.prefixes.get(prefix).copied().unwrap_or_default();
        let counts = serde_json::to_value(counts).expect("numbers");
        let counts = counts.as_object().expect("fields").iter();
        counts
            .filter_map(|(name, count)| Some((name.clone(), count.as_u64().filter(|n| *n > 0)?)))
            .collect()
    }

    /// Whether the copy of an item is given without a question. If not, the call goes on to its end.
    pub(super) async fn vouches(&self, id: u64) -> bool {
        // Whoever asks mostly waits; not always, as the reply may be there as soon as the question is sent.
        for _ in 0..AT_ONCE {
            let mut call = pin!(item(self, id).with_cache_report());
            let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            match first {
                Poll::Ready((_, report)) if report.outcome == Outcome::Hit => {}
                Poll::Ready(_) => return false,
                Poll::Pending => {
                    call.await;
                    return false;
                }
            }
        }
        true
    }

    pub(super) async fn until_vouching(&self, id: u64, wanted: bool) {
        let what = format!("the copy is trusted: {wanted}");
        eventually(&what, async || self.vouches(id).await == wanted).await;
    }

    pub(super) async fn until_healthy(&self) {
        let cache = &self.world.cache;
        let mut reasons = Vec::new();
        for _ in 0..PATIENCE.as_millis() / 5 {
            let health = cache.health().await;
            if health.status == HealthStatus::Healthy {
                return;
            }
            reasons = health.reasons;
            tokio::time::sleep(5 * MS).await;
        }
        panic!("never healthy: {reasons:?}");
    }
}

/// What was counted since.
pub(super) fn since(before: &Counters, now: &Counters) -> Counters {
    now.iter()
        .map(|(name, count)| (name.clone(), count - before.get(name).unwrap_or(&0)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// So many answers in a row that nobody was asked for.
const AT_ONCE: u32 = 20;

/// How long an answer is fresh that is looked at when it is not any more.
pub(super) const SHORT: Duration = Duration::from_secs(5);

#[cache_aside(ttl = "1h", jitter = 0, max_size = "1KiB", prefix = "item", tags = ["row:{id}"], skip(on), cache = on.world.cache)]
pub(super) async fn item(on: &Process, id: u64) -> Value {
    on.load().await
}

/// Counted by itself, because it runs beside others.
#[cache_aside(ttl = "1h", jitter = 0, max_size = "1KiB", prefix = "missing", tags = ["row:{id}"], skip(on), cache = on.world.cache)]
pub(super) async fn missing(on: &Process, id: u64) -> Value {
    on.load().await
}

#[cache_aside(ttl = "5s", jitter = 0, stale_while_revalidate = "1h", max_size = "1KiB", prefix = "stale", tags = ["row:{id}"], skip(on), cache = on.world.cache)]
pub(super) async fn stale(on: &Process, id: u64) -> Value {
    on.load().await
}

#[cache_aside(ttl = "5s", jitter = 0, stale_if_error = "1h", max_size = "1KiB", prefix = "failing", tags = ["row:{id}"], skip(on), cache = on.world.cache)]
pub(super) async fn failing(on: &Process, id: u64) -> Result<Value, Broken> {
    Ok((on.world.try_load().await?, on.padding()))
}

#[cache_aside(ttl = "1h", jitter = 0, max_size = "1KiB", prefix = "items", each = ids, tags = ["row:{ids}"], skip(on), cache = on.world.cache)]
pub(super) async fn items(on: &Process, ids: Vec<u64>) -> HashMap<u64, Value> {
    let value = on.load().await;
    ids.into_iter().map(|id| (id, value.clone())).collect()
}
