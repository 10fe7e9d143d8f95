//! 3. A cache that only grows.

use cache_aside::Cache;
use tutorial::functional::find_user;
use tutorial::store::Store;

use crate::naive::{NaiveCache, TTL};

const USERS: u64 = 10_000;

fn many() -> Store {
    Store::with((0..USERS).map(|id| (id, format!("user {id}"))))
}

#[tokio::test]
async fn gotcha_3_entries_grow_without_bound_or_stay_within_theirs() {
    // By hand: each user who was ever asked for stays, also when nobody can be given it any more.
    let (cache, store) = (NaiveCache::default(), many());
    for id in 0..USERS {
        cache.find_user(&store, id).await.expect("found");
    }
    cache.advance(2 * TTL);
    assert_eq!(cache.get("user:1"), Ok(None));
    assert_eq!(cache.entries(), 10_000);

    // The cure is a bound. There always is one: 10,000 entries, if nothing is said.
    let cache = Cache::builder().local_capacity(100).build().await;
    let (cache, store) = (cache.expect("good settings"), many());
    for id in 0..USERS {
        find_user(&cache, &store, id).await.expect("found");
    }
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.evictions), (100, 9_900));
}
