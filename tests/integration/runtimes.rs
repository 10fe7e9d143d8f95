//! Any executor, none, or several: and futures that stay `Send`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cache_aside::{Cache, Clock, cache_aside};

use crate::support::{MINUTE, World};

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", prefix = "runtimes.stale", key(), cache = world.cache)]
async fn stale(world: &World) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", load_timeout = "10s", prefix = "runtimes.limited", key(), cache = world.cache)]
async fn limited(world: &World) -> Result<u64, String> {
    Ok(world.load().await)
}

/// An executor of three lines, without timers or tasks.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

#[test]
fn without_a_runtime_hits_loads_and_refreshes_work() {
    let clock = Clock::manual();
    let cache = block_on(Cache::builder().clock(clock.clone()).build()).expect("good settings");
    let world = World::with(cache, clock);
    assert_eq!(block_on(stale(&world)), 1);
    assert_eq!(block_on(stale(&world)), 1);
    world.write();
    world.clock.advance(MINUTE);
    assert_eq!(
        block_on(stale(&world)),
        2,
        "without tasks it is refreshed by the caller"
    );
    assert_eq!(
        block_on(limited(&world)),
        Ok(2),
        "without a timer it is not cut"
    );
    assert_eq!(world.loads(), 3);
}

#[test]
fn a_cache_outlives_the_runtime_its_refreshes_ran_on() {
    let clock = Clock::manual();
    let cache = block_on(Cache::builder().clock(clock.clone()).build()).expect("good settings");
    let world = World::with(cache, clock);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    runtime().block_on(async {
        stale(&world).await;
        world.clock.advance(MINUTE);
        world.hold();
        stale(&world).await;
    }); // the refresh ends with its runtime, and frees its flight
    world.let_go();
    world.write();
    runtime().block_on(async {
        assert_eq!(stale(&world).await, 1);
        world.cache.close().await.expect("the refresh ends");
        assert_eq!(stale(&world).await, 2);
    });
}

#[cache_aside(ttl = "1m", prefix = "runtimes.boxed", key(), cache = world.cache)]
async fn boxed_error(world: &World) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(world.load().await)
}

#[cache_aside(ttl = "1m", prefix = "runtimes.local", key(), cache = world.cache)]
async fn not_send(world: &World) -> u64 {
    let here = std::rc::Rc::new(world.load().await);
    tokio::task::yield_now().await;
    *here
}

#[test]
fn a_call_is_send_where_its_body_is() {
    fn send<F: Future + Send>(_: F) {}
    let world = block_on(World::new());
    // The error is not Send: the call does not hold it over an await.
    send(boxed_error(&world));
    send(stale(&world));
    assert_eq!(block_on(not_send(&world)), 1);
}

#[tokio::test]
async fn errors_that_cannot_be_shared_are_everyones_own() {
    let world = World::new().await;
    assert_eq!(boxed_error(&world).await.expect("works"), 1);
    assert_eq!(boxed_error(&world).await.expect("works"), 1);
    assert_eq!(world.loads(), 1);
}
