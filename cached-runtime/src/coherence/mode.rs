//! What a user chooses between.

use std::time::Duration;

use crate::clock::Span;

/// Two clocks that measure the same time differ by less than one part in this many.
const DRIFT: u32 = 200;

/// How closely the copies in this process follow what other processes invalidate.
///
/// What this process invalidates is gone from its copies at once, whatever is chosen. Without a
/// store that is shared, there is nobody else, and the choice makes no difference.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Coherence, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::builder()
///     .coherence(Coherence::Bounded(Duration::from_millis(500)))
///     .build()
///     .await?;
/// // The price of one thing must never be old, whatever it costs.
/// let prices = Policy::ttl(Duration::from_secs(60)).coherence(Coherence::Strict);
/// # drop((cache, prices));
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coherence {
    /// Every local hit is confirmed by the store: one small trip, without the value. What was
    /// invalidated before a call began is never given.
    Strict,
    /// A local hit asks nobody as long as the store's pushes are heard. An invalidation reaches the
    /// copies of other processes at once as a rule, and within this time even if they are cut off.
    Bounded(Duration),
}

impl Default for Coherence {
    /// `Bounded`, within a second.
    fn default() -> Self {
        Self::Bounded(Duration::from_secs(1))
    }
}

impl Coherence {
    /// A shorter time cannot be kept: a heartbeat takes a part of it.
    pub(crate) const SHORTEST: Duration = Duration::from_millis(100);

    /// The time within which invalidations arrive; zero for `Strict`.
    pub(crate) fn window(self) -> Duration {
        match self {
            Self::Strict => Duration::ZERO,
            Self::Bounded(window) => window,
        }
    }

    pub(crate) const fn trust(self) -> Trust {
        match self {
            Self::Strict => Trust::NONE,
            Self::Bounded(window) => {
                // No clock runs so fast that `window` is over before this is.
                let kept = window.as_nanos();
                if kept < Self::SHORTEST.as_nanos() {
                    return Trust::NONE;
                }
                let trust = Span::of_nanos(kept - kept / DRIFT as u128);
                Trust(trust.that_ends())
            }
        }
    }
}

/// How long from now no process can have a copy that is older, if its window is `window`.
pub(crate) fn settled_after(window: Duration) -> Duration {
    window.saturating_add(window / DRIFT)
}

/// For how long after the last sign of life of the pushes a copy is given without a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trust(pub(crate) Span);

impl Trust {
    pub(crate) const NONE: Self = Self(Span::NONE);
    /// Where there is no store, nobody else can change anything.
    pub(crate) const FOREVER: Self = Self(Span::FOREVER);
}
