//! Settings, from code and from the environment.

mod bounds;
mod environment;
#[cfg(feature = "redis")]
mod redis;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::background::needs_time;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::coherence::{Coherence, Trust};
use crate::error::Error;
use crate::local::Limits;
use crate::remote::Remote;

const LOCAL_CAPACITY: usize = 10_000;
const BACKGROUND_LOADS: u32 = 64;
const UNSHARED_LOADS: u32 = 64;
const BACK_OFF: Duration = Duration::from_secs(10);

/// The settings of a [`Cache`].
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Cache;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::builder()
///     .namespace("shop")
///     .local_capacity_bytes(64 << 20)
///     .build()
///     .await?;
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder {
    settings: Settings,
    entries: Option<usize>,
    #[cfg(feature = "redis")]
    redis: redis::Choice,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) enabled: bool,
    pub(crate) limits: Limits,
    pub(crate) background_loads: u32,
    pub(crate) unshared_loads: u32,
    pub(crate) back_off: Duration,
    pub(crate) clock: Clock,
    pub(crate) remote: Option<Arc<dyn Remote>>,
    pub(crate) coherence: Coherence,
    pub(crate) local_on_down: Trust,
    pub(crate) trust_views: bool,
    pub(crate) settle_lag: Option<Duration>,
    pub(crate) audit: f64,
    pub(crate) home: Option<Handle>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "cache".to_owned(),
            enabled: true,
            limits: Limits {
                entries: LOCAL_CAPACITY,
                bytes: None,
            },
            background_loads: BACKGROUND_LOADS,
            unshared_loads: UNSHARED_LOADS,
            back_off: BACK_OFF,
            clock: Clock::system(),
            remote: None,
            coherence: Coherence::default(),
            local_on_down: Trust::NONE,
            settle_lag: None,
            trust_views: false,
            audit: 0.0,
            home: None,
        }
    }
}

