//! Calls inside of the load of their own key: they leave the cache alone, and nobody waits for itself.

use std::collections::HashMap;

use cache_aside::{CacheExt, LoadTimeout, Outcome, Policy, cache_aside};
use tokio::time::timeout;

use crate::shared::Fleet;
use crate::support::{MINUTE, SECOND, World, settle};

#[derive(Clone, Debug, PartialEq)]
struct Late;

impl From<LoadTimeout> for Late {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.user", each = ids, skip(world), cache = world.cache)]
async fn users(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, 10 * id + version)).collect()
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.user", skip(world), cache = world.cache)]
async fn user(world: &World, id: u64) -> Option<u64> {
    users(world, vec![id]).await.remove(&id)
}

#[cache_aside(ttl = "1m", jitter = 0, load_timeout = "5s", prefix = "nesting.user", skip(world), cache = world.cache)]
async fn user_in_time(world: &World, id: u64) -> Result<Option<u64>, Late> {
    Ok(users(world, vec![id]).await.remove(&id))
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.item", skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    10 * id + world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.item", each = ids, skip(world), cache = world.cache)]
async fn items(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let mut items = HashMap::new();
    for id in ids {
        items.insert(id, item(world, id).await);
    }
    items
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.again", skip(world, deep), cache = world.cache)]
async fn again(world: &World, id: u64, deep: bool) -> u64 {
    if deep {
        return Box::pin(again(world, id, false)).await;
    }
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.twice", skip(world), cache = world.cache)]
async fn twice(world: &World, id: u64) -> u64 {
    item(world, id).await + item(world, id).await
}

#[cache_aside(ttl = "1m", load_timeout = "2s", prefix = "nesting.limited", each = ids, skip(world), cache = world.cache)]
async fn limited(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Late> {
    let version = world.load().await;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

#[cache_aside(ttl = "1m", prefix = "nesting.limited", skip(world), cache = world.cache)]
async fn limited_one(world: &World, id: u64) -> Result<Option<u64>, Late> {
    Ok(limited(world, vec![id]).await?.remove(&id))
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "nesting.by_hand", key_fn = by_hand_key, skip(world), cache = world.cache)]
async fn by_hand(world: &World, id: u64) -> u64 {
    let (key, policy) = (by_hand_key(id), Policy::ttl(MINUTE));
    let load = || async { Ok::<_, Late>(world.load().await) };
    let loaded = Box::pin(world.cache.get_or_load(&key, &policy, load));
    loaded.await.unwrap()
}

/// In the process alone, and with a store that another process uses, too.
async fn everywhere(check: impl AsyncFn(&World, &World)) {
    let alone = World::new().await;
    timeout(10 * SECOND, check(&alone, &alone))
        .await
        .expect("nobody waits for itself");
    let fleet = Fleet::of(2).await;
    let check = check(&fleet.worlds[0], &fleet.worlds[1]);
    timeout(10 * SECOND, check)
        .await
        .expect("nor where processes share a store");
}

#[tokio::test]
async fn a_function_may_be_made_of_its_batch() {
    everywhere(async |one, other| {
        assert_eq!(user(one, 1).await, Some(11));
        assert_eq!(user_in_time(one, 2).await, Ok(Some(21)));
        assert_eq!(one.loads(), 2);
        let (known, report) = users(other, vec![1, 2]).with_cache_report().await;
        assert_eq!(known, HashMap::from([(1, 11), (2, 21)]));
        assert_eq!(report.outcome, Outcome::Hit);
    })
    .await;
}

#[tokio::test]
async fn and_a_batch_of_its_function() {
    everywhere(async |one, other| {
        let expected = HashMap::from([(1, 11), (2, 21), (3, 31)]);
        assert_eq!(items(one, vec![1, 2, 3]).await, expected);
        assert_eq!(one.loads(), 3);
        assert_eq!(item(other, 2).await, 21);
        assert_eq!(one.loads(), 3);
    })
    .await;
}

/// What is to be replaced is no answer for the load that replaces it, and does not begin to live anew.
#[tokio::test]
async fn what_is_refreshed_is_loaded() {
    everywhere(async |one, other| {
        assert_eq!(user(one, 1).await, Some(11));
        let version = one.write();
        assert_eq!(user(one, 1).refresh_cache().await, Some(10 + version));
        one.clock.advance(MINUTE / 2);
        assert_eq!(user(one, 1).await, Some(10 + version));
        assert_eq!(one.loads(), 2);

        assert_eq!(items(one, vec![1, 2]).await[&1], 10 + version);
        let version = one.write();
        let anew = HashMap::from([(1, 10 + version), (2, 20 + version)]);
        assert_eq!(items(one, vec![1, 2]).refresh_cache().await, anew);
        assert_eq!(items(one, vec![1, 2]).await, anew);

        assert_eq!(again(one, 1, true).await, version);
        let version = one.write();
        assert_eq!(again(one, 1, true).refresh_cache().await, version);

        assert_eq!(by_hand(one, 1).await, version);
        let version = one.write();
        assert_eq!(by_hand(one, 1).refresh_cache().await, version);
        let _ = other;
    })
    .await;
}

#[tokio::test]
async fn a_function_may_call_itself() {
    everywhere(async |one, other| {
        assert_eq!(again(one, 1, true).await, 1);
        assert_eq!(again(other, 1, false).await, 1);
        assert_eq!(one.loads(), 1);
    })
    .await;
}

/// Only its own load is left alone: what is stored beside it is given there.
#[tokio::test]
async fn other_keys_are_cached_inside_of_a_load() {
    everywhere(async |one, _| {
        assert_eq!(item(one, 1).await, 11);
        assert_eq!(items(one, vec![2]).await, HashMap::from([(2, 21)]));
        let version = one.write();
        let all = items(one, vec![1, 2, 3]).await;
        assert_eq!(all, HashMap::from([(1, 11), (2, 21), (3, 30 + version)]));
        assert_eq!(one.loads(), 3);
        assert_eq!(twice(one, 4).await, 2 * (40 + version));
        assert_eq!(one.loads(), 4);
    })
    .await;
}

/// Without a store a batch holds nothing: what its body calls joins the loads of others, and leads them.
#[tokio::test]
async fn batches_of_a_function_share_its_loads() {
    let world = World::new().await;
    world.hold();
    let callers: Vec<_> = (0..10)
        .map(|_| world.spawn(|world| async move { items(&world, vec![1]).await }))
        .collect();
    world.reached(1).await;
    settle().await;
    world.let_go();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), HashMap::from([(1, 11)]));
    }
    assert_eq!(world.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_leaves_the_cache_alone_keeps_its_time_limit() {
    let world = World::new().await;
    world.hold();
    let cut = timeout(10 * SECOND, limited_one(&world, 1)).await;
    assert_eq!(cut, Ok(Err(Late)));
}
