//! What is compared: the same function in each system, one file each, with the same body.
//!
//! Every function takes `(u64, &str)`, keeps its answers for an hour and has room for twice what is measured. A local form keeps
//! them in this process, a remote form in the server alone.

pub(crate) mod amalgam;
pub(crate) mod cache_aside;
pub(crate) mod cached;
pub(crate) mod cachekit;
pub(crate) mod hitbox;
pub(crate) mod moka;
pub(crate) mod quick_cache;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::yield_now;

use crate::subject::User;

pub(crate) const TTL: Duration = Duration::from_secs(3_600);
/// Twice the entries of the local paths.
pub(crate) const ROOM: usize = 20_000;

/// Keys from here on are those of a crowd: their body ends when all callers have begun.
pub(crate) const CROWDS: u64 = 2_000_000_000;
pub(crate) const CROWD: u64 = 1_000;

/// Callers of the present crowd that have begun.
pub(crate) static BEGUN: AtomicU64 = AtomicU64::new(0);

static LOADS: AtomicU64 = AtomicU64::new(0);

/// The body of every function.
pub(crate) async fn load(id: u64, name: &str) -> User {
    LOADS.fetch_add(1, Relaxed);
    while id >= CROWDS && BEGUN.load(Relaxed) < CROWD {
        yield_now().await;
    }
    User::of(id, name)
}

/// How often the body ran, in all systems.
pub(crate) fn loads() -> u64 {
    LOADS.load(Relaxed)
}

/// Of a cache, since the body has no error. None is expected in a measurement.
#[derive(Clone, Debug)]
pub(crate) struct Failure(
    #[expect(dead_code, reason = "for the message of a panic")] pub(crate) String,
);
