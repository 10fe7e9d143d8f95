//! The source of truth of all processes of a test, and cached functions that read it.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::future::poll_fn;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use cache_aside::{
    Cache, CacheBuilder, CacheExt, Coherence, Error, Invalidation, Key, Outcome, Report,
    cache_aside,
};
use tokio::sync::{Mutex, mpsc, watch};

use super::{MS, PATIENCE};
use crate::support::Broken;

/// So many answers in a row that nobody was asked for.
const AT_ONCE: u32 = 20;

/// How long a load takes that is not stored.
pub(super) const TEDIOUS: Duration = Duration::from_millis(800);

/// A folder: the number of loads and the version are the lengths of two files, which grow by a byte
/// at a time whoever adds it, and survive whoever is killed.
pub(super) struct Depot {
    folder: PathBuf,
    owned: bool,
}

impl Depot {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "depot-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, SeqCst)
        );
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // The same process id may have been used before.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder below target/");
        let depot = Self {
            folder,
            owned: true,
        };
        depot.write();
        depot
    }

    /// The one of another process.
    pub(super) fn at(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            folder,
            owned: false,
        }
    }

    pub(super) fn path(&self) -> String {
        self.folder.to_str().expect("a path in UTF-8").to_owned()
    }

    /// The source changes.
    pub(super) fn write(&self) -> u64 {
        self.add("writes");
        self.count("writes")
    }

    pub(super) fn loads(&self) -> u64 {
        self.count("loads")
    }

    /// From now on loads of `ailing` fail, in all processes.
    pub(super) fn break_down(&self, broken: bool) {
        let file = self.folder.join("broken");
        if broken {
            fs::write(file, "").expect("a file more");
        } else {
            fs::remove_file(file).expect("a file less");
        }
    }

    fn is_broken(&self) -> bool {
        self.folder.join("broken").exists()
    }

    fn add(&self, file: &str) {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(self.folder.join(file));
        file.and_then(|mut file| file.write_all(b"."))
            .expect("a byte more");
    }

    fn count(&self, file: &str) -> u64 {
        fs::metadata(self.folder.join(file)).map_or(0, |file| file.len())
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        if self.owned {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One cache, and its way to the source.
#[derive(Clone)]
pub(super) struct Instance {
    pub(super) cache: Cache,
    depot: Arc<Depot>,
    /// Odd while loads are held: the number of a hold.
    held: Arc<watch::Sender<u64>>,
    /// Which hold stopped a load that has read its value.
    stopped: mpsc::UnboundedSender<u64>,
    stops: Arc<Mutex<mpsc::UnboundedReceiver<u64>>>,
}

/// With time for a busy machine, where it is not the time that is tested. Nothing older than the last
/// invalidation is given, unless a test asks for something else.
pub(super) fn settings(url: &str) -> CacheBuilder {
    let builder = Cache::builder().namespace("fleet").redis(url);
    let builder = builder.coherence(Coherence::Strict);
    builder
        .read_timeout(PATIENCE / 4)
        .write_timeout(PATIENCE / 4)
}

impl Instance {
    pub(super) async fn new(url: &str, depot: &Depot) -> Self {
        Self::with(settings(url), depot).await
    }

    pub(super) async fn with(settings: CacheBuilder, depot: &Depot) -> Self {
        let (stopped, stops) = mpsc::unbounded_channel();
        Self {
            cache: settings.build().await.expect("good settings"),
            depot: Arc::new(Depot::at(depot.path())),
            held: Arc::new(watch::Sender::new(0)),
            stopped,
            stops: Arc::new(Mutex::new(stops)),
        }
    }

    async fn load(&self) -> u64 {
        self.depot.add("loads");
        let version = self.depot.count("writes");
        let mut holds = self.held.subscribe();
        let mine = *holds.borrow_and_update();
        if mine % 2 == 1 {
            self.stopped.send(mine).expect("never closed");
            let free = holds.wait_for(|hold| *hold > mine).await;
            drop(free.expect("never closed"));
        }
        version
    }

    /// From now on loads stop after they have read. Gives the number of the hold.
    pub(super) fn hold(&self) -> u64 {
        self.held.send_modify(|hold| *hold += 1 - *hold % 2);
        *self.held.borrow()
    }

    pub(super) fn let_go(&self) -> u64 {
        self.held.send_modify(|hold| *hold += *hold % 2);
        *self.held.borrow()
    }

    /// Waits for a load that the present hold has stopped.
    pub(super) async fn loading(&self) {
        let present = *self.held.borrow();
        while self.stop().await != present {}
    }

    /// Waits for any load that is stopped, and says by which hold.
    pub(super) async fn stop(&self) -> u64 {
        self.stops.lock().await.recv().await.expect("never closed")
    }

    /// Calls the function of that name.
    pub(super) async fn call(&self, function: &str, id: u64) -> String {
        self.report(function, id).await.0
    }

    /// The same with what there was to tell.
    pub(super) async fn report(&self, function: &str, id: u64) -> (String, Report) {
        let shown = |(value, report): (u64, _)| (value.to_string(), report);
        match function {
            "item" => shown(item(self, id).with_cache_report().await),
            "here" => shown(here(self, id).with_cache_report().await),
            "brief" => shown(brief(self, id).with_cache_report().await),
            "passing" => shown(passing(self, id).with_cache_report().await),
            "stale" => shown(stale(self, id).with_cache_report().await),
            "refused" => shown(refused(self, id).with_cache_report().await),
            "failing" => {
                let (value, report) = failing(self, id).with_cache_report().await;
                (format!("{value:?}"), report)
            }
            "ailing" => {
                let (value, report) = ailing(self, id).with_cache_report().await;
                (format!("{value:?}"), report)
            }
            "failing_alike" => {
                let (value, report) = failing_alike(self, id).with_cache_report().await;
                (format!("{value:?}"), report)
            }
            "items" => {
                let (values, report) = items(self, vec![id, id + 1]).with_cache_report().await;
                (format!("{} {}", values[&id], values[&(id + 1)]), report)
            }
            other => panic!("there is no function `{other}`"),
        }
    }

    /// What other processes hear of it is the same for all.
    pub(super) async fn invalidate(&self, how: &str, function: &str, id: u64) -> Result<(), Error> {
        self.invalidation(how, function, id).await
    }

    pub(super) fn invalidation(&self, how: &str, function: &str, id: u64) -> Invalidation {
        let cache = &self.cache;
        let prefix = format!("fleet.{function}");
        match how {
            "key" => cache.invalidate(&Key::<u64>::new(prefix, &(id,))),
            "tag" => cache.invalidate_tag(format!("{function}:{id}")),
            "prefix" => cache.invalidate_prefix(prefix),
            "namespace" => cache.clear(),
            other => panic!("there is no way `{other}`"),
        }
    }

    /// Calls until a copy of this process is given, and nobody is asked about it.
    pub(super) async fn vouched(&self, function: &str, id: u64) -> String {
        let mut at_once = 0;
        loop {
            let mut call = pin!(self.report(function, id));
            // Whoever asks nobody waits for nothing. Who asks waits mostly: the reply may be there
            // as soon as the question is sent, but not so often in a row.
            let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            match first {
                Poll::Ready((value, report)) if report.outcome == Outcome::Hit => {
                    at_once += 1;
                    if at_once == AT_ONCE {
                        return value;
                    }
                }
                Poll::Ready(_) => at_once = 0,
                Poll::Pending => {
                    at_once = 0;
                    drop(call.await);
                }
            }
            if at_once == 0 {
                tokio::time::sleep(MS).await;
            }
        }
    }

    /// Calls until the answer comes from the cache. Every one of them must be `version`.
    pub(super) async fn settles_on(&self, function: &str, id: u64, version: u64) -> Report {
        let start = std::time::Instant::now();
        loop {
            let (value, report) = self.report(function, id).await;
            assert_eq!(value, version.to_string(), "{report:?}");
            if report.outcome == Outcome::Hit {
                return report;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "never cached: {:?}",
                self.cache.health().await
            );
            tokio::time::sleep(5 * MS).await;
        }
    }
}

/// The four ways to invalidate.
pub(super) const WAYS: [&str; 4] = ["tag", "key", "prefix", "namespace"];

#[cache_aside(ttl = "1m", jitter = 0, prefix = "fleet.item", tags = ["item:{id}"], skip(on), cache = on.cache)]
pub(super) async fn item(on: &Instance, id: u64) -> u64 {
    on.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "fleet.item", tags = ["item:{ids}"], each = ids, skip(on), cache = on.cache)]
async fn items(on: &Instance, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = on.load().await;
    ids.into_iter().map(|id| (id, version)).collect()
}

/// Nowhere but in the process.
#[cache_aside(ttl = "1m", jitter = 0, remote = false, prefix = "fleet.here", tags = ["here:{id}"], skip(on), cache = on.cache)]
async fn here(on: &Instance, id: u64) -> u64 {
    on.load().await
}

/// With a lease that is soon over.
#[cache_aside(ttl = "1m", jitter = 0, lease = "1s", prefix = "fleet.brief", tags = ["brief:{id}"], skip(on), cache = on.cache)]
async fn brief(on: &Instance, id: u64) -> u64 {
    on.load().await
}

#[cache_aside(ttl = "1s", jitter = 0, prefix = "fleet.passing", tags = ["passing:{id}"], skip(on), cache = on.cache)]
async fn passing(on: &Instance, id: u64) -> u64 {
    on.load().await
}

#[cache_aside(ttl = "500ms", jitter = 0, stale_while_revalidate = "1m", prefix = "fleet.stale", tags = ["stale:{id}"], skip(on), cache = on.cache)]
async fn stale(on: &Instance, id: u64) -> u64 {
    on.load().await
}

#[cache_aside(ttl = "500ms", jitter = 0, stale_if_error = "1m", prefix = "fleet.ailing", tags = ["ailing:{id}"], skip(on), cache = on.cache)]
async fn ailing(on: &Instance, id: u64) -> Result<u64, Broken> {
    let version = on.load().await;
    if on.depot.is_broken() {
        Err(Broken)
    } else {
        Ok(version)
    }
}

#[cache_aside(ttl = "1m", prefix = "fleet.refused", cache_if = |_| false, skip(on), cache = on.cache)]
async fn refused(on: &Instance, id: u64) -> u64 {
    let version = on.load().await;
    tokio::time::sleep(TEDIOUS).await;
    version
}

/// Its error cannot be shared.
#[cache_aside(ttl = "1m", prefix = "fleet.failing", skip(on), cache = on.cache)]
async fn failing(on: &Instance, id: u64) -> Result<u64, Broken> {
    on.load().await;
    tokio::time::sleep(TEDIOUS).await;
    Err(Broken)
}

#[cache_aside(ttl = "1m", prefix = "fleet.failing_alike", skip(on), cache = on.cache)]
async fn failing_alike(on: &Instance, id: u64) -> Result<u64, String> {
    on.load().await;
    tokio::time::sleep(TEDIOUS).await;
    Err("broken".to_owned())
}
