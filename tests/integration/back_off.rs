//! A source that fails while something older can be given is tried by one caller at a time, and after
//! a while: in one process. `stale_fleet` has the same for many.

use std::collections::HashMap;
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Clock, Key, Outcome, cache_aside};
use tracing::Level;

use crate::support::log::Log;
use crate::support::{Broken, MINUTE, SECOND, World, settle, until};

/// The default.
const BACK_OFF: Duration = Duration::from_secs(10);

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "rest.on_error", tags = ["rest:{id}"], skip(world), cache = world.cache)]
async fn on_error(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The same entries, and nothing stale.
#[cache_aside(ttl = "1m", jitter = 0, prefix = "rest.on_error", tags = ["rest:{id}"], skip(world), cache = world.cache)]
async fn never_stale(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1h", prefix = "rest.revalidate", skip(world), cache = world.cache)]
async fn revalidate(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "100s", jitter = 0, refresh_ahead = 0.5, prefix = "rest.ahead", key(), cache = world.cache)]
async fn ahead(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", soft_timeout = "1s", prefix = "rest.soft", key(), cache = world.cache)]
async fn soft(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", load_timeout = "1s", prefix = "rest.cut", key(), cache = world.cache)]
async fn cut(world: &World) -> Option<u64> {
    Some(world.load().await)
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "rest.each", each = ids, skip(world), cache = world.cache)]
async fn each(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

/// A world whose answers have just expired and whose source is broken.
async fn broken_after<F: Future>(warm: impl FnOnce(World) -> F) -> World {
    let world = World::new().await;
    warm(world.clone()).await;
    world.write();
    world.clock.advance(MINUTE);
    world.break_down(true);
    world
}

#[tokio::test]
async fn a_load_that_failed_is_not_tried_again_at_once() {
    let world = broken_after(|world| async move { on_error(&world, 1).await }).await;
    for _ in 0..100 {
        let (answer, report) = on_error(&world, 1).with_cache_report().await;
        assert_eq!((answer, report.outcome), (Ok(1), Outcome::Stale));
    }
    assert_eq!(world.loads(), 2, "one try for 100 callers");
    let counts = world.cache.stats().prefixes["rest.on_error"];
    assert_eq!((counts.stale, counts.held_back), (100, 99));
    assert_eq!(counts.load_errors, 1);

    world.clock.advance(BACK_OFF - Duration::from_nanos(1));
    assert_eq!(on_error(&world, 1).await, Ok(1));
    assert_eq!(world.loads(), 2);
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(on_error(&world, 1).await, Ok(1));
    assert_eq!(world.loads(), 3, "the second try");

    world.break_down(false);
    world.clock.advance(BACK_OFF);
    assert_eq!(on_error(&world, 1).await, Ok(2));
    world.clock.advance(MINUTE);
    assert_eq!(on_error(&world, 1).await, Ok(2), "works again: no rest");
    assert_eq!(world.loads(), 5);
}

/// A thousand keys of a source that is down are no thousand lines.
#[tokio::test]
async fn that_older_answers_are_given_is_logged_once_a_minute() {
    let world = World::new().await;
    for id in 0..1_000 {
        on_error(&world, id).await.expect("works");
    }
    world.clock.advance(MINUTE);
    world.break_down(true);
    let (log, _guard) = Log::keep(Level::INFO);
    for lines in 1..=2 {
        for id in 0..1_000 {
            on_error(&world, id).await.expect("stale");
        }
        let said = log.count("the older answer is given in its place");
        assert_eq!((said, log.lines().len()), (lines, lines));
        world.clock.advance(MINUTE);
    }
}

/// Not a queue of callers who all wait for a source that was failing a moment ago.
#[tokio::test]
async fn while_one_caller_tries_again_the_others_do_not_wait() {
    let world = broken_after(|world| async move { on_error(&world, 1).await }).await;
    on_error(&world, 1).await.expect("stale");
    world.clock.advance(BACK_OFF);
    world.break_down(false);
    world.forget_reached();
    world.hold();
    let tries = world.spawn(|world| async move { on_error(&world, 1).await });
    world.reached(1).await;
    for _ in 0..10 {
        assert_eq!(on_error(&world, 1).await, Ok(1));
    }
    world.let_go();
    assert_eq!(tries.await.expect("no panic"), Ok(2));
    assert_eq!(on_error(&world, 1).await, Ok(2));
    assert_eq!(world.loads(), 3);
}

#[tokio::test]
async fn whoever_has_nothing_older_to_give_tries_all_the_same() {
    let world = broken_after(|world| async move { on_error(&world, 1).await }).await;
    on_error(&world, 1).await.expect("stale");
    assert_eq!(never_stale(&world, 1).await, Err(Broken));
    assert_eq!(on_error(&world, 2).await, Err(Broken), "another key");
    let refreshed = on_error(&world, 1).refresh_cache().await;
    assert_eq!(refreshed, Err(Broken), "asked to know of the failure");
    assert_eq!(world.loads(), 5);
    assert_eq!(on_error(&world, 1).await, Ok(1));

    world.break_down(false);
    world.cache.invalidate_tag("rest:1").await.expect("done");
    assert_eq!(on_error(&world, 1).await, Ok(2), "an invalidation at once");
}

#[tokio::test]
async fn the_rest_does_not_outlast_the_window() {
    let world = broken_after(|world| async move { on_error(&world, 1).await }).await;
    world.clock.advance(60 * MINUTE - SECOND);
    assert_eq!(on_error(&world, 1).await, Ok(1));
    world.clock.advance(SECOND);
    assert_eq!(on_error(&world, 1).await, Err(Broken));
    assert_eq!(on_error(&world, 1).await, Err(Broken));
    assert_eq!(world.loads(), 4);
}

#[tokio::test]
async fn refreshes_behind_an_answer_rest_too() {
    let world = broken_after(|world| async move { revalidate(&world, 1).await }).await;
    let failed = |n| {
        let world = world.clone();
        async move {
            until("the refresh fails", || {
                world.cache.stats().total.load_errors == n
            })
            .await;
        }
    };
    assert_eq!(revalidate(&world, 1).await, Ok(1));
    failed(1).await;
    for _ in 0..10 {
        assert_eq!(revalidate(&world, 1).await, Ok(1));
    }
    settle().await;
    assert_eq!(world.loads(), 2);
    world.clock.advance(BACK_OFF);
    assert_eq!(revalidate(&world, 1).await, Ok(1));
    failed(2).await;
    assert_eq!(world.loads(), 3);
    assert_eq!(world.cache.stats().total.refreshes, 2);
}

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1h", prefix = "rest.panics", key(), cache = world.cache)]
async fn panics(world: &World) -> u64 {
    let version = world.load().await;
    assert!(version == 1, "on purpose");
    version
}

#[tokio::test]
async fn a_refresh_that_panics_has_failed_too() {
    let world = World::new().await;
    panics(&world).await;
    world.write();
    world.clock.advance(MINUTE);
    world.forget_reached();
    for _ in 0..20 {
        assert_eq!(panics(&world).await, 1);
        settle().await;
    }
    assert_eq!(world.loads(), 2, "one try");
    world.clock.advance(BACK_OFF);
    assert_eq!(panics(&world).await, 1);
    world.reached(2).await;
    assert_eq!(world.loads(), 3);
}

#[tokio::test]
async fn early_refreshes_rest_and_the_fresh_answer_is_a_hit() {
    let world = World::new().await;
    ahead(&world).await.expect("works");
    world.break_down(true);
    world.clock.advance(50 * SECOND);
    ahead(&world).await.expect("fresh");
    until("the refresh fails", || {
        world.cache.stats().total.load_errors == 1
    })
    .await;
    for _ in 0..10 {
        let (answer, report) = ahead(&world).with_cache_report().await;
        assert_eq!((answer, report.outcome), (Ok(1), Outcome::Hit));
    }
    settle().await;
    assert_eq!(world.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_slow_is_waited_for_once() {
    let world = World::new().await;
    soft(&world).await.expect("works");
    world.write();
    world.clock.advance(MINUTE);
    world.hold();
    let start = tokio::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(soft(&world).await, Ok(1));
    }
    assert_eq!(start.elapsed().as_secs(), 1, "the soft time-out, once");
    assert_eq!(world.loads(), 2);
    world.clock.advance(BACK_OFF);
    assert_eq!(soft(&world).await, Ok(1));
    assert_eq!(start.elapsed().as_secs(), 2, "and once more");
    assert_eq!(world.loads(), 2, "the load that runs is joined");
    world.let_go();
    world.cache.close().await.expect("the load ends");
    assert_eq!(soft(&world).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_cut_is_not_tried_again_at_once() {
    let world = World::new().await;
    cut(&world).await;
    world.clock.advance(MINUTE);
    world.hold();
    let start = tokio::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(cut(&world).await, Some(1));
    }
    assert_eq!((start.elapsed().as_secs(), world.loads()), (1, 2));
}

#[tokio::test]
async fn elements_of_a_batch_rest_one_by_one() {
    let world = broken_after(|world| async move { each(&world, vec![1, 2]).await }).await;
    let old = HashMap::from([(1, 1), (2, 1)]);
    for _ in 0..10 {
        assert_eq!(each(&world, vec![1, 2]).await, Ok(old.clone()));
    }
    assert_eq!(world.loads(), 2);
    let counts = world.cache.stats().prefixes["rest.each"];
    assert_eq!((counts.loads, counts.load_errors), (4, 2), "elements");
    world.break_down(false);
    let (mixed, report) = each(&world, vec![1, 2, 3]).with_cache_report().await;
    assert_eq!(mixed, Ok(HashMap::from([(1, 1), (2, 1), (3, 2)])));
    assert_eq!(report.outcome, Outcome::Loaded);
    assert_eq!(world.loads(), 3, "only the third was loaded");
    world.break_down(true);
    let refreshed = each(&world, vec![1, 2]).refresh_cache().await;
    assert_eq!(refreshed, Err(Broken), "asked to know of the failure");
    world.break_down(false);
    world.clock.advance(BACK_OFF);
    assert_eq!(each(&world, vec![1]).await, Ok(HashMap::from([(1, 2)])));
}

#[tokio::test]
async fn the_back_off_can_be_set_and_turned_off() {
    for (time, loads) in [(Duration::ZERO, 4), (SECOND, 2), (MINUTE, 2)] {
        let clock = Clock::manual();
        let builder = Cache::builder().clock(clock.clone()).back_off(time);
        let world = World::with(builder.build().await.expect("good settings"), clock);
        on_error(&world, 1).await.expect("works");
        world.clock.advance(MINUTE);
        world.break_down(true);
        for _ in 0..3 {
            assert_eq!(on_error(&world, 1).await, Ok(1));
        }
        assert_eq!(world.loads(), loads, "{time:?}");
        world.clock.advance(SECOND);
        assert_eq!(on_error(&world, 1).await, Ok(1));
        assert_eq!(world.loads(), loads + u64::from(time != MINUTE), "{time:?}");
        let key = Key::<u64>::new("rest.on_error", &(1,));
        assert_eq!(world.cache.get(&key).await, None, "nothing stale by hand");
    }
}
