//! How long answers live, and when an old one may be given: R14, R18.

use std::time::Duration;

use cache_aside::{Cache, CacheExt, Clock, Key, LoadTimeout, Outcome, cache_aside};

use crate::support::{Broken, MINUTE, SECOND, World, settle, until};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "fresh.plain", key(), cache = world.cache)]
async fn plain(world: &World) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "100s", prefix = "fresh.spread", key_fn = spread_key, skip(world), cache = world.cache)]
async fn spread(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

#[tokio::test]
async fn an_answer_is_fresh_for_its_ttl_and_not_longer() {
    let world = World::new().await;
    plain(&world).await;
    world.write();
    world.clock.advance(MINUTE - Duration::from_nanos(1));
    assert_eq!(plain(&world).await, 1);
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(plain(&world).await, 2);
}

/// Without a remote tier the local tier is the store: it keeps what it has for the whole ttl.
#[tokio::test]
async fn a_minute_is_still_a_hit_after_31_seconds() {
    let world = World::new().await;
    plain(&world).await;
    world.clock.advance(31 * SECOND);
    plain(&world).await;
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn r14_expiries_spread_over_the_jitter_and_none_comes_after_the_ttl() {
    let clock = Clock::manual();
    let cache = Cache::builder()
        .clock(clock.clone())
        .local_capacity(20_000)
        .build()
        .await;
    let world = World::with(cache.expect("good settings"), clock);
    let mut lives = Vec::new();
    for id in 0..10_000 {
        spread(&world, id).await;
        let info = world.cache.inspect(&spread_key(id)).await.expect("stored");
        lives.push(info.ttl_left);
    }
    let (shortest, longest) = (lives.iter().min().unwrap(), lives.iter().max().unwrap());
    assert!(*longest <= 100 * SECOND, "{longest:?}");
    assert!(
        *longest - *shortest >= 9 * SECOND,
        "{shortest:?}..{longest:?}"
    );
    // Evenly: each tenth of the spread has its share.
    for tenth in 0..10_u32 {
        let (from, to) = (90 * SECOND + tenth * SECOND, 91 * SECOND + tenth * SECOND);
        let share = lives
            .iter()
            .filter(|life| (from..to).contains(*life))
            .count();
        assert!(
            (800..1_200).contains(&share),
            "{share} of 10,000 in {from:?}..{to:?}"
        );
    }
    world.clock.advance(100 * SECOND);
    let loads = world.loads();
    spread(&world, 0).await;
    assert_eq!(world.loads(), loads + 1);
}

#[cache_aside(
    ttl = Duration::from_secs(seconds),
    jitter = "0%",
    prefix = "fresh.computed",
    skip(world),
    cache = &world.cache
)]
async fn computed(world: &World, seconds: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl_with = |life| Duration::from_secs(*life), jitter = 0, prefix = "fresh.by_value", skip(world), cache = world.cache)]
async fn by_value(world: &World, life: u64) -> Option<u64> {
    world.load().await;
    (life > 0).then_some(life)
}

#[tokio::test]
async fn the_ttl_may_depend_on_arguments_or_on_the_value() {
    let world = World::new().await;
    for (seconds, loads) in [(10, 1), (20, 2)] {
        computed(&world, seconds).await;
        assert_eq!(world.loads(), loads);
    }
    world.clock.advance(10 * SECOND);
    computed(&world, 20).await;
    assert_eq!(world.loads(), 2);
    computed(&world, 10).await;
    assert_eq!(world.loads(), 3);

    by_value(&world, 5).await;
    by_value(&world, 0).await;
    world.clock.advance(6 * SECOND);
    by_value(&world, 0).await;
    assert_eq!(world.loads(), 5, "`None` has no value: it lives 30 s");
    by_value(&world, 5).await;
    assert_eq!(world.loads(), 6);
    world.clock.advance(25 * SECOND);
    by_value(&world, 0).await;
    assert_eq!(world.loads(), 7);
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "fresh.negative", skip(world), cache = world.cache)]
async fn negative(world: &World, id: u64) -> Result<Option<u64>, Broken> {
    let version = world.try_load().await?;
    Ok((id < 100).then_some(version))
}

#[cache_aside(ttl = "1m", jitter = 0, negative_ttl = "1h", prefix = "fresh.long_negative", skip(world), cache = world.cache)]
async fn long_negative(world: &World, id: u64) -> Option<u64> {
    let version = world.load().await;
    (id < 100).then_some(version)
}

#[cache_aside(ttl = "1m", negative_ttl = 0, prefix = "fresh.no_negative", skip(world), cache = world.cache)]
async fn no_negative(world: &World, id: u64) -> Option<u64> {
    let version = world.load().await;
    (id < 100).then_some(version)
}

