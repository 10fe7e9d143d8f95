//! Loads while the store cannot be used: a store that is gone must not become a source that is
//! overrun.

use std::collections::HashMap;
use std::sync::Arc;

use cache_aside::remote::DoubleServer;
use cache_aside::{Cache, CacheExt, LoadTimeout, Outcome, cache_aside};

use crate::shared::Fleet;
use crate::support::{MINUTE, SECOND, World, settle};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "limit.item", skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "limit.outer", skip(world), cache = world.cache)]
async fn outer(world: &World, id: u64) -> u64 {
    item(world, id).await + 1_000
}

#[derive(Debug, PartialEq)]
struct Late;

impl From<LoadTimeout> for Late {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

#[cache_aside(ttl = "1m", load_timeout = "1s", prefix = "limit.cut", skip(world), cache = world.cache)]
async fn cut(world: &World, id: u64) -> Result<u64, Late> {
    Ok(world.load().await + id)
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "limit.each", each = ids, skip(world), cache = world.cache)]
async fn each(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, version + id)).collect()
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "10m", prefix = "limit.stale", skip(world), cache = world.cache)]
async fn stale(world: &World, id: u64) -> Result<u64, Late> {
    Ok(world.load().await + id)
}

async fn limited_to(limit: u32) -> (World, DoubleServer) {
    let world = World::new().await;
    let server = DoubleServer::new(3);
    let cache = Cache::builder()
        .clock(world.clock.clone())
        .remote(Arc::new(server.connect()))
        .unshared_loads(limit)
        .local_on_down(10 * MINUTE)
        .build()
        .await
        .expect("good settings");
    (World { cache, ..world }, server)
}

#[tokio::test]
async fn without_the_store_so_many_loads_run_and_the_others_wait() {
    let (world, server) = limited_to(2).await;
    server.go_down();
    world.hold();
    let calls: Vec<_> = (0..5)
        .map(|id| world.spawn(move |world| async move { item(&world, id).await }))
        .collect();
    world.reached(2).await;
    settle().await;
    assert_eq!(world.loads(), 2);
    assert_eq!(world.cache.stats().total.queued, 3);
    let health = world.cache.health().await;
    assert!(
        health.reasons.iter().any(|why| why.contains("others wait")),
        "{health:?}"
    );
    world.release(1);
    world.reached(1).await;
    settle().await;
    assert_eq!(world.loads(), 3, "one has ended, one has begun");
    world.let_go();
    for (id, call) in (0..).zip(calls) {
        assert_eq!(call.await.expect("no panic"), 1 + id);
    }
    assert_eq!(world.loads(), 5);
}

