//! What every [`Remote`](super::Remote) must do, as checks that can be run against one.
//!
//! ```
//! # use cached_runtime as cache_aside;
//! use cache_aside::remote::conformance::Conformance;
//! use cache_aside::remote::{DoubleServer, Remote};
//! use std::sync::Arc;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let server = DoubleServer::new(1);
//! let time = server.clone();
//! let suite = Conformance::new(
//!     move || std::future::ready(Arc::new(server.connect()) as Arc<dyn Remote>),
//!     move |passes| {
//!         time.advance(passes);
//!         std::future::ready(())
//!     },
//! );
//! suite.all().await;
//! # });
//! ```
//!
//! The checks of one suite use names of their own, so they can run side by side against a server.
//! They wait for a little more than a second of server time where something has to run out, and a
//! server that needs half a second for one operation may fail them.

mod batches;
#[cfg(feature = "rate-limit")]
mod buckets;
mod cells;
mod ends;
mod fills;
mod intents;
mod leases;
mod names;
mod openings;
mod process;
mod pushes;
mod suite;
mod waiters;

pub use self::suite::{CHECKS, Check, Conformance};
