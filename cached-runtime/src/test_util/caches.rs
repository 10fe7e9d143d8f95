//! Caches on a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use super::Faulty;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Settings;
use crate::remote::{DoubleServer, Remote};

/// A cache of its own with the default settings, and the clock that it goes by.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Key, Policy, test_util};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (cache, clock) = test_util::in_process();
/// let key = Key::<u32>::new("answer", &());
/// cache.put(&key, &42, &Policy::ttl(Duration::from_secs(60)).jitter(0.0)).await?;
///
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(cache.get(&key).await, None);
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[must_use]
pub fn in_process() -> (Cache, Clock) {
    let clock = Clock::manual();
    (cache(&clock, None), clock)
}

/// As many caches as a service has processes, and the one server in memory that they share.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Key, Policy, test_util};
/// use std::{convert::Infallible, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let fleet = test_util::fleet(2);
/// let [one, two] = &fleet.caches[..] else { unreachable!() };
/// let key = Key::<u32>::new("age", &(1,));
/// let policy = Policy::ttl(Duration::from_secs(60)).tags(["user:1"]);
/// let age = |age| two.get_or_load(&key, &policy, move || async move { Ok::<_, Infallible>(age) });
///
/// assert_eq!((age(36).await, age(37).await), (Ok(36), Ok(36)));
/// one.invalidate_tag("user:1").await?;
/// assert_eq!(age(37).await, Ok(37));
///
/// fleet.advance(Duration::from_secs(60));
/// assert_eq!(age(38).await, Ok(38));
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[must_use]
pub fn fleet(processes: usize) -> Fleet {
    let (server, clock) = (DoubleServer::new(1), Clock::manual());
    let ways = (0..processes).map(|_| Faulty::new(Arc::new(server.connect())));
    let stores: Vec<_> = ways.map(Arc::new).collect();
    let caches = stores.iter().map(|store| cache(&clock, Some(store)));
    let caches = caches.collect();
    Fleet {
        caches,
        stores,
        server,
        clock,
    }
}

/// See [`fleet`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Fleet {
    /// The cache of each process.
    pub caches: Vec<Cache>,
    /// The way of each of them to the server.
    pub stores: Vec<Arc<Faulty>>,
    /// The server that they share.
    pub server: DoubleServer,
    /// The clock of all caches. The server has one of its own.
    pub clock: Clock,
}

impl Fleet {
    /// Time passes for the caches and for the server.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.advance(by);
    }
}

fn cache(clock: &Clock, store: Option<&Arc<Faulty>>) -> Cache {
    Cache::new(Settings {
        clock: clock.clone(),
        remote: store.map(|store| Arc::clone(store) as Arc<dyn Remote>),
        ..Settings::default()
    })
}
