//! The only place that reads time.
//!
//! Two readings of one clock that counts suspended time: an exact one for decisions, and a coarse
//! one, a few nanoseconds cheap, that a plain hit can afford.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// Where a cache takes the time from.
///
/// The system's clock by default. Tests take a clock of their own and move it:
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Clock, Key, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let clock = Clock::manual();
/// let cache = Cache::builder().clock(clock.clone()).build().await?;
/// let key = Key::<u32>::new("answer", &());
/// cache.put(&key, &42, &Policy::ttl(Duration::from_secs(60)).jitter(0.0)).await?;
///
/// clock.advance(Duration::from_secs(59));
/// assert_eq!(cache.get(&key).await, Some(42));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(cache.get(&key).await, None);
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
    /// Manual, with coarse readings that are as far behind as they may be.
    #[cfg(test)]
    Lagging(Arc<AtomicU64>),
}

/// Nanoseconds since the origin of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// Clocks begin with this, some 36 years: what a store has may be older than the machine is up, and still has to have
/// a moment.
const ORIGIN: u64 = 1 << 60;

/// A coarse reading is never further behind the exact one than this.
pub(crate) const COARSE_LAG: Duration = Duration::from_millis(20);

impl Clock {
    /// The system's clock; it counts the time a machine is suspended.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it. Clones share one time.
    ///
    /// It moves the life of stored values. Time-outs of loads are timers of the runtime
    /// (`tokio::time::pause` moves those).
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(ORIGIN))))
    }

    #[cfg(test)]
    pub(crate) fn lagging() -> Self {
        Self(Source::Lagging(Arc::new(AtomicU64::new(ORIGIN))))
    }

    /// Moves a manual clock forward; the system's clock cannot be moved and ignores the call.
    pub fn advance(&self, by: Duration) {
        let time = match &self.0 {
            Source::System => return,
            Source::Manual(time) => time,
            #[cfg(test)]
            Source::Lagging(time) => time,
        };
        let forward = |time: u64| Some(time.saturating_add(nanos(by)));
        // It always gives a time, so it cannot fail.
        let _ = time.fetch_update(Relaxed, Relaxed, forward);
    }

    pub(crate) fn now(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(system::exact()),
            Source::Manual(time) => Moment(time.load(Relaxed)),
            #[cfg(test)]
            Source::Lagging(time) => Moment(time.load(Relaxed)),
        }
    }

    /// At most [`COARSE_LAG`] behind [`now`](Self::now), never ahead of it.
    #[inline]
    pub(crate) fn coarse(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(system::coarse()),
            Source::Manual(time) => Moment(time.load(Relaxed)),
            #[cfg(test)]
            Source::Lagging(time) => Moment(time.load(Relaxed)).before(COARSE_LAG),
        }
    }

    /// An exact reading that costs little more than a coarse one: for what must not outlive its time
    /// by a tick, nor a suspension by a single call.
    #[inline]
    pub(crate) fn sharp(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(system::sharp()),
            Source::Manual(time) => Moment(time.load(Relaxed)),
            #[cfg(test)]
            Source::Lagging(time) => Moment(time.load(Relaxed)),
        }
    }
}

/// A length of time, cheap to add to a [`Moment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(u64);

/// A moment that only moves forward.
#[derive(Debug)]
pub(crate) struct AtomicMoment(AtomicU64);

impl Span {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const FOREVER: Self = Self(u64::MAX);

    /// The same, or the longest that is not forever.
    pub(crate) const fn that_ends(self) -> Self {
        match self {
            Self::FOREVER => Self(u64::MAX - 1),
            ends => ends,
        }
    }

    pub(crate) const fn of_nanos(time: u128) -> Self {
        if time > u64::MAX as u128 {
            return Self::FOREVER;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was compared")]
        Self(time as u64)
    }
}

impl AtomicMoment {
    pub(crate) fn new(moment: Moment) -> Self {
        Self(AtomicU64::new(moment.0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Moment {
        Moment(self.0.load(Acquire))
    }

    pub(crate) fn forward(&self, to: Moment) {
        self.0.fetch_max(to.0, Release);
    }
}

impl Moment {
    /// No reading lies before it.
    pub(crate) const FIRST: Self = Self(0);
    /// No reading lies after it.
    pub(crate) const LAST: Self = Self(u64::MAX);

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)))
    }

    #[inline]
    pub(crate) fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    pub(crate) fn before(self, lead: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(lead)))
    }

    /// Zero where `earlier` lies ahead.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use rustix::time::{ClockId, clock_gettime};

    use super::ORIGIN;

    /// The origin, and what suspended time adds to the coarse clock, which does not count it. Every exact
    /// reading brings it up to date, and each thread takes one every 256 coarse readings.
    static SUSPENDED: AtomicU64 = AtomicU64::new(ORIGIN);

    thread_local! {
        static READINGS: Cell<u8> = const { Cell::new(0) };
    }

    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "a third of a coarse reading otherwise"
    )]
    fn read(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        #[expect(clippy::cast_sign_loss, reason = "these clocks start at zero")]
        let nanos = (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64;
        nanos
    }

    pub(super) fn exact() -> u64 {
        // In this order, a pause between the two makes the difference too small, and never too
        // large; and it never shrinks.
        let boot = read(ClockId::Boottime) + ORIGIN;
        let suspended = boot.saturating_sub(read(ClockId::Monotonic));
        // Mostly it has not grown; then no memory is written that other threads read.
        if suspended > SUSPENDED.load(Relaxed) {
            SUSPENDED.fetch_max(suspended, Relaxed);
        }
        boot
    }

    #[inline(never)]
    pub(super) fn coarse() -> u64 {
        let readings = READINGS.get();
        READINGS.set(readings.wrapping_add(1));
        if readings == 0 {
            return exact();
        }
        read(ClockId::MonotonicCoarse) + SUSPENDED.load(Relaxed)
    }

    #[inline(never)]
    pub(super) fn sharp() -> u64 {
        read(ClockId::Boottime) + ORIGIN
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::disallowed_methods, reason = "this module is the clock")]
mod system {
    use std::sync::LazyLock;
    use std::time::Instant;

    use super::ORIGIN;

    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn exact() -> u64 {
        ORIGIN.saturating_add(super::nanos(FIRST.elapsed()))
    }

    pub(super) fn coarse() -> u64 {
        exact()
    }

    pub(super) fn sharp() -> u64 {
        exact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sharp_reading_is_as_good_as_the_exact_one() {
        let clock = Clock::system();
        for _ in 0..10_000 {
            let before = clock.now();
            let sharp = clock.sharp();
            assert!(before <= sharp && sharp <= clock.now());
        }
        let clock = Clock::manual();
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.sharp(), clock.now());
    }

    #[test]
    fn the_coarse_reading_follows_the_exact_one_closely_and_never_leads() {
        let clock = Clock::system();
        for _ in 0..10_000 {
            let coarse = clock.coarse();
            let exact = clock.now();
            assert!(coarse <= exact);
            let lag = exact.since(coarse);
            // Twice the promise: this thread may be paused between the two readings.
            assert!(
                lag < COARSE_LAG * 2 || lag > Duration::from_millis(100),
                "{lag:?}"
            );
        }
    }
}
