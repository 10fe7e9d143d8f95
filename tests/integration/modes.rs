//! Per-call modes and reports.

use std::time::Duration;

use cache_aside::{CacheExt, Outcome, Tier, cache_aside};

use crate::support::{Broken, MINUTE, SECOND, World, settle};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "modes.inner", key(), cache = world.cache)]
async fn inner(world: &World) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "modes.outer", key(), cache = world.cache)]
async fn outer(world: &World) -> u64 {
    inner(world).await * 10
}

#[cache_aside(ttl = "1m", prefix = "modes.maybe", skip(world), cache = world.cache)]
async fn maybe(world: &World, id: u64) -> Option<u64> {
    let version = world.load().await;
    (id < 10).then_some(version)
}

#[tokio::test]
async fn a_report_tells_how_the_call_came_by_its_answer() {
    let world = World::new().await;
    let (_, report) = inner(&world).with_cache_report().await;
    assert_eq!(
        (report.outcome, report.tier, report.age),
        (Outcome::Loaded, None, None)
    );
    world.clock.advance(SECOND);
    let (_, report) = inner(&world).with_cache_report().await;
    assert_eq!(
        (report.outcome, report.tier),
        (Outcome::Hit, Some(Tier::Local))
    );
    assert_eq!(report.age, Some(SECOND));
    maybe(&world, 10).await;
    let (_, report) = maybe(&world, 10).with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Negative);
    let (_, report) = inner(&world).bypass_cache().with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Bypassed);
    let (_, report) = inner(&world).with_cache_report().refresh_cache().await;
    assert_eq!(report.outcome, Outcome::Loaded);
    let (_, report) = async { world.load().await }.with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Uncached);

    world.hold();
    let first = world.spawn(|world| async move { maybe(&world, 1).await });
    settle().await;
    let second = world.spawn(|world| async move { maybe(&world, 1).with_cache_report().await });
    settle().await;
    world.let_go();
    first.await.expect("no panic");
    assert_eq!(second.await.expect("no panic").1.outcome, Outcome::Joined);
}

#[cache_aside(ttl = "1m", negative_ttl = "5s", jitter = 0, stale_if_error = "1h", prefix = "modes.none", key(), cache = world.cache)]
async fn none(world: &World) -> Result<Option<u64>, Broken> {
    world.try_load().await.map(|_| None)
}

#[tokio::test]
async fn not_found_past_its_time_is_stale() {
    let world = World::new().await;
    none(&world).await.expect("works");
    let (_, report) = none(&world).with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Negative);
    world.clock.advance(10 * SECOND);
    world.break_down(true);
    let (answer, report) = none(&world).with_cache_report().await;
    assert_eq!((answer, report.outcome), (Ok(None), Outcome::Stale));
}

