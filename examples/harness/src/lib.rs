//! What the tests of the applications share.
//!
//! A [`Ground`] is where one test happens: a folder, and a private Redis or none. [`App`] is a real
//! binary on a free loopback port; it ends with its handle, and never outlives the test; [`run`] is for those
//! that end by themselves. Each test is run
//! twice, with Redis and without, by [`twice!`].

#![allow(
    clippy::missing_panics_doc,
    reason = "a test that panics has failed, and this is for tests"
)]

mod app;
mod client;
mod ground;
mod run;

#[allow(dead_code, reason = "the tests of the library use all of it")]
#[path = "../../../tests/integration/support/obtain.rs"]
mod obtain;
#[allow(dead_code, reason = "the tests of the library use all of it")]
#[path = "../../../tests/integration/support/place.rs"]
mod place;
#[allow(
    dead_code,
    missing_debug_implementations,
    reason = "the tests of the library use all of it"
)]
#[path = "../../../tests/integration/support/process.rs"]
mod process;
#[allow(
    dead_code,
    unused_imports,
    missing_debug_implementations,
    reason = "the tests of the library use all of it"
)]
#[path = "../../../tests/integration/support/proxy.rs"]
mod proxy;
#[allow(
    dead_code,
    missing_debug_implementations,
    reason = "the tests of the library use all of it"
)]
#[path = "../../../tests/integration/support/server.rs"]
mod server;
#[allow(dead_code, reason = "the tests of the library use all of it")]
#[path = "../../../tests/integration/support/unpack.rs"]
mod unpack;

pub use app::{App, at_once};
pub use client::{Request, Response};
pub use ground::{Ground, Redis, Road, server_settings};
pub use run::{Finished, run};

use std::time::{Duration, Instant};

/// Runs each of these functions as two tests: on a [`Ground`] with Redis, and on one without.
#[macro_export]
macro_rules! twice {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn with_redis() {
                super::$test($crate::Ground::with_redis().await).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn without_redis() {
                super::$test($crate::Ground::without_redis()).await;
            }
        }
    )+};
}

/// Asks until it is so; fails after twenty seconds, which are no measure of anything.
pub async fn eventually(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !ready().await {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "never happened: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
