//! Outages and what comes together with them: answers that are not stored, places and permits that are
//! taken, batches, and callers of functions with and without windows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::DoubleServer;
use cache_aside::test_util::{Faulty, Mishap, Op};
use cache_aside::{Cache, CacheBuilder, CacheExt, LoadTimeout, Outcome, cache_aside};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::shared::Fleet;
use crate::support::{Broken, MINUTE, SECOND, World, settle};

/// The default.
const BACK_OFF: Duration = Duration::from_secs(10);

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "tough.on_error", skip(world), cache = world.cache)]
async fn on_error(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The same entries, and nothing stale.
#[cache_aside(ttl = "1m", jitter = 0, prefix = "tough.on_error", skip(world), cache = world.cache)]
async fn never_stale(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1h", prefix = "tough.behind", skip(world), cache = world.cache)]
async fn behind(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", soft_timeout = "1s", prefix = "tough.soft", skip(world), cache = world.cache)]
async fn soft(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "tough.each", each = ids, skip(world), cache = world.cache)]
async fn each(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

/// The first version alone is stored.
#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", cache_if = |version: &u64| *version < 2, prefix = "tough.picky", skip(world), cache = world.cache)]
async fn picky(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", cache_if = |version: &u64| *version < 2, prefix = "tough.picky_each", each = ids, skip(world), cache = world.cache)]
async fn picky_each(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "tough.item", skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "tough.outer", skip(world, begun), cache = world.cache)]
async fn outer(world: &World, begun: &Semaphore, id: u64) -> u64 {
    begun.acquire().await.expect("never closed").forget();
    item(world, id).await + 1_000
}

async fn world_with(build: impl FnOnce(CacheBuilder) -> CacheBuilder) -> World {
    let world = World::new().await;
    let builder = build(Cache::builder().clock(world.clock.clone()));
    let cache = builder.build().await.expect("good settings");
    World { cache, ..world }
}

/// One place for loads without the store.
async fn one_place() -> (World, DoubleServer) {
    let server = DoubleServer::new(3);
    let build = |builder: CacheBuilder| {
        let builder = builder.remote(Arc::new(server.connect()));
        builder.unshared_loads(1).local_on_down(10 * MINUTE)
    };
    (world_with(build).await, server)
}

#[derive(Debug, PartialEq)]
struct Late;

impl From<LoadTimeout> for Late {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

#[cache_aside(ttl = "1m", load_timeout = "500ms", prefix = "tough.cut", skip(world), cache = world.cache)]
async fn cut(world: &World, id: u64) -> Result<u64, Late> {
    Ok(world.load().await + id)
}

/// The load was in time; that its answer cannot be stored for longer than that is no error of theirs.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_after_the_load_is_no_time_out_of_those_who_joined() {
    let store = Arc::new(Faulty::new(Arc::new(DoubleServer::new(3).connect())));
    let world = world_with(|builder| builder.remote(Arc::<Faulty>::clone(&store))).await;
    world.hold();
    let leads = world.spawn(|world| async move { cut(&world, 1).await });
    world.reached(1).await;
    let joined: Vec<_> = (0..10)
        .map(|_| world.spawn(|world| async move { cut(&world, 1).await }))
        .collect();
    settle().await;
    store.next(1, Mishap::Hang, &[Op::Fill]);
    world.let_go();
    assert_eq!(leads.await.expect("no panic"), Ok(2));
    for call in joined {
        assert_eq!(call.await.expect("no panic"), Ok(2));
    }
    assert_eq!(world.loads(), 2, "the answer was lost: one more for all");
}

#[tokio::test]
async fn a_load_that_succeeded_ends_the_rest_whether_it_is_stored_or_not() {
    for batch in [false, true] {
        let world = World::new().await;
        let call = async || {
            if batch {
                let answers = picky_each(&world, vec![1]).await;
                answers.map(|answers| answers[&1])
            } else {
                picky(&world, 1).await
            }
        };
        assert_eq!(call().await, Ok(1));
        world.write();
        world.clock.advance(MINUTE);
        world.break_down(true);
        assert_eq!(call().await, Ok(1), "the older answer");
        world.break_down(false);
        world.clock.advance(BACK_OFF);
        for _ in 0..3 {
            assert_eq!(call().await, Ok(2), "batch: {batch}");
        }
    }
}

#[tokio::test]
async fn who_may_try_and_has_no_permit_leaves_it_to_the_next() {
    let world = world_with(|builder| builder.background_loads(1)).await;
    for id in 1..=2 {
        behind(&world, id).await.expect("works");
    }
    world.clock.advance(MINUTE);
    world.break_down(true);
    behind(&world, 1).await.expect("stale");
    settle().await;
    assert_eq!(world.loads(), 3);

    world.break_down(false);
    world.write();
    world.clock.advance(BACK_OFF);
    world.forget_reached();
    world.hold();
    behind(&world, 2).await.expect("stale");
    world.reached(1).await;
    for _ in 0..3 {
        assert_eq!(behind(&world, 1).await, Ok(1));
    }
    world.let_go();
    settle().await;
    assert_eq!(behind(&world, 1).await, Ok(1), "it tries");
    settle().await;
    assert_eq!(behind(&world, 1).await, Ok(2));
}

#[tokio::test]
async fn who_may_try_and_has_no_place_leaves_it_to_the_next() {
    for batch in [false, true] {
        for failed in [false, true] {
            let (world, server) = one_place().await;
            let call = async || {
                if batch {
                    let answers = each(&world, vec![1]).await;
                    answers.map(|answers| answers[&1])
                } else {
                    on_error(&world, 1).await
                }
            };
            for _ in 0..2 {
                assert_eq!(call().await, Ok(1));
            }
            server.go_down();
            world.write();
            world.clock.advance(MINUTE);
            if failed {
                world.break_down(true);
                assert_eq!(call().await, Ok(1));
                world.break_down(false);
                world.clock.advance(BACK_OFF);
            }
            world.forget_reached();
            world.hold();
            let holds = world.spawn(|world| async move { item(&world, 1).await });
            world.reached(1).await;
            for _ in 0..3 {
                assert_eq!(call().await, Ok(1));
            }
            world.let_go();
            holds.await.expect("no panic");
            assert_eq!(call().await, Ok(2), "batch: {batch}, failed: {failed}");
        }
    }
}

#[tokio::test]
async fn a_batch_leaves_alone_what_failed_in_another_process() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    for world in [one, two] {
        each(world, vec![1, 2]).await.expect("works");
    }
    one.write();
    fleet.advance(MINUTE);
    one.break_down(true);
    assert_eq!(each(one, vec![1]).await, Ok(HashMap::from([(1, 1)])));
    // The lease is given back behind the caller.
    settle().await;
    one.break_down(false);
    let (answer, report) = each(two, vec![1]).with_cache_report().await;
    assert_eq!(answer, Ok(HashMap::from([(1, 1)])));
    assert_eq!(report.outcome, Outcome::Stale);
    assert_eq!(one.loads(), 2, "one try in both");
    let both = HashMap::from([(1, 1), (2, 2)]);
    assert_eq!(each(two, vec![1, 2]).await, Ok(both), "one by one");

    fleet.advance(BACK_OFF);
    let new = HashMap::from([(1, 2)]);
    assert_eq!(each(two, vec![1]).await, Ok(new));
    assert_eq!(one.loads(), 4);
}

/// The first caller has an older answer, and hears that another process has failed.
#[tokio::test]
async fn callers_with_nothing_older_share_a_load_when_the_first_one_rests() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    on_error(one, 1).await.expect("works");
    fleet.advance(MINUTE);
    one.write();
    one.break_down(true);
    on_error(one, 1).await.expect("stale");
    settle().await;
    one.break_down(false);
    let rests = two.spawn(|world| async move { on_error(&world, 1).await });
    let calls: Vec<_> = (0..200)
        .map(|_| two.spawn(|world| async move { never_stale(&world, 1).await }))
        .collect();
    assert_eq!(rests.await.expect("no panic"), Ok(1));
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(2));
    }
    assert_eq!(one.loads(), 3, "one for all of them");
}

