//! What a hostile review found: noise from other keys, cancelled leaders, values and subscribers
//! that call back into the cache, runtimes without timers.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Clock, Key, Outcome, Policy, cache_aside, cache_invalidate};
use serde::{Deserialize, Serialize};

use crate::support::{Broken, MINUTE, SECOND, World, settle};

#[cache_aside(ttl = "1m", prefix = "hard.plain", key_fn = plain_key, skip(world), cache = world.cache)]
async fn plain(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "hard.kept", key_fn = kept_key, skip(world), cache = world.cache)]
async fn kept(world: &World, id: u64) -> Result<u64, Broken> {
    let _ = id;
    world.try_load().await
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", soft_timeout = "50ms", prefix = "hard.soft", skip(world), cache = world.cache)]
async fn soft(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

/// An executor without timers or tasks.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
        std::thread::yield_now();
    }
}

/// Runs on a thread of its own, so that a deadlock is a failure and not a test that never ends.
fn bounded(run: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        run();
        done.send(()).expect("somebody waits");
    });
    let ended = finished.recv_timeout(20 * SECOND) != Err(mpsc::RecvTimeoutError::Timeout);
    assert!(ended, "it does not end");
    thread.join().expect("no panic");
}

#[tokio::test]
async fn invalidations_of_other_keys_take_no_stale_answer_away() {
    let world = World::new().await;
    assert_eq!(kept(&world, 1).await, Ok(1));
    for other in 2..20_000 {
        world
            .cache
            .invalidate(&kept_key(other))
            .await
            .expect("done");
    }
    assert!(
        !world
            .cache
            .inspect(&kept_key(1))
            .await
            .expect("stored")
            .invalidated
    );
    world.clock.advance(2 * MINUTE);
    world.break_down(true);
    assert_eq!(kept(&world, 1).await, Ok(1));
}

#[tokio::test]
async fn r1_puts_of_other_keys_cause_no_second_load() {
    let world = World::new().await;
    world.hold();
    let callers: Vec<_> = (0..100)
        .map(|_| world.spawn(|world| async move { plain(&world, 1).await }))
        .collect();
    world.reached(1).await;
    settle().await;
    for other in 2..20_000 {
        let policy = Policy::ttl(MINUTE);
        world
            .cache
            .put(&plain_key(other), &0, &policy)
            .await
            .expect("stored");
    }
    world.let_go();
    for caller in callers {
        caller.await.expect("no panic");
    }
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn r6_leaders_that_go_away_one_after_the_other_cause_no_stampede() {
    let world = World::new().await;
    world.hold();
    let mut callers = Vec::new();
    for leads in 1..=5 {
        // Whoever is first in line leads next: the one that boarded first.
        callers.push({
            let world = world.clone();
            tokio::spawn(async move { plain(&world, 1).await })
        });
        settle().await;
        if leads == 1 {
            callers.extend(
                (0..50).map(|_| world.spawn(|world| async move { plain(&world, 1).await })),
            );
            settle().await;
        }
    }
    for gone in 1..=20 {
        let loads = world.loads();
        callers.remove(0).abort();
        settle().await;
        assert!(
            world.loads() <= loads + 1,
            "{gone} went away, and more than one took over"
        );
    }
    world.let_go();
    for caller in callers {
        assert_eq!(caller.await.expect("not aborted"), 1);
    }
    assert!(world.loads() <= 21);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_nobody_polls_does_not_hold_the_others_up_for_ever() {
    let world = World::new().await;
    world.hold();
    let mut paused = Box::pin(plain(&world, 5));
    let polled = paused
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    world.let_go();
    let waits: Vec<_> = (0..10)
        .map(|_| world.spawn(|world| async move { plain(&world, 5).await }))
        .collect();
    for call in waits {
        let answer = tokio::time::timeout(10 * MINUTE, call)
            .await
            .expect("half a minute");
        assert_eq!(answer.expect("no panic"), 1);
    }
    assert_eq!(world.loads(), 2, "one of them took the lead");
}

static CALLED_BACK: OnceLock<Cache> = OnceLock::new();

/// Calls the cache when it is destroyed.
#[derive(Clone, Serialize, Deserialize)]
struct Loud(u64);

impl Drop for Loud {
    fn drop(&mut self) {
        if let Some(cache) = CALLED_BACK.get() {
            let derived = Key::<u64>::new("hard.derived", &(self.0,));
            block_on(cache.invalidate(&derived)).expect("done");
        }
    }
}

#[test]
fn a_value_may_call_the_cache_when_it_is_destroyed() {
    bounded(|| {
        let cache = Cache::in_process();
        assert!(CALLED_BACK.set(cache.clone()).is_ok());
        let key = Key::<Loud>::new("hard.loud", &(1,));
        for round in 0..200 {
            block_on(cache.put(&key, &Loud(round), &Policy::ttl(MINUTE))).expect("stored");
        }
        block_on(cache.clear()).expect("done");
    });
}

static LIVE: AtomicI64 = AtomicI64::new(0);

#[derive(Serialize, Deserialize)]
struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, SeqCst);
        Self
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, SeqCst);
    }
}

#[test]
fn r19_what_left_the_cache_is_destroyed() {
    let cache = block_on(Cache::builder().local_capacity(4).build()).expect("good settings");
    let policy = Policy::ttl(MINUTE);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (cache, policy) = (&cache, &policy);
            scope.spawn(move || {
                for i in 0..31_u64 {
                    let key = Key::<Counted>::new("hard.counted", &(thread, i));
                    block_on(cache.put(&key, &Counted::new(), policy)).expect("stored");
                }
            });
        }
    });
    block_on(cache.clear()).expect("done");
    block_on(cache.invalidate(&Key::<Counted>::new("hard.counted", &()))).expect("done");
    assert_eq!(LIVE.load(SeqCst), 0);
}

