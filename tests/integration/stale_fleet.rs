//! Stale answers where processes share a store: R8, R18, and one refresh in all of them.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Key, LoadTimeout, Outcome, cache_aside};

use crate::shared::Fleet;
use crate::support::{Broken, MINUTE, SECOND, World, settle, until};

const BACK_OFF: Duration = Duration::from_secs(10);

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "10m", prefix = "stale.behind", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn behind(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "100s", jitter = 0, refresh_ahead = 0.5, prefix = "stale.ahead", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn ahead(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "10m", prefix = "stale.on_error", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn on_error(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The same entries, and nothing stale.
#[cache_aside(ttl = "1m", jitter = 0, prefix = "stale.on_error", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn never(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// Kept in no process: each call asks the store.
#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "10m", local = false, prefix = "stale.on_error", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn nowhere(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "10m", soft_timeout = "1s", prefix = "stale.soft", tags = ["stale:{id}"], skip(world), cache = world.cache)]
async fn soft(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[derive(Debug, PartialEq)]
struct Late;

impl From<LoadTimeout> for Late {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

#[cache_aside(ttl = "1m", jitter = 0, load_timeout = "1s", prefix = "stale.cut", skip(world), cache = world.cache)]
async fn cut(world: &World, id: u64) -> Result<u64, Late> {
    Ok(world.load().await)
}

/// Two windows: the shorter one is closed where the longer one is open.
#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", stale_if_error = "10m", prefix = "stale.both", skip(world), cache = world.cache)]
async fn both(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The same entries, kept in no process.
#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", stale_if_error = "10m", local = false, prefix = "stale.both", skip(world), cache = world.cache)]
async fn both_nowhere(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The same entries again, and a window that is shorter than that of whoever stored them.
#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1m", prefix = "stale.both", skip(world), cache = world.cache)]
async fn narrow(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// Slow by the clock: five seconds.
#[cache_aside(ttl = "100s", jitter = 0, early_expiry = 1e12, prefix = "stale.early", skip(world), cache = world.cache)]
async fn early(world: &World, seconds: u64) -> u64 {
    let version = world.load().await;
    world.clock.advance(Duration::from_secs(seconds));
    version
}

const WAYS: [&str; 4] = ["tag", "key", "prefix", "namespace"];

async fn invalidate(on: &Cache, prefix: &str, way: &str) {
    let invalidation = match way {
        "tag" => on.invalidate_tag("stale:1"),
        "key" => on.invalidate(&Key::<u64>::new(prefix, &(1u64,))),
        "prefix" => on.invalidate_prefix(prefix),
        _ => on.clear(),
    };
    invalidation.await.expect("the store is there");
}

#[tokio::test]
async fn r18_one_process_refreshes_while_all_give_the_old_answer() {
    for (function, passes) in [("behind", MINUTE), ("ahead", 50 * SECOND)] {
        let fleet = Fleet::of(3).await;
        let first = &fleet.worlds[0];
        for world in &fleet.worlds {
            assert_eq!(call(function, world).await, (Ok(1), true));
        }
        first.write();
        fleet.advance(passes);
        first.forget_reached();
        first.hold();
        for _ in 0..10 {
            for world in &fleet.worlds {
                assert_eq!(call(function, world).await, (Ok(1), true), "{function}");
            }
        }
        first.reached(1).await;
        settle().await;
        assert_eq!(first.loads(), 2, "{function}: one for three processes");
        first.let_go();
        for world in &fleet.worlds {
            until_it_is(function, world, 2).await;
        }
        assert_eq!(first.loads(), 2, "{function}");
    }
}

/// Windows are counted from the end of the ttl, also where the answer comes out of the store.
#[tokio::test]
async fn r18_a_window_closes_for_what_another_process_stored() {
    for reader in ["both", "both_nowhere"] {
        let fleet = Fleet::of(2).await;
        let (writer, other) = (&fleet.worlds[0], &fleet.worlds[1]);
        assert_eq!(both(writer, 1).await, Ok(1));
        writer.write();
        fleet.advance(2 * MINUTE);
        let (answer, report) = if reader == "both" {
            both(other, 1).with_cache_report().await
        } else {
            both_nowhere(other, 1).with_cache_report().await
        };
        assert_eq!(
            (answer, report.outcome),
            (Ok(2), Outcome::Loaded),
            "{reader}: the source is well, and the window for that has closed"
        );
    }
}

#[tokio::test]
async fn r18_the_window_of_the_reader_counts_and_not_that_of_whoever_stored_it() {
    let fleet = Fleet::of(2).await;
    let (writer, other) = (&fleet.worlds[0], &fleet.worlds[1]);
    assert_eq!(both(writer, 1).await, Ok(1));
    other.break_down(true);
    fleet.advance(2 * MINUTE - SECOND);
    assert_eq!(narrow(other, 1).await, Ok(1), "the load fails");
    fleet.advance(SECOND);
    assert_eq!(narrow(other, 1).await, Err(Broken), "the window has closed");
    assert_eq!(both(other, 1).await, Ok(1), "that of this function has not");
}

/// The answer, and whether it was there already.
async fn call(function: &str, world: &World) -> (Result<u64, Broken>, bool) {
    let (answer, report) = match function {
        "behind" => behind(world, 1).with_cache_report().await,
        "ahead" => ahead(world, 1).with_cache_report().await,
        "on_error" => on_error(world, 1).with_cache_report().await,
        "nowhere" => nowhere(world, 1).with_cache_report().await,
        "soft" => soft(world, 1).with_cache_report().await,
        other => panic!("there is no function `{other}`"),
    };
    let first = world.loads() == 1;
    let there = matches!(report.outcome, Outcome::Hit | Outcome::Stale);
    (answer, there || first)
}

async fn until_it_is(function: &str, world: &World, version: u64) {
    for _ in 0..1_000 {
        if call(function, world).await.0 == Ok(version) {
            return;
        }
        tokio::time::sleep(SECOND / 1_000).await;
    }
    panic!("{function} never gave version {version}");
}

/// The load behind an answer holds the tokens that were current before it began.
#[tokio::test]
async fn r8_a_load_behind_an_answer_is_not_stored_past_an_invalidation_elsewhere() {
    for (function, passes) in [("behind", MINUTE), ("ahead", 50 * SECOND), ("soft", MINUTE)] {
        for way in WAYS {
            let fleet = Fleet::of(2).await;
            let [one, two] = &fleet.worlds[..] else {
                unreachable!()
            };
            call(function, one).await.0.expect("works");
            fleet.advance(passes);
            one.forget_reached();
            one.hold();
            let asks = one.spawn(move |world| async move { call(function, &world).await.0 });
            one.reached(1).await;
            let version = one.write();
            invalidate(&two.cache, &format!("stale.{function}"), way).await;
            one.let_go();
            asks.await.expect("no panic").expect("an older answer");
            until("the load behind has ended", || {
                one.cache.stats().total.loads == 2
            })
            .await;
            for world in [one, two] {
                let answer = call(function, world).await.0;
                assert_eq!(answer, Ok(version), "{function} {way}");
            }
            assert_eq!(one.loads(), 3, "{function} {way}");
        }
    }
}

#[tokio::test]
async fn one_process_tries_and_all_rest_when_it_fails() {
    for function in ["on_error", "nowhere"] {
        let fleet = Fleet::of(3).await;
        let first = &fleet.worlds[0];
        for world in &fleet.worlds {
            call(function, world).await.0.expect("works");
        }
        first.write();
        fleet.advance(MINUTE);
        first.break_down(true);
        assert_eq!(call(function, first).await.0, Ok(1));
        // The lease is given back behind the caller.
        settle().await;
        for _ in 0..10 {
            for world in &fleet.worlds {
                assert_eq!(call(function, world).await, (Ok(1), true));
            }
        }
        assert_eq!(first.loads(), 2, "{function}: one try in three processes");

        fleet.advance(BACK_OFF);
        first.break_down(false);
        first.forget_reached();
        first.hold();
        let world = fleet.worlds[1].clone();
        let tries = tokio::spawn(async move { call(function, &world).await.0 });
        first.reached(1).await;
        assert_eq!(call(function, &fleet.worlds[1]).await, (Ok(1), true));
        first.let_go();
        assert_eq!(tries.await.expect("no panic"), Ok(2));
        for world in &fleet.worlds {
            assert_eq!(call(function, world).await, (Ok(2), true), "{function}");
        }
        assert_eq!(first.loads(), 3, "{function}");
    }
}

#[tokio::test]
async fn a_rest_of_the_fleet_keeps_nobody_from_loading_who_has_nothing_older() {
    for way in WAYS {
        let fleet = Fleet::of(2).await;
        let [one, two] = &fleet.worlds[..] else {
            unreachable!()
        };
        on_error(one, 1).await.expect("works");
        fleet.advance(MINUTE);
        one.break_down(true);
        assert_eq!(on_error(one, 1).await, Ok(1));
        settle().await;
        assert_eq!(never(two, 1).await, Err(Broken), "tries at once");
        assert_eq!(on_error(two, 1).refresh_cache().await, Err(Broken));
        assert_eq!(on_error(one, 1).await, Ok(1));

        let version = one.write();
        one.break_down(false);
        invalidate(&one.cache, "stale.on_error", way).await;
        assert_eq!(on_error(two, 1).await, Ok(version), "{way}");
        assert_eq!(on_error(one, 1).await, Ok(version), "{way}");
        assert_eq!(one.loads(), 5, "{way}");
    }
}

/// Callers of one process who joined a load that another process had tried already.
#[tokio::test]
async fn many_callers_of_a_key_that_rests_elsewhere_ask_the_store_and_load_nothing() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    on_error(one, 1).await.expect("works");
    fleet.advance(MINUTE);
    one.break_down(true);
    on_error(one, 1).await.expect("stale");
    settle().await;
    let calls: Vec<_> = (0..100)
        .map(|_| two.spawn(|world| async move { on_error(&world, 1).await }))
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(1));
    }
    assert_eq!(one.loads(), 2);
    let counts = two.cache.stats().total;
    assert_eq!(counts.stale, 100);
    assert!(counts.held_back >= 1, "{counts:?}");
}

#[tokio::test]
async fn early_expiry_goes_by_the_time_the_load_took_wherever_that_was() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    for (seconds, outcome) in [(0, Outcome::Hit), (5, Outcome::Loaded)] {
        early(one, seconds).await;
        let (_, report) = early(two, seconds).with_cache_report().await;
        assert_eq!(report.outcome, outcome, "a load of {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_soft_time_out_counts_for_a_load_of_another_process() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    for world in [one, two] {
        assert_eq!(soft(world, 1).await, Ok(1));
    }
    one.write();
    fleet.advance(MINUTE);
    one.forget_reached();
    one.hold();
    let loads = one.spawn(|world| async move { soft(&world, 1).await });
    one.reached(1).await;
    let start = tokio::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(soft(two, 1).await, Ok(1));
    }
    assert_eq!(start.elapsed().as_secs(), 1, "once");
    assert_eq!(loads.await.expect("no panic"), Ok(1));
    one.let_go();
    // Not the server's: the lease is not renewed while time stands still.
    one.clock.advance(BACK_OFF);
    for world in [one, two] {
        until_it_is("soft", world, 2).await;
    }
    assert_eq!(one.loads(), 2, "one load, stored behind its callers");
}

#[tokio::test(start_paused = true)]
async fn the_load_time_out_counts_for_a_load_of_another_process() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    one.hold();
    let loads = one.spawn(|world| async move { cut(&world, 1).await });
    one.reached(1).await;
    let start = tokio::time::Instant::now();
    assert_eq!(cut(two, 1).await, Err(Late));
    assert!(start.elapsed() < 2 * SECOND, "{:?}", start.elapsed());
    assert_eq!(loads.await.expect("no panic"), Err(Late));
}

/// A copy whose store is gone is vouched for as long as `local_on_down` says; so long the windows
/// hold, too.
#[tokio::test]
async fn r18_without_the_store_an_old_answer_is_given_while_it_is_vouched_for() {
    let fleet = Fleet::of(1).await;
    let world = &fleet.worlds[0];
    let cache = Cache::builder()
        .clock(world.clock.clone())
        .remote(Arc::new(fleet.server.connect()))
        .local_on_down(5 * MINUTE)
        .build()
        .await
        .expect("good settings");
    let world = World {
        cache,
        ..world.clone()
    };
    for _ in 0..2 {
        assert_eq!(on_error(&world, 1).await, Ok(1));
    }
    fleet.server.go_down();
    world.break_down(true);
    world.clock.advance(MINUTE);
    for _ in 0..10 {
        let (answer, report) = on_error(&world, 1).with_cache_report().await;
        assert_eq!((answer, report.outcome), (Ok(1), Outcome::Stale));
    }
    assert_eq!(world.loads(), 2, "one try");
    world.clock.advance(5 * MINUTE);
    assert_eq!(on_error(&world, 1).await, Err(Broken), "nobody vouches");
}
