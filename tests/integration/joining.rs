//! Callers who find the load that they need under way, at their first look: they have nothing of their own.

use std::time::Duration;

use cache_aside::cache_aside;

use crate::support::{Broken, MINUTE, World, settle};

#[cache_aside(ttl = "1m", prefix = "joining.tagged", tags = ["tagged:{id}"], skip(world), cache = world.cache)]
async fn tagged(world: &World, id: u64) -> u64 {
    world.load().await + id * 1_000
}

/// Each caller draws the lot to load again.
#[cache_aside(ttl = "100s", jitter = 0, early_expiry = 1e12, prefix = "joining.early", skip(world), cache = world.cache)]
async fn early(world: &World, id: u64) -> u64 {
    let version = world.load().await;
    world.clock.advance(Duration::from_millis(1));
    version + id * 1_000
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "joining.older", skip(world), cache = world.cache)]
async fn or_older(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await.map(|version| version + id * 1_000)
}

#[cache_aside(ttl = "1m", cache_if = |_| false, tags = ["unkept_by:{result}"], prefix = "joining.unkept", skip(world), cache = world.cache)]
async fn unkept(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

/// Its tag is that of the caller whose body runs.
#[cache_aside(ttl = "1m", prefix = "joining.told", tags = ["for:{who}"], skip(world, who), cache = world.cache)]
async fn told(world: &World, who: &str, id: u64) -> u64 {
    world.load().await + id * 1_000
}

/// Who finds a load under way has nothing of its own but a place among those who wait.
#[tokio::test]
async fn who_joins_at_the_first_look_is_counted_like_any_other() {
    let world = World::new().await;
    world.hold();
    let call = || world.spawn(|world| async move { tagged(&world, 7).await });
    let leader = call();
    world.reached(1).await;
    let others: Vec<_> = (0..10).map(|_| call()).collect();
    settle().await;
    world.let_go();
    for caller in others.into_iter().chain([leader]) {
        assert_eq!(caller.await.expect("no panic"), 7_001);
    }
    let counts = world.cache.stats().prefixes["joining.tagged"];
    assert_eq!((counts.misses, counts.joined, counts.loads), (11, 10, 1));
}

#[tokio::test]
async fn who_joins_at_the_first_look_can_load() {
    let world = World::new().await;
    world.hold();
    let call = || {
        let world = world.clone();
        tokio::spawn(async move { tagged(&world, 7).await })
    };
    let leader = call();
    world.reached(1).await;
    let others: Vec<_> = (0..10).map(|_| call()).collect();
    settle().await;
    leader.abort();
    world.reached(1).await;
    world.let_go();
    for other in others {
        assert_eq!(other.await.expect("not aborted"), 7_001);
    }
    let counts = world.cache.stats().prefixes["joining.tagged"];
    assert_eq!((counts.misses, counts.joined, counts.loads), (11, 9, 1));

    // What the one who took over has stored has the tags that it should.
    assert_eq!(tagged(&world, 7).await, 7_001);
    let done = world.cache.invalidate_tag("tagged:7").await;
    done.expect("there is no store that could fail");
    let loads = world.loads();
    tagged(&world, 7).await;
    assert_eq!(world.loads(), loads + 1);
}

/// What such a load reads may be older than the write by the time it ends.
#[tokio::test]
async fn who_comes_during_a_write_does_not_wait_for_a_load_from_before_it() {
    let world = World::new().await;
    world.hold();
    let call = || {
        let world = world.clone();
        tokio::spawn(async move { tagged(&world, 7).await })
    };
    let first = call();
    world.reached(1).await;
    let write = world.cache.write_bracket(["tagged:7"], async {
        let other = call();
        world.reached(1).await; // it is in its own body while the first one is in its
        world.let_go();
        other.await.expect("not aborted")
    });
    let of_other = write.await.expect("there is no store that could fail");
    assert_eq!(
        (first.await.expect("not aborted"), of_other),
        (7_001, 7_001)
    );
    assert_eq!(world.loads(), 2);
}

/// R8, for a tag that is known when the load ends, and an answer that no store looks at.
#[tokio::test]
async fn r8_who_joins_is_not_given_what_was_invalidated_before_it_came() {
    let world = World::new().await;
    world.hold();
    let call = || world.spawn(|world| async move { unkept(&world, 7).await });
    let first = call();
    world.reached(1).await;
    world.write();
    let done = world.cache.invalidate_tag("unkept_by:1").await;
    done.expect("there is no store that could fail");
    let other = call();
    settle().await;
    world.let_go();
    assert_eq!(first.await.expect("no panic"), 1);
    assert_eq!(other.await.expect("no panic"), 2);
}

#[tokio::test]
async fn what_is_fresh_is_given_while_another_caller_loads_early() {
    let world = World::new().await;
    assert_eq!(early(&world, 7).await, 7_001);
    world.write();
    world.hold();
    let call = || world.spawn(|world| async move { early(&world, 7).await });
    let first = call();
    world.reached(1).await;
    let other = call();
    settle().await;
    assert!(other.is_finished());
    assert_eq!(other.await.expect("no panic"), 7_001);
    world.let_go();
    assert_eq!(first.await.expect("no panic"), 7_002);
}

#[tokio::test]
async fn who_has_an_older_answer_is_given_that_when_the_load_fails() {
    let world = World::new().await;
    assert_eq!(or_older(&world, 7).await, Ok(7_001));
    world.clock.advance(2 * MINUTE);
    world.break_down(true);
    world.hold();
    let call = || world.spawn(|world| async move { or_older(&world, 7).await });
    let first = call();
    world.reached(1).await;
    let others = [call(), call()];
    settle().await;
    world.let_go();
    assert_eq!(first.await.expect("no panic"), Ok(7_001));
    for other in others {
        assert_eq!(other.await.expect("no panic"), Ok(7_001));
    }
    assert_eq!(world.loads(), 2, "none of the others tries for itself");
}

#[tokio::test]
async fn who_takes_over_a_load_stores_with_its_own_tags() {
    let world = World::new().await;
    world.hold();
    let call = |who: &'static str| {
        let world = world.clone();
        tokio::spawn(async move { told(&world, who, 7).await })
    };
    let leader = call("ada");
    world.reached(1).await;
    let other = call("bob");
    settle().await;
    leader.abort();
    world.reached(1).await;
    world.let_go();
    assert_eq!(other.await.expect("not aborted"), 7_001);
    for (tag, loads) in [("for:ada", 0), ("for:bob", 1)] {
        let before = world.loads();
        let done = world.cache.invalidate_tag(tag).await;
        done.expect("there is no store that could fail");
        told(&world, "eve", 7).await;
        assert_eq!(world.loads() - before, loads, "{tag}");
    }
}