mod twins {
    //! Two functions with one default prefix: an error event at the first call of the second.
    use cache_aside::cache_aside;

    pub(super) async fn both() -> (u64, u64) {
        let first = || {
            #[cache_aside(ttl = "1m")]
            async fn twin() -> u64 {
                1
            }
            twin()
        };
        let second = || {
            #[cache_aside(ttl = "1m")]
            async fn twin() -> u64 {
                2
            }
            twin()
        };
        (first().await, second().await)
    }
}

/// Looks its settings up in the cache at every error.
struct Alerting(AtomicU64);

impl tracing::Subscriber for Alerting {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(block_on(settings()), SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[cache_aside(ttl = "1m")]
async fn settings() -> u64 {
    1
}

#[test]
fn a_subscriber_may_make_cached_calls() {
    bounded(|| {
        tracing::subscriber::with_default(Alerting(AtomicU64::new(0)), || {
            assert_eq!(block_on(twins::both()), (1, 2));
        });
    });
}

#[cache_aside(ttl = "1m", load_timeout = "10s", prefix = "hard.limited", key(), cache = world.cache)]
async fn limited(world: &World) -> Result<u64, String> {
    Ok(world.load().await)
}

#[test]
fn a_runtime_without_timers_keeps_no_limits_and_does_not_panic() {
    // Where a cache is built, that is told.
    let world = block_on(World::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        assert_eq!(limited(&world).await, Ok(1));
        world.cache.close().await.expect("nothing runs");
    });
}

#[tokio::test(start_paused = true)]
async fn the_soft_timeout_holds_when_all_background_loads_hang() {
    let clock = Clock::manual();
    let cache = Cache::builder()
        .clock(clock.clone())
        .background_loads(1)
        .build()
        .await;
    let world = World::with(cache.expect("good settings"), clock);
    for id in 1..=2 {
        soft(&world, id).await;
    }
    world.clock.advance(2 * MINUTE);
    world.hold();
    assert_eq!(soft(&world, 1).await, 1);
    let second = tokio::time::timeout(SECOND, soft(&world, 2)).await;
    assert_eq!(second.expect("50 ms"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_soft_timeout_holds_after_the_leader_went_away() {
    let world = World::new().await;
    soft(&world, 1).await;
    world.clock.advance(2 * MINUTE);
    world.hold();
    let leads = world.spawn(|world| async move { soft(&world, 1).refresh_cache().await });
    settle().await;
    let waits =
        world.spawn(|world| async move { tokio::time::timeout(SECOND, soft(&world, 1)).await });
    settle().await;
    leads.abort();
    assert_eq!(waits.await.expect("no panic").expect("100 ms"), 1);
}

struct Unprintable;

impl std::fmt::Display for Unprintable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("as asked")
    }
}

#[cache_aside(ttl = "1m", prefix = "hard.read", tags = ["hard:{id}"], skip(world), cache = world.cache)]
async fn read(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_invalidate(tags = ["hard:{id}", "other:{result}"], cache = world.cache)]
async fn write(world: &World, id: u64) -> Unprintable {
    world.write();
    Unprintable
}

#[tokio::test]
async fn a_tag_that_panics_does_not_keep_the_others_from_being_invalidated() {
    let world = World::new().await;
    assert_eq!(read(&world, 1).await, 1);
    let writing = world.spawn(|world| async move { write(&world, 1).await });
    assert!(writing.await.is_err_and(|ended| ended.is_panic()));
    assert_eq!(read(&world, 1).await, 2);
}

#[cache_aside(ttl = "1m", negative_ttl = 0, prefix = "hard.gone", skip(gone, cache), cache = cache)]
async fn found(cache: &Cache, id: u64, gone: bool) -> Option<u64> {
    (!gone).then_some(id)
}

#[tokio::test]
async fn a_refresh_that_finds_nothing_ends_the_old_answer() {
    let cache = Cache::in_process();
    assert_eq!(found(&cache, 1, false).await, Some(1));
    assert_eq!(found(&cache, 1, true).refresh_cache().await, None);
    assert_eq!(found(&cache, 1, true).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_puts_at_once_one_stays() {
    let cache = Cache::in_process();
    let key = Key::<u64>::new("hard.puts", &());
    for _ in 0..5_000 {
        let put = |value: u64| {
            let (cache, key) = (cache.clone(), key.clone());
            tokio::spawn(async move { cache.put(&key, &value, &Policy::ttl(MINUTE)).await })
        };
        let (one, other) = (put(1), put(2));
        one.await.expect("no panic").expect("stored");
        other.await.expect("no panic").expect("stored");
        assert!(cache.get(&key).await.is_some());
    }
}

#[tokio::test]
async fn every_report_that_was_asked_for_is_given() {
    let world = World::new().await;
    let inner = async { plain(&world, 9).with_cache_report().await };
    let ((_, inner), outer) = inner.with_cache_report().await;
    assert_eq!(
        (inner.outcome, outer.outcome),
        (Outcome::Loaded, Outcome::Loaded)
    );
}

#[tokio::test]
async fn time_never_goes_backwards() {
    let clock = Clock::manual();
    let cache = Cache::builder()
        .clock(clock.clone())
        .build()
        .await
        .expect("good settings");
    let key = Key::<u64>::new("hard.time", &());
    clock.advance(SECOND);
    cache
        .put(&key, &1, &Policy::ttl(MINUTE))
        .await
        .expect("stored");
    clock.advance(Duration::MAX);
    assert_eq!(cache.get(&key).await, None);
}
