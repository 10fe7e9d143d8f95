//! The kit for tests of one's own: where calls stop, and what a store that fails does to them.

use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use cache_aside::test_util::{self, Mishap, Op, Point};
use cache_aside::{
    Cache, CacheExt, ErrorKind, HealthStatus, LoadTimeout, Outcome, cache_aside, cache_invalidate,
};
use tokio::time::timeout;

use crate::support::{Broken, MINUTE, SECOND, World};

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", prefix = "kit.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "kit.item", tags = ["item:{ids}"], each = ids, skip(world), cache = world.cache)]
async fn items(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

#[cache_invalidate(tags = ["item:{id}"], cache = world.cache)]
async fn change(world: &World, id: u64) -> Result<(), Broken> {
    world.write();
    Ok(())
}

#[cache_aside(ttl = "1m", prefix = "kit.limited", load_timeout = "5s", key(), cache = world.cache)]
async fn limited(world: &World) -> Result<u64, Slow> {
    Ok(world.load().await)
}

#[derive(Debug, PartialEq)]
struct Slow;

impl From<LoadTimeout> for Slow {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

/// An error that stays on its thread.
#[cache_aside(ttl = "1m", prefix = "kit.local", key(), cache = world.cache)]
async fn local(world: &World) -> Result<u64, Rc<str>> {
    Ok(world.load().await)
}

fn world() -> World {
    let (cache, clock) = test_util::in_process();
    World::with(cache, clock)
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_write_in_the_middle_of_a_load_keeps_its_answer_out() {
    let world = world();
    let held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
    let write = async {
        held.reached().await;
        change(&world, 1).await.unwrap();
        held.release();
    };
    let (read, ()) = tokio::join!(item(&world, 1), write);
    assert_eq!(read, Ok(1));
    assert_eq!(item(&world, 1).await, Ok(2));
    assert_eq!(world.cache.stats().total.overtaken, 1);
}

#[tokio::test]
async fn a_load_behind_the_answer_stops_like_any_other() {
    let world = world();
    item(&world, 1).await.unwrap();
    world.clock.advance(MINUTE);
    world.write();
    let held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
    assert_eq!(item(&world, 1).await, Ok(1), "the stale one, at once");
    held.reached().await;
    change(&world, 1).await.unwrap();
    held.release();
    world.cache.close().await.unwrap();
    assert_eq!(item(&world, 1).await, Ok(3), "2 was loaded, and not stored");
    assert_eq!(world.loads(), 3);
}

#[tokio::test]
async fn a_batch_stops_once_for_all_its_elements() {
    let fleet = test_util::fleet(1);
    for cache in [test_util::in_process().0, fleet.caches[0].clone()] {
        let world = World::with(cache, fleet.clock.clone());
        let begun = test_util::hold(&world.cache, Point::Loading, "kit.item");
        let held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
        let write = async {
            begun.reached().await;
            assert_eq!(world.loads(), 0);
            begun.release();
            held.reached().await;
            change(&world, 2).await.unwrap();
            // The batch does not know of this one before it stops again.
            let again = test_util::hold(&world.cache, Point::Loaded, "kit.item");
            held.release();
            again
        };
        let read = async { tokio::join!(items(&world, vec![1, 2]), write) };
        let (read, again) = timeout(10 * SECOND, read).await.expect("one stop");
        drop(again);
        assert_eq!(read, Ok(HashMap::from([(1, 1), (2, 1)])));
        let (first, second) = (item(&world, 1).await, item(&world, 2).await);
        assert_eq!((first, second), (Ok(1), Ok(2)));
        assert_eq!(world.loads(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_a_load_are_counted_one_by_one() {
    let world = world();
    let loading = test_util::hold(&world.cache, Point::Loading, "kit.item");
    let waiting = test_util::hold(&world.cache, Point::Waiting, "kit.item");
    let call = |world: World| async move { item(&world, 1).with_cache_report().await };
    let first = world.spawn(call);
    loading.reached().await;
    let others = [(); 10].map(|()| world.spawn(call));
    for _ in 0..10 {
        waiting.reached().await;
    }
    drop((waiting, loading));
    let (answer, report) = first.await.unwrap();
    assert_eq!((answer, report.outcome), (Ok(1), Outcome::Loaded));
    for other in others {
        let (answer, report) = other.await.unwrap();
        assert_eq!((answer, report.outcome), (Ok(1), Outcome::Joined));
    }
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn others_pass_while_an_old_load_stands() {
    let world = world();
    let held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
    let later = async {
        held.reached().await;
        held.let_others_pass();
        change(&world, 1).await.unwrap();
        assert_eq!(item(&world, 1).await, Ok(2));
        held.release();
    };
    let (old, ()) = tokio::join!(item(&world, 1), later);
    assert_eq!((old, item(&world, 1).await), (Ok(1), Ok(2)));
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_where_it_stands_holds_nobody_up() {
    let world = world();
    let held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
    let call = world.spawn(|world| async move { item(&world, 1).await });
    held.reached().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    held.let_others_pass();
    assert_eq!(item(&world, 1).await, Ok(1));
    assert_eq!(world.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_stands_before_its_body_is_a_slow_one() {
    let world = world();
    let held = test_util::hold(&world.cache, Point::Loading, "kit.limited");
    let begun = tokio::time::Instant::now();
    assert_eq!(limited(&world).await, Err(Slow));
    assert_eq!(begun.elapsed(), 5 * SECOND);
    held.release();
    assert_eq!(limited(&world).await, Ok(1));
}

#[tokio::test]
async fn what_stores_nothing_does_not_come_to_the_end_of_a_load() {
    let world = world();
    let _held = test_util::hold(&world.cache, Point::Loaded, "kit.item");
    world.break_down(true);
    assert_eq!(item(&world, 1).await, Err(Broken));
    world.break_down(false);
    let _begun = test_util::hold(&world.cache, Point::Loading, "kit.item");
    assert_eq!(item(&world, 1).bypass_cache().await, Ok(1));
}

#[test]
fn calls_stop_on_any_executor_and_stay_send() {
    let world = world();
    let held = test_util::hold(&world.cache, Point::Loaded, "kit.local");
    let mut call = pin!(assert_send(local(&world)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.loads(), 1, "it stands where it should");
    held.release();
    assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_with_the_store_calls_are_answered() {
    for mishap in [
        Mishap::Unavailable,
        Mishap::Refused,
        Mishap::ReplyLost,
        Mishap::Delay(MINUTE),
        Mishap::Hang,
    ] {
        let fleet = test_util::fleet(2);
        let world = |cache: &Cache| World::with(cache.clone(), fleet.clock.clone());
        let (one, store) = (world(&fleet.caches[0]), &fleet.stores[0]);
        let other = World {
            cache: fleet.caches[1].clone(),
            ..one.clone()
        };
        store.begin(mishap, &Op::ALL);
        let begun = tokio::time::Instant::now();
        assert_eq!(item(&one, 1).await, Ok(1), "{mishap:?}");
        // A look, a lease and a fill, each within the second that an operation has.
        assert!(begun.elapsed() <= 4 * SECOND, "{mishap:?}");

        one.write();
        assert_eq!(item(&one, 2).await, Ok(2), "{mishap:?}");
        let pending = one.cache.invalidate_tag("item:1").await.unwrap_err();
        assert_eq!(pending.kind(), ErrorKind::Pending, "{mishap:?}");
        let health = one.cache.health().await;
        assert_ne!(health.status, HealthStatus::Healthy, "{mishap:?}");

        store.clear();
        let healthy = async {
            while one.cache.health().await.status != HealthStatus::Healthy {
                tokio::time::sleep(SECOND / 100).await;
            }
        };
        let healthy = timeout(MINUTE, healthy).await;
        assert!(
            healthy.is_ok(),
            "{mishap:?}: {:?}",
            one.cache.health().await
        );
        assert_eq!(item(&other, 1).await, Ok(2), "{mishap:?}");
        assert_eq!(item(&one, 1).await, Ok(2), "{mishap:?}");
    }
}