#[tokio::test(start_paused = true)]
async fn no_queue_forms_behind_slow_loads_that_are_dropped() {
    let world = world_with(|builder| builder.background_loads(1)).await;
    for id in 1..=2 {
        soft(&world, id).await.expect("works");
    }
    world.clock.advance(MINUTE);
    world.hold();
    soft(&world, 2).await.expect("stale");
    // The only permit is taken, so who leads drops its load when it has waited for long enough.
    let start = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| world.spawn(move |world| async move { (soft(&world, 1).await, start.elapsed()) }))
        .collect();
    for call in calls {
        let (answer, waited) = call.await.expect("no panic");
        assert_eq!(answer, Ok(1));
        assert!(waited <= 2 * SECOND, "{waited:?}");
    }
    world.let_go();
}

/// Nor for 30 s, as long as anybody waits for anybody.
#[tokio::test(start_paused = true)]
async fn a_call_inside_of_a_load_waits_for_nobody_who_waits_for_its_place() {
    let (world, server) = one_place().await;
    server.go_down();
    let begun = Arc::new(Semaphore::new(0));
    let inside = Arc::clone(&begun);
    let start = Instant::now();
    let holds = world.spawn(|world| async move { outer(&world, &inside, 1).await });
    settle().await;
    let waits = world.spawn(|world| async move { item(&world, 1).await });
    settle().await;
    assert_eq!(world.cache.stats().total.queued, 1);
    begun.add_permits(1);
    assert_eq!(holds.await.expect("no panic"), 1_002);
    assert_eq!(waits.await.expect("no panic"), 2);
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
}