#[tokio::test]
async fn refresh_loads_and_stores_whatever_is_stored() {
    let world = World::new().await;
    inner(&world).await;
    world.write();
    assert_eq!(inner(&world).refresh_cache().await, 2);
    assert_eq!(inner(&world).await, 2);
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn bypass_neither_reads_nor_writes_nor_joins() {
    let world = World::new().await;
    assert_eq!(inner(&world).bypass_cache().await, 1);
    world.write();
    assert_eq!(inner(&world).await, 2, "nothing had been stored");
    world.write();
    assert_eq!(inner(&world).bypass_cache().await, 3);
    assert_eq!(inner(&world).await, 2, "nothing was overwritten");

    world.cache.clear().await.expect("done");
    world.forget_reached();
    world.hold();
    let load = world.spawn(|world| async move { inner(&world).await });
    world.reached(1).await;
    let past = world.spawn(|world| async move { inner(&world).bypass_cache().await });
    world.reached(1).await; // it did not join
    world.let_go();
    load.await.expect("no panic");
    past.await.expect("no panic");
}

#[tokio::test]
async fn a_mode_is_for_the_call_itself_and_not_for_calls_in_its_body() {
    let world = World::new().await;
    assert_eq!(outer(&world).await, 10);
    world.write();
    assert_eq!(
        outer(&world).refresh_cache().await,
        10,
        "the inner call was a hit"
    );
    assert_eq!(outer(&world).bypass_cache().await, 10);
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn a_mode_is_used_up_by_the_first_call_and_does_not_leak() {
    let world = World::new().await;
    let both = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        (inner(&world).await, inner(&world).await)
    };
    inner(&world).await;
    world.write();
    // The first of the two is refreshed, although it comes after an await; the second is a hit.
    assert_eq!(both.refresh_cache().await, (2, 2));
    assert_eq!(world.loads(), 2);
    world.write();
    async {}.refresh_cache().await;
    assert_eq!(inner(&world).await, 2, "a mode that nobody took is gone");
    let dropped = inner(&world).refresh_cache();
    drop(dropped);
    assert_eq!(inner(&world).await, 2);
    let tasks = async {
        let world = world.clone();
        tokio::spawn(async move { inner(&world).await }).await
    };
    assert_eq!(
        tasks.refresh_cache().await.expect("no panic"),
        2,
        "not for spawned tasks"
    );
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_value() {
    let world = World::new().await;
    fallible(&world).await.expect("works");
    world.break_down(true);
    fallible(&world).refresh_cache().await.expect_err("fails");
    assert_eq!(fallible(&world).await, Ok(1));
    world.clock.advance(MINUTE);
    fallible(&world).await.expect_err("it has its time");
}

#[cache_aside(ttl = "1m", prefix = "modes.fallible", key(), cache = world.cache)]
async fn fallible(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", stale_if_error = "1h", prefix = "modes.stale", key(), cache = world.cache)]
async fn stale(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[tokio::test]
async fn who_asks_for_a_refresh_is_told_that_it_failed() {
    let world = World::new().await;
    stale(&world).await.expect("works");
    world.clock.advance(MINUTE);
    world.break_down(true);
    stale(&world)
        .refresh_cache()
        .await
        .expect_err("not the old value");
    assert_eq!(stale(&world).await, Ok(1));
}

#[test]
fn futures_with_a_mode_are_send_where_the_call_is() {
    fn send<F: Future + Send>(_: F) {}
    async fn world() -> World {
        World::new().await
    }
    send(async {
        let world = world().await;
        inner(&world).refresh_cache().with_cache_report().await
    });
}

const HALF: f64 = 0.5;

#[cache_aside(ttl = "1m", jitter = 0, refresh_ahead = HALF, prefix = "modes.ahead", skip(world), cache = world.cache)]
async fn ahead(world: World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", prefix = "modes.revalidated", skip(world), cache = world.cache)]
async fn revalidated(world: World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[tokio::test]
async fn who_asks_for_a_refresh_that_is_due_waits_for_it() {
    for (of, due) in [(true, MINUTE / 2), (false, MINUTE)] {
        let world = World::new().await;
        let call = async |id| {
            let (here, wait) = (world.clone(), CacheExt::refresh_if_due);
            let (answer, report) = if of {
                wait(ahead(here, id)).with_cache_report().await
            } else {
                revalidated(here, id)
                    .with_cache_report()
                    .refresh_if_due()
                    .await
            };
            (answer, report.outcome)
        };
        assert_eq!(call(1).await, (Ok(1), Outcome::Loaded), "nothing is there");
        world.write();
        assert_eq!(call(1).await, (Ok(1), Outcome::Hit), "it is not due");
        world.clock.advance(due);
        assert_eq!(
            call(1).await,
            (Ok(2), Outcome::Loaded),
            "refreshed before the answer"
        );
        assert_eq!(call(1).await, (Ok(2), Outcome::Hit));
        assert_eq!((world.loads(), world.cache.stats().total.refreshes), (2, 0));

        world.clock.advance(due);
        world.break_down(true);
        let (answer, outcome) = call(1).await;
        assert_eq!(answer, Ok(2), "what was there");
        assert!(
            matches!(outcome, Outcome::Hit | Outcome::Stale),
            "{outcome}"
        );
        assert_eq!(world.loads(), 3);
    }
}

#[tokio::test]
async fn of_several_who_wait_for_a_refresh_one_loads() {
    let world = World::new().await;
    let call =
        |world: World| async move { ahead(world, 1).refresh_if_due().with_cache_report().await };
    call(world.clone()).await.0.expect("works");
    world.write();
    world.clock.advance(MINUTE / 2);
    world.hold();
    world.forget_reached();
    let first = world.spawn(call);
    world.reached(1).await;
    let (answer, report) = call(world.clone()).await;
    assert_eq!(
        (answer, report.outcome),
        (Ok(1), Outcome::Hit),
        "somebody refreshes it"
    );
    world.release(1);
    let (answer, report) = first.await.expect("no panic");
    assert_eq!((answer, report.outcome), (Ok(2), Outcome::Loaded));
    assert_eq!(world.loads(), 2);
}