impl CacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            entries: None,
            #[cfg(feature = "redis")]
            redis: redis::Choice::default(),
        }
    }

    /// Tells caches apart that share a store; named in [`Stats`](crate::Stats). Default `cache`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = namespace.into();
        self
    }

    /// Turned off, every call runs its body and nothing is stored. Default on.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.settings.enabled = enabled;
        self
    }

    /// How many entries this process keeps at most. Default 10,000, or no limit where
    /// `local_capacity_bytes` is given.
    pub fn local_capacity(mut self, entries: usize) -> Self {
        self.entries = Some(entries);
        self
    }

    /// How many bytes this process keeps at most: an estimate made of the encoded size of key and
    /// value and 120 bytes for each entry. With `local_capacity` the tighter of the two holds.
    pub fn local_capacity_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.bytes = Some(bytes);
        self
    }

    /// How many loads may run behind their callers at once; more are left until they are needed.
    /// Default 64.
    pub fn background_loads(mut self, limit: u32) -> Self {
        self.settings.background_loads = limit;
        self
    }

    /// How many loads may run at once while the store cannot be used, so that the source does not
    /// have to carry what the store carried. Callers for whom there is no place get an older answer
    /// where their function allows it, or wait as long as their `load_timeout`, and their load has as
    /// long again. Of those without one who have waited for 30 s one at a time loads besides.
    /// Default 64.
    ///
    /// Of one key one load runs at a time. A cached call inside of a load that has a place waits
    /// neither for another place nor for its turn: that would be to wait for itself. Where it runs on a
    /// task that the load has spawned, this cannot be seen, and it waits like any other.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// // As many as the database has connections for.
    /// let cache = cache_aside::Cache::builder().unshared_loads(20).build().await?;
    /// assert_eq!(cache.stats().total.queued, 0);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn unshared_loads(mut self, limit: u32) -> Self {
        self.settings.unshared_loads = limit;
        self
    }

    /// For how long nobody tries to load again after a load that failed or took too long, where an
    /// older answer can be given in its place (`stale_if_error`, `stale_while_revalidate`,
    /// `soft_timeout`, or one that is still fresh): in this process, and in those that share the
    /// store. Then one caller tries. Zero turns it off. Default 10 s.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Clock, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let (clock, second) = (Clock::manual(), Duration::from_secs(1));
    /// let cache = Cache::builder().clock(clock.clone()).back_off(second * 5).build().await?;
    /// let policy = Policy::ttl(second * 60).jitter(0.0).stale_if_error(second * 3600);
    /// let key = Key::<u32>::new("rate", &("EUR",));
    /// let rate = |load: Result<u32, String>| {
    ///     cache.get_or_load(&key, &policy, move || async move { load })
    /// };
    ///
    /// assert_eq!(rate(Ok(109)).await, Ok(109));
    /// clock.advance(second * 60);
    /// assert_eq!(rate(Err("closed".into())).await, Ok(109)); // the load fails
    /// assert_eq!(rate(Ok(110)).await, Ok(109)); // it is not tried
    /// clock.advance(second * 5);
    /// assert_eq!(rate(Ok(110)).await, Ok(110));
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn back_off(mut self, time: Duration) -> Self {
        self.settings.back_off = time;
        self
    }

    /// Shares answers through a store of your own; `redis` is the one that comes along.
    pub fn remote(mut self, remote: Arc<dyn Remote>) -> Self {
        self.settings.remote = Some(remote);
        self
    }

    /// How closely this process follows what others invalidate. Processes that share a store had
    /// better agree on it. Default [`Coherence::Bounded`], within a second.
    pub fn coherence(mut self, coherence: Coherence) -> Self {
        self.settings.coherence = coherence;
        self
    }

    /// While the store cannot be reached, copies in this process are given for so long after its
    /// last sign of life, as long as they are fresh or within a stale window of the function: an
    /// invalidation by those who still reach the store may be missed for that time, and none of them
    /// waits for this ([`Invalidation::settled`](crate::Invalidation::settled), brackets). Not for
    /// functions that ask for [`Coherence::Strict`]. Default zero: calls load instead once the time of
    /// [`Coherence::Bounded`] is over.
    pub fn local_on_down(mut self, time: Duration) -> Self {
        self.settings.local_on_down = Coherence::Bounded(time).trust();
        self
    }

    /// Whether answers that come out of the store, too, rest on what its pushes have told of their
    /// tags, and not on the tags' tokens read along with them: they may then be as old as
    /// [`Coherence::Bounded`] allows, and the store is asked for one thing in place of several.
    /// Default off.
    pub fn trust_views(mut self, on: bool) -> Self {
        self.settings.trust_views = on;
        self
    }

    /// By how much the source may be behind what is written to it: loads that read from replicas of a
    /// database, mostly. For so long after an invalidation what it names is loaded by each caller
    /// and not stored, in no process; from then on promises hold as if the invalidation had returned
    /// at that moment. Processes that share a store must agree on it. A store that is restarted or
    /// evicts what it noted within that time forgets it. Default zero: whoever begins
    /// to load after a write reads what was written.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Clock, Key, Policy};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let (clock, lag) = (Clock::manual(), Duration::from_secs(2));
    /// let cache = Cache::builder().clock(clock.clone()).settle_lag(lag).build().await?;
    /// let policy = Policy::ttl(Duration::from_secs(60)).tags(["user:1"]);
    /// let key = Key::<u32>::new("age", &(1,));
    /// let age = |age| cache.get_or_load(&key, &policy, move || async move { Ok::<_, Infallible>(age) });
    ///
    /// cache.invalidate_tag("user:1").await?;
    /// assert_eq!(age(36).await, Ok(36)); // of a replica, maybe
    /// clock.advance(lag);
    /// assert_eq!(age(37).await, Ok(37));
    /// assert_eq!(age(36).await, Ok(37));
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn settle_lag(mut self, lag: Duration) -> Self {
        self.settings.settle_lag = Some(lag).filter(|lag| !lag.is_zero());
        self
    }

    /// The share of changes, such as `0.01`, after which copies of this process are held against the
    /// store: are they still given although the store has something else? What was found is in
    /// [`Stats`](crate::Stats). Default zero: no change is looked at.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = cache_aside::Cache::builder().audit(0.01).build().await?;
    /// assert_eq!(cache.stats().audit.stale, 0);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn audit(mut self, share: f64) -> Self {
        self.settings.audit = share;
        self
    }

    /// The runtime on which connections and signs of life live, and on which is done what its caller cannot
    /// see to any more. Default the one on which [`build`](Self::build) is called. If it ends, the next call
    /// starts them on its own.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    /// use tokio::runtime;
    ///
    /// let main = runtime::Builder::new_multi_thread().enable_all().build()?;
    /// let worker = runtime::Builder::new_current_thread().enable_all().build()?;
    /// // The worker ends before the cache does.
    /// let cache = worker.block_on(Cache::builder().runtime(main.handle().clone()).build())?;
    /// # drop(cache); Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.settings.home = Some(runtime);
        self
    }

    /// Where the time is taken from. Default the system's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Makes the cache. A store that cannot be reached is no error: the cache answers from loads,
    /// [`Cache::health`] says what is wrong, and the store is used as soon as it is there.
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config) if a setting is out of range or cannot be read.
    ///
    /// # Panics
    /// On a tokio runtime that was built without time: it could keep no time limit.
    pub async fn build(self) -> Result<Cache, Error> {
        let Self {
            mut settings,
            entries,
            #[cfg(feature = "redis")]
            redis,
        } = self;
        needs_time(settings.home.as_ref());
        let default = if settings.limits.bytes.is_some() {
            usize::MAX
        } else {
            LOCAL_CAPACITY
        };
        settings.limits.entries = entries.unwrap_or(default);
        settings.check()?;
        #[cfg(feature = "redis")]
        if let Some(remote) = redis.start(&settings).await? {
            settings.remote = Some(remote);
        }
        Ok(Cache::new(settings))
    }
}