#[tokio::test]
async fn with_the_store_there_is_no_limit() {
    let (world, _server) = limited_to(1).await;
    world.hold();
    let calls: Vec<_> = (0..5)
        .map(|id| world.spawn(move |world| async move { item(&world, id).await }))
        .collect();
    world.reached(5).await;
    world.let_go();
    for call in calls {
        call.await.expect("no panic");
    }
    assert_eq!(world.cache.stats().total.queued, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cached_call_inside_of_a_load_does_not_wait_for_its_own_end() {
    let (world, server) = limited_to(1).await;
    server.go_down();
    let start = tokio::time::Instant::now();
    assert_eq!(outer(&world, 1).await, 1_002);
    assert_eq!(start.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_place_for_longer_than_for_a_load() {
    let (world, server) = limited_to(1).await;
    server.go_down();
    world.hold();
    let holds = world.spawn(|world| async move { item(&world, 1).await });
    world.reached(1).await;
    let start = tokio::time::Instant::now();
    assert_eq!(cut(&world, 2).await, Err(Late));
    assert_eq!(start.elapsed().as_secs(), 1, "its own time-out");
    let patient: Vec<_> = (3..23)
        .map(|id| world.spawn(move |world| async move { item(&world, id).await }))
        .collect();
    while world.loads() < 2 {
        tokio::time::sleep(SECOND / 100).await;
    }
    assert_eq!(start.elapsed().as_secs(), 31, "after 30 s one");
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(world.loads(), 2, "a source that hangs is not asked by all");
    world.let_go();
    assert_eq!(holds.await.expect("no panic"), 2);
    for (id, call) in (3..).zip(patient) {
        assert_eq!(call.await.expect("no panic"), 1 + id);
    }
    assert_eq!(world.cache.stats().total.load_timeouts, 1);
}

#[tokio::test]
async fn who_goes_away_leaves_its_place_to_the_next() {
    let (world, server) = limited_to(1).await;
    server.go_down();
    world.hold();
    let gone = world.spawn(|world| async move { item(&world, 1).await });
    world.reached(1).await;
    let waits = world.spawn(|world| async move { item(&world, 2).await });
    settle().await;
    let next = world.spawn(|world| async move { item(&world, 3).await });
    settle().await;
    waits.abort();
    gone.abort();
    world.reached(1).await;
    world.let_go();
    assert_eq!(next.await.expect("no panic"), 4);
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn a_batch_is_one_load() {
    let (world, server) = limited_to(1).await;
    server.go_down();
    world.hold();
    let first = world.spawn(|world| async move { each(&world, vec![1, 2, 3]).await });
    world.reached(1).await;
    let second = world.spawn(|world| async move { each(&world, vec![4]).await });
    settle().await;
    assert_eq!(world.loads(), 1);
    world.let_go();
    assert_eq!(first.await.expect("no panic").len(), 3);
    assert_eq!(second.await.expect("no panic"), HashMap::from([(4, 5)]));
}

/// They do not go on loading one after the other for themselves.
#[tokio::test]
async fn who_waited_for_a_place_finds_that_the_store_is_back() {
    let (world, server) = limited_to(1).await;
    server.go_down();
    world.hold();
    let holds = world.spawn(|world| async move { item(&world, 0).await });
    world.reached(1).await;
    let calls: Vec<_> = (1..=20)
        .map(|call| world.spawn(move |world| async move { item(&world, 1 + call % 10).await }))
        .collect();
    while world.cache.stats().total.queued < 10 {
        settle().await;
    }
    server.come_up();
    world.let_go();
    holds.await.expect("no panic");
    for (call, answer) in (1..=20).zip(calls) {
        assert_eq!(answer.await.expect("no panic"), 2 + call % 10);
    }
    assert_eq!(world.loads(), 11, "one for each key");
    for id in 1..=10 {
        let (_, report) = item(&world, id).with_cache_report().await;
        assert_eq!(report.outcome, Outcome::Hit, "what they loaded is stored");
    }
}

#[cache_aside(ttl = "1m", jitter = 0, lease_wait = "10ms", prefix = "limit.each", each = ids, skip(world), cache = world.cache)]
async fn impatient(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, version + id)).collect()
}

/// A load that another process holds up is this caller's own choice, and needs no place.
#[tokio::test]
async fn a_batch_that_does_not_wait_for_others_is_not_one_without_the_store() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    one.hold();
    let loads = one.spawn(|world| async move { each(&world, vec![1]).await });
    one.reached(1).await;
    let impatient = two.spawn(|world| async move { impatient(&world, vec![1]).await });
    one.reached(1).await;
    one.let_go();
    for call in [loads, impatient] {
        assert_eq!(call.await.expect("no panic"), HashMap::from([(1, 2)]));
    }
    let counts = two.cache.stats().total;
    assert_eq!((counts.unshared, counts.not_stored), (0, 1));
}

#[tokio::test]
async fn who_has_something_older_does_not_wait_for_a_place() {
    let (world, server) = limited_to(1).await;
    for _ in 0..2 {
        assert_eq!(stale(&world, 1).await, Ok(2));
    }
    server.go_down();
    world.write();
    world.clock.advance(MINUTE);
    world.forget_reached();
    world.hold();
    let holds = world.spawn(|world| async move { item(&world, 1).await });
    world.reached(1).await;
    assert_eq!(stale(&world, 1).await, Ok(2));
    world.let_go();
    holds.await.expect("no panic");
    assert_eq!(stale(&world, 1).await, Ok(3), "there is a place again");
}
