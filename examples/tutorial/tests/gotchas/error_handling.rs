//! 5. The cache fails, or the store does.

use std::time::Duration;

use cache_aside::test_util::{self, Mishap, Op};
use cache_aside::{Cache, CacheExt, Outcome, cache_aside};
use tutorial::store::{Store, Unreachable, User};

use crate::naive::{Failure, NaiveCache, TTL};
use crate::{ada, by_hand, cached, name};

#[tokio::test]
async fn gotcha_5_a_cache_that_is_down_fails_the_call_or_costs_a_load() {
    // By hand: `?` behind the look-up, and what was there to help is one thing more that can fail.
    let (cache, store) = (NaiveCache::default(), ada());
    assert_eq!(by_hand(&cache, &store).await, "Ada");
    cache.break_down(true);
    assert_eq!(cache.find_user(&store, 1).await, Err(Failure::Cache));

    // A cached function fails where its body does, and nowhere else.
    let (fleet, store) = (test_util::fleet(1), ada());
    fleet.stores[0].begin(Mishap::Unavailable, &Op::ALL);
    assert_eq!(cached(&fleet.caches[0], &store).await, "Ada");
    assert_eq!(fleet.caches[0].stats().total.unshared, 1);
}

/// The cure is `stale_if_error`: rather up to an hour old than an error.
#[cache_aside(
    ttl = "5m",
    jitter = 0,
    stale_if_error = "1h",
    prefix = "patient",
    tags = ["user:{id}"],
    skip(cache, store),
    cache = cache
)]
async fn patient(cache: &Cache, store: &Store, id: u64) -> Result<Option<User>, Unreachable> {
    store.find(id).await
}

#[tokio::test]
async fn gotcha_5_a_store_that_is_down_fails_the_call_or_brings_the_older_answer() {
    // By hand: the answer of a moment ago is still there, and is not given.
    let (cache, store) = (NaiveCache::default(), ada());
    assert_eq!(by_hand(&cache, &store).await, "Ada");
    cache.advance(TTL);
    store.break_down(true);
    assert_eq!(cache.find_user(&store, 1).await, Err(Failure::Store));

    let ((cache, clock), store) = (test_util::in_process(), ada());
    patient(&cache, &store, 1)
        .await
        .expect("the store is there");
    clock.advance(Duration::from_secs(TTL));
    store.break_down(true);
    let (user, report) = patient(&cache, &store, 1).with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Stale);
    assert_eq!(name(user.expect("the older answer")), "Ada");

    // The error itself is never stored: who has nothing older is told, and the next one tries again.
    assert_eq!(patient(&cache, &store, 2).await, Err(Unreachable));
    store.break_down(false);
    assert_eq!(patient(&cache, &store, 2).await, Ok(None));
}
