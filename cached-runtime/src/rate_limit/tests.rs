use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::here::{BucketId, Buckets};
use super::settings::pace;
use super::{Decision, RateLimiter};
use crate::cache::Cache;
use crate::clock::{Clock, Moment};
use crate::error::ErrorKind;
use crate::remote::{DoubleServer, Level, MOST_PARTS};
use crate::test_util::{self, Mishap, Op};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const MICRO: Duration = Duration::from_micros(1);

fn limiter(cache: &Cache, count: u64, per: Duration, burst: u64) -> RateLimiter {
    let settings = RateLimiter::builder(cache, "api").rate(count, per);
    settings.burst(burst).build().expect("good settings")
}

/// Eight tasks with 50 questions each, in turn on each of the limiters. How many were allowed.
async fn stampede(limiters: &[RateLimiter], shared: bool) -> u64 {
    let passed = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let limiter = limiters[task % limiters.len()].clone();
        let passed = Arc::clone(&passed);
        tasks.spawn(async move {
            for _ in 0..50 {
                let decision = limiter.check("ann").await;
                assert_eq!(decision.shared, shared);
                passed.fetch_add(u64::from(decision.allowed), Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    passed.load(Relaxed)
}

async fn left(limiter: &RateLimiter, name: &str) -> u64 {
    limiter.check_cost(name, 0).await.remaining
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_the_burst_passes() {
    let (cache, clock) = test_util::in_process();
    let same_name = [limiter(&cache, 7, HOUR, 123), limiter(&cache, 7, HOUR, 123)];
    assert_eq!(stampede(&same_name, false).await, 123);
    clock.advance(HOUR);
    assert_eq!(stampede(&same_name, false).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_the_burst_passes_in_two_processes_together() {
    let fleet = test_util::fleet(2);
    let limiters = fleet.caches.iter();
    let limiters: Vec<_> = limiters.map(|cache| limiter(cache, 7, HOUR, 123)).collect();
    assert_eq!(stampede(&limiters, true).await, 123);
    fleet.server.advance(HOUR);
    assert_eq!(stampede(&limiters, true).await, 7);
}

#[tokio::test]
async fn a_token_comes_back_when_it_was_said_and_no_earlier() {
    for (count, per, burst) in [
        (3, SECOND, 5),
        (7, HOUR, 7),
        (1, MICRO, 2),
        (9, 4 * MICRO, 1),
    ] {
        let (cache, clock) = test_util::in_process();
        let limiter = limiter(&cache, count, per, burst);
        assert!(limiter.check_cost("ann", burst).await.allowed);
        for _ in 0..20 {
            let refused = limiter.check("ann").await;
            let after = refused.retry_after.expect("it comes back");
            clock.advance(after.saturating_sub(MICRO));
            assert!(!limiter.check("ann").await.allowed, "{count} in {per:?}");
            clock.advance(MICRO);
            assert!(limiter.check("ann").await.allowed, "{count} in {per:?}");
            // Several may have come back within the microsecond.
            while limiter.check("ann").await.allowed {}
        }
        clock.advance(1_000 * HOUR);
        assert_eq!(left(&limiter, "ann").await, burst);
    }
}

#[tokio::test]
async fn what_costs_more_than_there_is_takes_nothing() {
    let (cache, clock) = test_util::in_process();
    let limiter = limiter(&cache, 1, SECOND, 10);
    assert!(limiter.check_cost("ann", 8).await.allowed);
    let refused = limiter.check_cost("ann", 5).await;
    let expected = Decision {
        allowed: false,
        remaining: 2,
        retry_after: Some(3 * SECOND),
        shared: false,
    };
    assert_eq!(refused, expected);
    clock.advance(3 * SECOND);
    assert!(limiter.check_cost("ann", 5).await.allowed);
    for cost in [11, MOST_PARTS, u64::MAX] {
        let never = limiter.check_cost("ann", cost).await;
        assert!(!never.allowed && never.retry_after.is_none(), "{never:?}");
        assert_eq!(never.retry_after_seconds(), None);
    }
    assert_eq!(left(&limiter, "bob").await, 10, "names do not meet");
}

#[tokio::test]
async fn without_the_store_each_process_goes_on_from_what_it_knows() {
    let fleet = test_util::fleet(2);
    let limiters = fleet.caches.iter();
    let limiters: Vec<_> = limiters.map(|cache| limiter(cache, 1, HOUR, 10)).collect();
    let [here, there] = &limiters[..] else {
        unreachable!()
    };
    assert!(there.check_cost("ann", 4).await.shared);
    assert_eq!(here.check_cost("ann", 2).await.remaining, 4);

    fleet.stores[0].begin(Mishap::Unavailable, &Op::ALL);
    let mut passed = 0;
    for _ in 0..100 {
        let decision = here.check("ann").await;
        assert!(!decision.shared);
        passed += u64::from(decision.allowed);
    }
    assert_eq!(passed, 4);
    assert!(there.check("ann").await.shared, "the other one reaches it");

    fleet.stores[0].clear();
    let decision = here.check("ann").await;
    assert!(decision.shared && decision.allowed);
    assert_eq!(decision.remaining, 2);
}

#[tokio::test]
async fn what_was_decided_is_counted_and_by_whom() {
    let fleet = test_util::fleet(1);
    let limiter = limiter(&fleet.caches[0], 1, HOUR, 3);
    let counts = || {
        let stats = limiter.stats();
        (stats.allowed, stats.refused, stats.unshared)
    };
    for _ in 0..4 {
        let _ = limiter.clone().check("ann").await;
    }
    let _ = limiter.check_cost("ann", 0).await;
    assert_eq!(counts(), (3, 1, 0));
    fleet.stores[0].begin(Mishap::Unavailable, &Op::ALL);
    for name in ["ann", "bob"] {
        let _ = limiter.check(name).await;
    }
    assert_eq!(counts(), (4, 2, 2));
    fleet.stores[0].clear();
    let _ = limiter.check_cost("bob", 3).await;
    assert_eq!(counts(), (5, 2, 2));

    let (cache, _) = test_util::in_process();
    let alone = self::limiter(&cache, 1, HOUR, 3);
    let _ = alone.check("ann").await;
    assert_eq!((alone.stats().allowed, alone.stats().unshared), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_no_or_nothing_is_no_error() {
    let fleet = test_util::fleet(1);
    let limiter = limiter(&fleet.caches[0], 1, HOUR, 2);
    for mishap in [Mishap::Refused, Mishap::ReplyLost, Mishap::Hang] {
        fleet.stores[0].begin(mishap, &[Op::Draw]);
        let name = format!("{mishap:?}");
        let mut answers = Vec::new();
        for _ in 0..3 {
            let decision = limiter.check(&name).await;
            assert!(!decision.shared);
            answers.push(decision.allowed);
        }
        assert_eq!(answers, [true, true, false], "{mishap:?}");
        fleet.stores[0].clear();
    }
    fleet.server.fill_memory(true);
    assert!(!limiter.check("full").await.shared);
}

#[tokio::test]
async fn names_and_limiters_do_not_run_into_each_other() {
    let (cache, _) = test_util::in_process();
    let of = |name: &str| {
        let settings = RateLimiter::builder(&cache, name).rate(1, HOUR);
        settings.build().expect("good settings")
    };
    let (one, other) = (of("a"), of("ab"));
    assert!(one.check("bc").await.allowed);
    assert!(other.check("c").await.allowed, "`a` `bc` is not `ab` `c`");
    assert!(!of("a").check("bc").await.allowed, "the same name");
}

#[tokio::test]
async fn a_cache_that_is_turned_off_limits_all_the_same() {
    let server = DoubleServer::new(1);
    let builder = Cache::builder().enabled(false);
    let builder = builder.remote(Arc::new(server.connect()));
    let limiter = limiter(&builder.build().await.expect("good settings"), 1, HOUR, 1);
    let (first, second) = (limiter.check("ann").await, limiter.check("ann").await);
    assert!(first.allowed && first.shared && !second.allowed);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let cache = Cache::in_process();
    let build = |name: &str, rate: Option<(u64, Duration)>, burst: Option<u64>| {
        let mut settings = RateLimiter::builder(&cache, name);
        if let Some((count, per)) = rate {
            settings = settings.rate(count, per);
        }
        if let Some(burst) = burst {
            settings = settings.burst(burst);
        }
        settings.build()
    };
    let good = Some((10, SECOND));
    for (name, rate, burst, says) in [
        ("", good, None, "name"),
        ("a\n", good, None, "name"),
        (&*"x".repeat(65), good, None, "name"),
        ("api", None, Some(3), "needs `rate`"),
        ("api", Some((0, SECOND)), None, "`rate`"),
        ("api", Some((1, Duration::ZERO)), None, "`rate`"),
        ("api", Some((1, Duration::from_nanos(999))), None, "`rate`"),
        ("api", good, Some(0), "`burst`"),
        ("api", Some((u64::MAX, SECOND)), None, "too large"),
        ("api", Some((1, Duration::MAX)), None, "too large"),
        ("api", good, Some(u64::MAX), "too large"),
        ("api", Some((1, MICRO)), Some(MOST_PARTS + 1), "too large"),
        ("api", Some((MOST_PARTS + 1, MICRO)), Some(1), "too large"),
    ] {
        let error = build(name, rate, burst).expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
    for (rate, burst) in [
        ((1, MICRO), MOST_PARTS),
        ((MOST_PARTS, MICRO), 1),
        ((1_000_000, 24 * HOUR), 1_000_000),
    ] {
        assert!(build("api", Some(rate), Some(burst)).is_ok(), "{rate:?}");
    }
}

fn id(number: u64) -> BucketId {
    let mut id = [0; 16];
    // All in one bay.
    id[8..].copy_from_slice(&number.to_le_bytes());
    id
}

#[test]
fn what_is_full_again_is_forgotten() {
    let (clock, buckets) = (Clock::manual(), Buckets::default());
    let slow = pace(1, SECOND, 10).expect("good settings");
    for number in 0..100_000 {
        assert!(
            buckets
                .draw(&id(number), slow, slow.token, clock.now())
                .allowed
        );
        clock.advance(Duration::from_millis(10));
        assert!(buckets.len() <= 256, "a hundred are not full at a time");
    }
}

#[test]
fn of_too_many_those_are_forgotten_that_are_nearly_full() {
    let (clock, buckets) = (Clock::manual(), Buckets::of(100));
    let slow = pace(1, HOUR, 10).expect("good settings");
    let empty = id(u64::MAX);
    assert!(
        buckets
            .draw(&empty, slow, 10 * slow.token, clock.now())
            .allowed
    );
    for number in 0..10_000 {
        assert!(
            buckets
                .draw(&id(number), slow, slow.token, clock.now())
                .allowed
        );
        assert!(buckets.len() <= 101);
        clock.advance(MICRO);
    }
    assert!(buckets.len() > 80);
    assert!(!buckets.draw(&empty, slow, slow.token, clock.now()).allowed);
}

#[test]
fn answers_of_the_store_that_overtake_each_other_leave_what_is_less() {
    let (clock, buckets) = (Clock::manual(), Buckets::default());
    let pace = pace(1, SECOND, 10).expect("good settings");
    let now = clock.now();
    for tokens in [3, 5, 4, 0] {
        buckets.learn(&id(1), pace, tokens * pace.token, now);
    }
    let drawn = buckets.draw(&id(1), pace, 0, now);
    assert_eq!(drawn.missing, 5 * pace.token);
}

#[test]
fn a_clock_that_was_set_back_stops_nothing_for_long() {
    let pace = pace(1, SECOND, 2).expect("good settings");
    let ahead = Level {
        token: pace.token,
        missing: pace.capacity,
        at: 3_600_000_000,
    };
    let (drawn, level) = pace.draw(Some(ahead), pace.token, 5);
    assert!(!drawn.allowed);
    let level = level.expect("the time is put right");
    let (drawn, _) = pace.draw(Some(level), pace.token, 5 + 1_000_000);
    assert!(drawn.allowed);
}

proptest! {
    /// Against tokens that are counted as fractions, one after the other.
    #[test]
    fn a_bucket_is_what_its_settings_say(
        count in 1_u64..50,
        micros in 1_u64..1_000,
        burst in 1_u64..40,
        draws in prop::collection::vec((0_u64..2_000, 0_u64..4, 0_u64..45), 1..60),
    ) {
        let pace = pace(count, Duration::from_micros(micros), burst).expect("good settings");
        let (clock, buckets) = (Clock::manual(), Buckets::default());
        // What is there, in tokens times `micros`; each name for itself.
        let mut there: HashMap<u64, (u128, Moment)> = HashMap::new();
        let full = u128::from(burst) * u128::from(micros);
        for (wait, name, cost) in draws {
            clock.advance(Duration::from_micros(wait));
            let now = clock.now();
            let (level, at) = there.get(&name).copied().unwrap_or((full, now));
            let level = (level + now.since(at).as_micros() * u128::from(count)).min(full);
            let wanted = u128::from(cost) * u128::from(micros);
            let drawn = buckets.draw(&id(name), pace, cost * pace.token, now);
            prop_assert_eq!(drawn.allowed, wanted <= level);
            let level = if drawn.allowed { level - wanted } else { level };
            // The same fraction, with what both have in common cancelled.
            let left = u128::from(pace.capacity - drawn.missing);
            prop_assert_eq!(left * u128::from(micros), level * u128::from(pace.token));
            there.insert(name, (level, now));
        }
    }
}
