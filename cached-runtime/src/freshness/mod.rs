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

/// A `None` lives at most this long unless `negative_ttl` says otherwise.
pub(crate) const NEGATIVE_TTL: std::time::Duration = std::time::Duration::from_secs(30);