#[tokio::test]
async fn not_found_is_remembered_for_its_own_time() {
    let world = World::new().await;
    assert_eq!(negative(&world, 100).await, Ok(None));
    assert_eq!(negative(&world, 100).await, Ok(None));
    assert_eq!(world.loads(), 1);
    world.clock.advance(30 * SECOND); // min(10 min / 10, 30 s)
    negative(&world, 100).await.expect("works");
    assert_eq!(world.loads(), 2);

    long_negative(&world, 100).await;
    world.clock.advance(30 * MINUTE);
    long_negative(&world, 100).await;
    assert_eq!(world.loads(), 3);

    no_negative(&world, 100).await;
    no_negative(&world, 100).await;
    assert_eq!(world.loads(), 5);
    no_negative(&world, 1).await;
    no_negative(&world, 1).await;
    assert_eq!(world.loads(), 6);
}

#[cache_aside(ttl = "1m", jitter = 0, local = "10s", stale_if_error = "1m", prefix = "fresh.short", key(), cache = world.cache)]
async fn short(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", local = false, prefix = "fresh.unkept", key(), cache = world.cache)]
async fn unkept(world: &World) -> u64 {
    world.load().await
}

#[tokio::test]
async fn local_shortens_the_life_or_keeps_nothing() {
    let world = World::new().await;
    short(&world).await.expect("works");
    world.clock.advance(9 * SECOND);
    short(&world).await.expect("works");
    assert_eq!(world.loads(), 1);
    world.clock.advance(SECOND);
    world.break_down(true);
    short(&world)
        .await
        .expect_err("the whole life is over, stale windows included");
    world.break_down(false);

    let loads = world.loads();
    unkept(&world).await;
    unkept(&world).await;
    assert_eq!(world.loads(), loads + 2);
}

#[cache_aside(
    ttl = "1m",
    jitter = 0,
    stale_while_revalidate = "1m",
    stale_if_error = "2m",
    prefix = "fresh.stale",
    skip(world),
    cache = world.cache
)]
async fn stale(world: &World, id: u64) -> Result<u64, Broken> {
    let _ = id;
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "fresh.stale", skip(world), cache = world.cache)]
async fn never_stale(world: &World, id: u64) -> Result<u64, Broken> {
    let _ = id;
    world.try_load().await
}

