//! A source of truth that counts its loads and can be held at a named point; below, servers, networks and
//! processes to break.

pub(crate) mod dice;
pub(crate) mod log;
pub(crate) mod obtain;
pub(crate) mod place;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod refusing;
pub(crate) mod server;
pub(crate) mod snapshot;
mod unpack;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cache_aside::{Cache, Clock};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// What goes wrong in the source. Not `Clone`: each caller has its own.
#[derive(Debug, PartialEq)]
pub(crate) struct Broken;

/// A cache on a clock of its own, and a source whose value is a version number.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    pub(crate) source: Arc<Source>,
}

pub(crate) struct Source {
    version: AtomicU64,
    loads: AtomicU64,
    held: AtomicBool,
    broken: AtomicBool,
    /// One permit for each load that read its value.
    read: Semaphore,
    /// One permit for each load that may return it.
    released: Semaphore,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Clock::manual();
        let cache = Cache::builder()
            .clock(clock.clone())
            .build()
            .await
            .expect("good settings");
        Self::with(cache, clock)
    }

    pub(crate) fn with(cache: Cache, clock: Clock) -> Self {
        let source = Source {
            version: AtomicU64::new(1),
            loads: AtomicU64::new(0),
            held: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            read: Semaphore::new(0),
            released: Semaphore::new(0),
        };
        Self {
            cache,
            clock,
            source: Arc::new(source),
        }
    }

    /// A caller of its own, on a task.
    pub(crate) fn spawn<F, C>(&self, call: F) -> JoinHandle<C::Output>
    where
        F: FnOnce(Self) -> C,
        C: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(call(self.clone()))
    }

    /// One load: reads the version, then waits where it is held.
    pub(crate) async fn load(&self) -> u64 {
        let source = &self.source;
        source.loads.fetch_add(1, SeqCst);
        let version = source.version.load(SeqCst);
        source.read.add_permits(1);
        if source.held.load(SeqCst) {
            source
                .released
                .acquire()
                .await
                .expect("never closed")
                .forget();
        }
        version
    }

    pub(crate) async fn try_load(&self) -> Result<u64, Broken> {
        let version = self.load().await;
        if self.source.broken.load(SeqCst) {
            Err(Broken)
        } else {
            Ok(version)
        }
    }

    pub(crate) fn loads(&self) -> u64 {
        self.source.loads.load(SeqCst)
    }

    /// From now on loads stop after they have read.
    pub(crate) fn hold(&self) {
        self.source.held.store(true, SeqCst);
    }

    /// Waits until `loads` more loads have read their value.
    pub(crate) async fn reached(&self, loads: u32) {
        let reached = self.source.read.acquire_many(loads);
        let reached = tokio::time::timeout(10 * SECOND, reached).await;
        reached
            .expect("the loads never came")
            .expect("never closed")
            .forget();
    }

    /// Forgets the loads that were not waited for.
    pub(crate) fn forget_reached(&self) {
        self.source.read.forget_permits(usize::MAX >> 4);
    }

    pub(crate) fn release(&self, loads: usize) {
        self.source.released.add_permits(loads);
    }

    /// Forgets what was released and not taken.
    pub(crate) fn forget_released(&self) {
        self.source.released.forget_permits(usize::MAX >> 4);
    }

    /// Lets everything through again.
    pub(crate) fn let_go(&self) {
        self.source.held.store(false, SeqCst);
        self.release(1_000_000);
    }

    pub(crate) fn break_down(&self, broken: bool) {
        self.source.broken.store(broken, SeqCst);
    }

    /// A write: the source has a new version.
    pub(crate) fn write(&self) -> u64 {
        self.source.version.fetch_add(1, SeqCst) + 1
    }
}

/// Waits for `ready` without fixed sleeps; fails after ten seconds.
pub(crate) async fn until(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never happened: {what}");
}

/// Asks until it is so; fails after twenty seconds, which are no measure of anything.
pub(crate) async fn eventually(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !ready().await {
        assert!(start.elapsed() < 20 * SECOND, "never happened: {what}");
        tokio::time::sleep(SECOND / 200).await;
    }
}

/// The same on a runtime whose time stands still.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
