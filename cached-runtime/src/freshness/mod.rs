//! When an answer is fresh, when it may still be served, and when to refresh it early.
//!
//! `jitter.rs` spreads expiries, `life.rs` turns a policy into the deadlines of one entry,
//! `early.rs` decides on refreshes before expiry. All three are pure: randomness comes in as a
//! number.

mod early;
mod jitter;
mod life;
#[cfg(test)]
mod tests;

pub(crate) use self::early::Early;
pub use self::jitter::Jitter;
pub(crate) use self::life::{Life, Windows};

use std::time::Duration;

/// A `None` lives at most this long unless `negative_ttl` says otherwise.
pub(crate) const NEGATIVE_TTL: Duration = Duration::from_secs(30);

/// Like `Duration::mul_f64`, for numbers that come from users: it does not panic.
fn scale(duration: Duration, factor: f64) -> Duration {
    // `max` also turns a NaN into zero.
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor.max(0.0)).unwrap_or(Duration::MAX)
}
