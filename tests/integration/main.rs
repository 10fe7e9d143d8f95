//! The library as its users see it: the attributes and the public API.

#![allow(
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    reason = "a test that panics has failed"
)]

mod support;

mod audit;
mod back_off;
mod batch;
#[cfg(feature = "redis")]
mod breaker;
mod by_hand;
mod coherence;
mod coherence_hardening;
mod coherence_options;
#[cfg(feature = "redis")]
mod conformance;
mod expected_misses;
#[cfg(feature = "redis")]
mod fleet;
mod freshness;
mod hardening;
mod harness;
mod intents;
mod invalidation;
mod joining;
mod keys;
mod limiter;
#[cfg(feature = "redis")]
mod matrix;
mod modes;
mod nesting;
mod one_load;
#[cfg(feature = "redis")]
mod oracle;
#[cfg(feature = "redis")]
mod push_link;
#[cfg(feature = "redis")]
mod rate_limit;
#[cfg(feature = "redis")]
mod redis_link;
#[cfg(feature = "redis")]
mod refusals;
mod resilience_hardening;
mod roles;
mod runtimes;
mod secrets;
mod shared;
mod shared_hardening;
#[cfg(feature = "redis")]
mod soak;
mod stale_fleet;
mod storing;
mod test_kit;
#[cfg(all(feature = "redis", feature = "tls-rustls"))]
mod tls;
mod unkept;
mod views;
mod writes;
