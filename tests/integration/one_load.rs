//! One load per key in a process: R1, R6, R7.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use cache_aside::cache_aside;
use tokio::task::JoinSet;

use crate::support::{Broken, World, settle};

#[cache_aside(ttl = "1m", prefix = "one_load.value", skip(world), cache = world.cache)]
async fn value(world: &World, id: u64) -> u64 {
    world.load().await + id * 1_000
}

#[cache_aside(ttl = "1m", prefix = "one_load.fallible", skip(world), cache = world.cache)]
async fn fallible(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await.map(|version| version + id * 1_000)
}

#[cache_aside(ttl = "1m", prefix = "one_load.shared_error", skip(world), cache = world.cache)]
async fn shared_error(world: &World, id: u64) -> Result<u64, String> {
    world
        .try_load()
        .await
        .map_err(|Broken| format!("{id} is broken"))
}

#[cache_aside(ttl = "1m", prefix = "one_load.alone", single_flight = off, skip(world), cache = world.cache)]
async fn alone(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[cache_aside(ttl = "1m", prefix = "one_load.picky", cache_if = |_| false, skip(world), cache = world.cache)]
async fn picky(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_thousand_callers_of_a_cold_key_load_once() {
    let world = World::new().await;
    world.hold();
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let world = world.clone();
        callers.spawn(async move { value(&world, 7).await });
    }
    world.reached(1).await;
    settle().await;
    world.let_go();
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), 7_001);
    }
    assert_eq!(world.loads(), 1);
}

/// Callers arrive at all moments of a short load, also between its landing and its removal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_callers_who_arrive_as_the_load_lands_do_not_load_again() {
    for round in 0..300 {
        let world = World::new().await;
        let mut callers = JoinSet::new();
        for _ in 0..20 {
            let world = world.clone();
            callers.spawn(async move { value(&world, round).await });
        }
        callers.join_all().await;
        assert_eq!(world.loads(), 1, "round {round}");
    }
}

#[tokio::test]
async fn r6_dropping_the_leader_fails_none_of_the_others() {
    let world = World::new().await;
    world.hold();
    let leader = spawn(&world);
    world.reached(1).await;
    let others: Vec<_> = (0..10).map(|_| spawn(&world)).collect();
    settle().await;

    leader.abort();
    world.reached(1).await; // one of the others has taken over
    world.let_go();
    for other in others {
        assert_eq!(other.await.expect("not aborted"), 7_001);
    }
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn r6_dropping_one_who_waits_fails_none_of_the_others() {
    let world = World::new().await;
    world.hold();
    let leader = spawn(&world);
    world.reached(1).await;
    let others: Vec<_> = (0..10).map(|_| spawn(&world)).collect();
    settle().await;
    others[3].abort();
    settle().await;
    world.let_go();
    assert_eq!(leader.await.expect("not aborted"), 7_001);
    for (i, other) in others.into_iter().enumerate() {
        assert_eq!(other.await.is_ok(), i != 3);
    }
    assert_eq!(world.loads(), 1);
}

fn spawn(world: &World) -> tokio::task::JoinHandle<u64> {
    let world = world.clone();
    tokio::spawn(async move { value(&world, 7).await })
}

/// The first load fails while others wait: all of them then load side by side, none behind another.
#[tokio::test]
async fn r7_after_a_failed_load_those_who_waited_load_at_once() {
    let world = World::new().await;
    world.hold();
    world.break_down(true);
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let world = world.clone();
        callers.spawn(async move { fallible(&world, 7).await });
    }
    world.reached(1).await;
    settle().await;
    assert_eq!(world.loads(), 1);

    world.release(1);
    world.reached(9).await; // all nine are in their own body before any of them ends
    world.let_go();
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Err(Broken));
    }
    assert_eq!(world.loads(), 10);
}

#[tokio::test]
async fn r7_an_error_that_can_be_cloned_is_shared() {
    let world = World::new().await;
    world.hold();
    world.break_down(true);
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let world = world.clone();
        callers.spawn(async move { shared_error(&world, 7).await });
    }
    world.reached(1).await;
    settle().await;
    world.let_go();
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Err("7 is broken".to_owned()));
    }
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn r7_errors_are_not_stored() {
    let world = World::new().await;
    world.break_down(true);
    assert_eq!(fallible(&world, 7).await, Err(Broken));
    world.break_down(false);
    assert_eq!(fallible(&world, 7).await, Ok(7_001));
    assert_eq!(fallible(&world, 7).await, Ok(7_001));
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn r7_a_load_that_is_not_stored_makes_nobody_queue() {
    let world = World::new().await;
    world.hold();
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let world = world.clone();
        callers.spawn(async move { picky(&world, 7).await });
    }
    world.reached(1).await;
    settle().await;
    world.let_go();
    callers.join_all().await;
    assert_eq!(
        world.loads(),
        1,
        "those who waited are given the value all the same"
    );
    picky(&world, 7).await;
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn without_single_flight_every_caller_loads() {
    let world = World::new().await;
    world.hold();
    let mut callers = JoinSet::new();
    for _ in 0..5 {
        let world = world.clone();
        callers.spawn(async move { alone(&world, 7).await });
    }
    world.reached(5).await;
    world.let_go();
    callers.join_all().await;
    alone(&world, 7).await;
    assert_eq!(world.loads(), 5, "and the answer is stored");
}

#[cache_aside(ttl = "1m", prefix = "one_load.panics", skip(world, panics), cache = world.cache)]
async fn panics(world: &World, id: u64, panics: Arc<AtomicU64>) -> u64 {
    let version = world.load().await;
    assert!(panics.fetch_sub(1, SeqCst) == 0, "as asked");
    panics.store(0, SeqCst);
    version + id
}

#[tokio::test]
async fn a_panic_reaches_its_own_caller_and_one_who_waited_tries_again() {
    let world = World::new().await;
    world.hold();
    let left = Arc::new(AtomicU64::new(1));
    let callers: Vec<_> = (0..5)
        .map(|_| {
            let (world, left) = (world.clone(), Arc::clone(&left));
            tokio::spawn(async move { panics(&world, 7, left).await })
        })
        .collect();
    world.reached(1).await;
    settle().await;
    world.release(1);
    world.reached(1).await;
    settle().await;
    world.let_go();
    let mut panicked = 0;
    for caller in callers {
        match caller.await {
            Ok(answer) => assert_eq!(answer, 8),
            Err(error) => panicked += u32::from(error.is_panic()),
        }
    }
    assert_eq!((panicked, world.loads()), (1, 2));
}

#[tokio::test]
async fn a_body_that_always_panics_keeps_nobody_waiting_for_long() {
    let world = World::new().await;
    world.hold();
    let left = Arc::new(AtomicU64::new(1_000));
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (world, left) = (world.clone(), Arc::clone(&left));
            tokio::spawn(async move { panics(&world, 8, left).await })
        })
        .collect();
    world.reached(1).await;
    settle().await;
    world.release(1); // the first panics, one tries again
    world.reached(1).await;
    world.release(1); // that one too: now all load at once
    world.reached(8).await;
    world.let_go();
    for caller in callers {
        assert!(caller.await.expect_err("it panics").is_panic());
    }
}
