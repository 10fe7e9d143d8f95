//! Whether a store that fails is used.
//!
//! `circuit` decides it, without a clock and without a store: what happened, when, and by chance
//! how long, comes in. The states are those of [`BreakerState`].

#[cfg(any(test, feature = "redis"))]
mod circuit;
#[cfg(test)]
mod tests;

use serde::Serialize;

#[cfg(feature = "redis")]
pub(crate) use self::circuit::{Breaker, Pass};

/// Whether operations on the shared store are sent.
///
/// [`Stats::breaker`](crate::Stats::breaker) has it, and [`Health`](crate::Health) says it in words.
///
/// - One operation that gets no answer in time, or a connection that is lost, opens the breaker. From
///   then on operations fail at once, and calls load.
/// - The first time in a row, one heartbeat of the server closes it.
/// - If operations fail again before one has succeeded, it stays open for a pause, although heartbeats
///   pass: 250 ms, then twice as long each time, up to 4 s; by chance down to half of that. After
///   it the breaker is half-open: one operation at a time is sent. One that succeeds closes it, one that
///   fails opens it again.
/// - It is half-open, too, while the server can be used and invalidations wait to be done there:
///   they are sent, and nothing else is.
/// - What a server refuses (its memory is full, a right is missing) opens nothing: it answers.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{BreakerState, Cache};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let all_is_well = match cache.stats().breaker {
///     None => true, // There is no shared store.
///     Some(state) => state == BreakerState::Closed,
/// };
/// assert!(all_is_well);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BreakerState {
    /// Operations are sent.
    Closed,
    /// None is sent.
    Open,
    /// One at a time is sent, to see whether it succeeds; or only what has to be done first.
    HalfOpen,
}

impl BreakerState {
    /// For a sentence about a store; nothing where there is nothing to say.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Closed => "",
            Self::Open => " (circuit breaker open)",
            Self::HalfOpen => " (circuit breaker half-open)",
        }
    }
}