#[tokio::test]
async fn r18_while_revalidating_the_old_value_is_given_at_once_and_one_caller_refreshes() {
    let world = World::new().await;
    assert_eq!(stale(&world, 1).await, Ok(1));
    world.write();
    world.clock.advance(MINUTE);
    world.forget_reached();
    world.hold();
    for _ in 0..10 {
        let (answer, report) = stale(&world, 1).with_cache_report().await;
        assert_eq!((answer, report.outcome), (Ok(1), Outcome::Stale));
    }
    world.reached(1).await;
    assert_eq!(world.loads(), 2, "one refresh for ten callers");
    world.let_go();
    world.cache.close().await.expect("the refresh ends");
    assert_eq!(stale(&world, 1).await, Ok(2));
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn r18_a_stale_answer_is_only_given_within_its_window() {
    let world = World::new().await;
    stale(&world, 1).await.expect("works");
    world.write();
    world.clock.advance(2 * MINUTE); // the window of stale_while_revalidate has just closed
    assert_eq!(stale(&world, 1).await, Ok(2), "waits for the load");

    world.break_down(true);
    world.write();
    world.clock.advance(3 * MINUTE - Duration::from_nanos(1));
    assert_eq!(stale(&world, 1).await, Ok(2), "the load fails");
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(stale(&world, 1).await, Err(Broken), "the window has closed");
}

#[tokio::test]
async fn r18_a_stale_answer_is_only_given_where_the_function_asked_for_it() {
    let world = World::new().await;
    stale(&world, 1).await.expect("works");
    world.write();
    world.clock.advance(MINUTE);
    world.break_down(true);
    assert_eq!(
        never_stale(&world, 1).await,
        Err(Broken),
        "the same entry, another function"
    );
    assert_eq!(
        world
            .cache
            .get(&Key::<u64>::new("fresh.stale", &(1,)))
            .await,
        None
    );
}

#[tokio::test]
async fn r18_an_invalidated_answer_is_never_given_as_stale() {
    for tag in [false, true] {
        let world = World::new().await;
        tagged(&world, 1).await.expect("works");
        world.clock.advance(MINUTE);
        world.break_down(true);
        let key = Key::<u64>::new("fresh.tagged", &(1,));
        if tag {
            world.cache.invalidate_tag("tagged:1").await.expect("done");
        } else {
            world.cache.invalidate(&key).await.expect("done");
        }
        assert_eq!(tagged(&world, 1).await, Err(Broken));
    }
}

#[cache_aside(
    ttl = "1m",
    jitter = 0,
    stale_if_error = "1h",
    tags = ["tagged:{id}"],
    prefix = "fresh.tagged",
    skip(world),
    cache = world.cache
)]
async fn tagged(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

/// The invalidation comes while the load that will fail is running.
#[tokio::test]
async fn r18_an_answer_invalidated_during_the_failing_load_is_not_given_either() {
    for tag in [false, true] {
        let world = World::new().await;
        tagged(&world, 1).await.expect("works");
        world.clock.advance(MINUTE);
        world.forget_reached();
        world.break_down(true);
        world.hold();
        let call = world.spawn(|world| async move { tagged(&world, 1).await });
        world.reached(1).await;
        if tag {
            world.cache.invalidate_tag("tagged:1").await.expect("done");
        } else {
            world
                .cache
                .invalidate(&Key::<u64>::new("fresh.tagged", &(1,)))
                .await
                .expect("done");
        }
        world.let_go();
        assert_eq!(call.await.expect("no panic"), Err(Broken));
    }
}

#[cache_aside(ttl = "100s", jitter = 0, refresh_ahead = 0.8, prefix = "fresh.ahead", key(), cache = world.cache)]
async fn ahead(world: &World) -> u64 {
    world.load().await
}

#[tokio::test]
async fn refresh_ahead_loads_behind_an_answer_that_is_still_fresh() {
    let world = World::new().await;
    ahead(&world).await;
    world.write();
    world.clock.advance(79 * SECOND);
    ahead(&world).await;
    settle().await;
    assert_eq!(world.loads(), 1);
    world.clock.advance(SECOND);
    let (answer, report) = ahead(&world).with_cache_report().await;
    assert_eq!((answer, report.outcome), (1, Outcome::Hit));
    until("the refresh is stored", || {
        world.cache.stats().total.stored == 2
    })
    .await;
    assert_eq!(ahead(&world).await, 2);
    assert_eq!(world.loads(), 2);
}

#[cache_aside(ttl = "100s", jitter = 0, early_expiry = 1e12, prefix = "fresh.early", key(), cache = world.cache)]
async fn early(world: &World) -> u64 {
    let version = world.load().await;
    world.clock.advance(Duration::from_millis(1));
    version
}

#[tokio::test]
async fn early_expiry_makes_the_caller_that_draws_it_load() {
    let world = World::new().await;
    early(&world).await;
    world.write();
    // At this beta every draw but one in ten million hits.
    let (answer, report) = early(&world).with_cache_report().await;
    assert_eq!((answer, report.outcome), (2, Outcome::Loaded));
}

#[cache_aside(ttl = "100s", jitter = 0, early_expiry = 1e12, prefix = "fresh.early_broken", key(), cache = world.cache)]
async fn early_broken(world: &World) -> Result<u64, Broken> {
    let version = world.try_load().await;
    world.clock.advance(Duration::from_millis(1));
    version
}

#[tokio::test]
async fn an_early_load_that_fails_gives_what_is_still_fresh() {
    let world = World::new().await;
    early_broken(&world).await.expect("works");
    world.break_down(true);
    assert_eq!(early_broken(&world).await, Ok(1));
    assert_eq!(world.loads(), 2);
    world.clock.advance(100 * SECOND);
    assert_eq!(early_broken(&world).await, Err(Broken));
}

#[derive(Debug, PartialEq)]
enum Failure {
    Broken,
    Slow,
}

impl From<LoadTimeout> for Failure {
    fn from(timeout: LoadTimeout) -> Self {
        assert_eq!(timeout.limit(), SECOND);
        Self::Slow
    }
}

#[cache_aside(ttl = "1m", load_timeout = "1s", prefix = "fresh.cut", key(), cache = world.cache)]
async fn cut(world: &World) -> Result<u64, Failure> {
    world.try_load().await.map_err(|Broken| Failure::Broken)
}

#[tokio::test(start_paused = true)]
async fn a_load_over_its_limit_is_cut_for_everybody() {
    let world = World::new().await;
    world.hold();
    let calls: Vec<_> = (0..3)
        .map(|_| world.spawn(|world| async move { cut(&world).await }))
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Err(Failure::Slow));
    }
    assert_eq!(
        world.loads(),
        1,
        "those who waited have a time-out of their own"
    );
    world.let_go();
    assert_eq!(cut(&world).await, Ok(1));
}

