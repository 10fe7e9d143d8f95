//! The function that every system caches: a number in, a user out, 20 ms of work.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachekit::CachekitError;
use hitbox_fn::CacheableResponse;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// How long the work of one run takes.
pub(crate) const WORK: Duration = Duration::from_millis(20);

/// The key whose first run waits, in the middle of the work, for [`let_go`].
pub(crate) const HELD: u64 = 7_000_000;

static RUNS: AtomicU64 = AtomicU64::new(0);
static WORKED_MICROS: AtomicU64 = AtomicU64::new(0);
static HELD_RUNS: Semaphore = Semaphore::const_new(0);
static MAY_GO_ON: Semaphore = Semaphore::const_new(0);
static URL: OnceLock<String> = OnceLock::new();

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CacheableResponse)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
}

impl User {
    pub(crate) fn with_id(id: u64) -> Self {
        let name = format!("user number {id}");
        Self { id, name }
    }
}

/// The only error of the function; the body never has one, so each is of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) String);

impl From<CachekitError> for Failure {
    fn from(error: CachekitError) -> Self {
        Self(error.to_string())
    }
}

/// The body.
pub(crate) async fn load(id: u64) -> User {
    RUNS.fetch_add(1, Relaxed);
    if id == HELD {
        HELD_RUNS.add_permits(1);
        if let Ok(permit) = MAY_GO_ON.acquire().await {
            permit.forget();
        }
    }
    let started = Instant::now();
    tokio::time::sleep(WORK).await;
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    WORKED_MICROS.fetch_add(micros, Relaxed);
    User::with_id(id)
}

/// How often the body ran, and for how long in all.
pub(crate) fn work_so_far() -> (u64, Duration) {
    let worked = Duration::from_micros(WORKED_MICROS.load(Relaxed));
    (RUNS.load(Relaxed), worked)
}

/// Returns once a run for [`HELD`] is in the middle of its work.
pub(crate) async fn held() {
    if let Ok(permit) = HELD_RUNS.acquire().await {
        permit.forget();
    }
}

/// Lets the runs for [`HELD`] end, those that come later included.
pub(crate) fn let_go() {
    MAY_GO_ON.add_permits(1_000);
}

/// The server, for systems that are told where it is.
pub(crate) fn url() -> &'static str {
    URL.get().map_or("", String::as_str)
}

/// Once, at the start of the process.
pub(crate) fn set_url(url: String) {
    URL.get_or_init(|| url);
}
