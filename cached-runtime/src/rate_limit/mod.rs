//! How often something may be done: token buckets, one for each name, which all processes share.
//!
//! `limiter` is what users ask, `settings` how they say what is allowed, `here` the buckets of this
//! process, for when there is no store or it cannot be used. The rule itself is
//! [`Pace::draw`](crate::remote::Pace), and a script with the same text in the server.

mod here;
mod limiter;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use self::here::Buckets;
pub use self::limiter::{Decision, RateLimiter, RateLimiterStats};
pub use self::settings::RateLimiterBuilder;