#[cache_aside(ttl = "1m", load_timeout = "60s", prefix = "fresh.patient", key(), cache = world.cache)]
async fn patient(world: &World) -> Result<u64, String> {
    Ok(world.load().await)
}

/// Half a minute is as long as anybody waits for another's load, but no time-out of the function.
#[tokio::test(start_paused = true)]
async fn a_long_limit_is_not_cut_short_by_waiting() {
    let world = World::new().await;
    world.hold();
    let start = tokio::time::Instant::now();
    let leads = world.spawn(|world| async move { patient(&world).await });
    settle().await;
    let waits = world.spawn(|world| async move { patient(&world).await });
    waits.await.expect("no panic").expect_err("cut");
    assert_eq!(
        start.elapsed().as_secs(),
        90,
        "30 s of waiting, then 60 s of its own load"
    );
    leads.await.expect("no panic").expect_err("cut");
    assert_eq!(world.loads(), 2);
}

#[cache_aside(
    ttl = "1m",
    jitter = 0,
    load_timeout = "1s",
    stale_if_error = "1m",
    prefix = "fresh.cut_stale",
    key(),
    cache = world.cache
)]
async fn cut_stale(world: &World) -> Option<u64> {
    Some(world.load().await)
}

/// No error can be made of an `Option`: a load is cut only where an old value can be given.
#[tokio::test(start_paused = true)]
async fn a_load_is_cut_only_if_there_is_something_to_give() {
    let world = World::new().await;
    world.hold();
    let first = world.spawn(|world| async move { cut_stale(&world).await });
    tokio::time::sleep(10 * SECOND).await;
    assert!(
        !first.is_finished(),
        "waits: there is nothing to give instead"
    );
    world.release(1);
    assert_eq!(first.await.expect("no panic"), Some(1));

    world.write();
    world.clock.advance(MINUTE);
    assert_eq!(cut_stale(&world).await, Some(1), "cut");
    world
        .cache
        .invalidate_prefix("fresh.cut_stale")
        .await
        .expect("done");
    let after = world.spawn(|world| async move { cut_stale(&world).await });
    tokio::time::sleep(10 * SECOND).await;
    assert!(!after.is_finished(), "what was invalidated is not given");
    world.let_go();
    assert_eq!(after.await.expect("no panic"), Some(2));
}

#[cache_aside(
    ttl = "1m",
    jitter = 0,
    soft_timeout = "1s",
    stale_if_error = "1h",
    prefix = "fresh.soft",
    key(),
    cache = world.cache
)]
async fn soft(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[tokio::test(start_paused = true)]
async fn after_the_soft_timeout_the_old_value_is_given_and_the_load_is_stored() {
    let world = World::new().await;
    soft(&world).await.expect("works");
    world.write();
    world.clock.advance(MINUTE);
    world.hold();
    let calls: Vec<_> = (0..3)
        .map(|_| world.spawn(|world| async move { soft(&world).await }))
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(1));
    }
    assert_eq!(world.loads(), 2);
    world.let_go();
    world.cache.close().await.expect("the load ends");
    assert_eq!(soft(&world).await, Ok(2));
    assert_eq!(world.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_within_the_soft_timeout_answers_itself() {
    let world = World::new().await;
    soft(&world).await.expect("works");
    world.write();
    world.clock.advance(MINUTE);
    assert_eq!(soft(&world).await, Ok(2));
    world.clock.advance(MINUTE);
    world.break_down(true);
    assert_eq!(soft(&world).await, Ok(2), "stale if error");
}

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", prefix = "fresh.bounded", skip(world), cache = world.cache)]
async fn bounded(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

#[tokio::test]
async fn background_loads_are_bounded() {
    let clock = Clock::manual();
    let cache = Cache::builder()
        .clock(clock.clone())
        .background_loads(2)
        .build()
        .await;
    let world = World::with(cache.expect("good settings"), clock);
    for id in 0..5 {
        bounded(&world, id).await;
    }
    world.clock.advance(MINUTE);
    world.forget_reached();
    world.hold();
    for id in 0..5 {
        assert_eq!(bounded(&world, id).await, 1, "stale");
    }
    world.reached(2).await;
    settle().await;
    assert_eq!(world.loads(), 7, "two of five refreshes run");
    assert_eq!(world.cache.health().await.reasons.len(), 1);
    world.let_go();
    until("both are done", || world.cache.stats().total.stored == 7).await;
    while !world.cache.health().await.reasons.is_empty() {
        settle().await;
    }
    for id in 0..5 {
        bounded(&world, id).await;
    }
    until("some more are refreshed", || {
        world.cache.stats().total.stored >= 9
    })
    .await;
}
