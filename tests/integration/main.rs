//! The library as its users see it: the attributes and the public API.

#![allow(
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    reason = "a test that panics has failed"
)]

mod support;

mod batch;
mod freshness;
mod hardening;
mod invalidation;
mod keys;
mod modes;
mod one_load;
mod runtimes;
mod secrets;
mod storing;
mod writes;
