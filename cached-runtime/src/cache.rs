//! The handle everything is done with.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::audit::{self, Audit};
use crate::back_off::BackOff;
use crate::background::{Background, HomeRuntime};
use crate::clock::{Clock, Moment};
use crate::coherence::{Trust, Watch};
use crate::config::{CacheBuilder, Settings};
use crate::error::Error;
use crate::flight::{Flights, Lanes};
use crate::health::Health;
use crate::invalidation::Invalidation;
use crate::key::{Key, RawKey};
use crate::limiter::Limiter;
use crate::local::Store;
use crate::lock::Locks;
use crate::observe::{Observatory, Stats};
#[cfg(any(test, feature = "test-util"))]
use crate::pause::Gates;
#[cfg(feature = "rate-limit")]
use crate::rate_limit::Buckets;
use crate::remote::{Cell, Incarnation};
use crate::shared::Shared;
use crate::tags::{Manner, Number, Sequence, Tag, TagTable};

/// A cache: a cheap clone, to be kept wherever it is needed.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Key, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let policy = Policy::ttl(Duration::from_secs(300)).tags(["user:42"]);
/// let key = Key::<String>::new("user", &(42u64,));
///
/// let load = || async { Ok::<_, std::io::Error>("Ada".to_owned()) };
/// assert_eq!(cache.get_or_load(&key, &policy, load).await?, "Ada");
/// assert_eq!(cache.get(&key).await.as_deref(), Some("Ada"));
///
/// cache.invalidate_tag("user:42").await?;
/// assert_eq!(cache.get(&key).await, None);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

/// A cache that may be gone.
#[derive(Clone)]
pub(crate) struct WeakCache(Weak<Inner>);

impl WeakCache {
    pub(crate) fn upgrade(&self) -> Option<Cache> {
        let inner = self.0.upgrade()?;
        Some(Cache { inner })
    }
}

/// A question to the store: where it stands among all that happens, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) number: Number,
    pub(crate) at: Moment,
}

impl Asking {
    /// What an answer of this server confirms, that rests on a question before this one, too, if there was one.
    pub(crate) fn confirmed(
        self,
        oldest: Option<Number>,
        server: Option<Incarnation>,
    ) -> Option<(Number, Incarnation)> {
        let number = oldest.map_or(self.number, |oldest| oldest.min(self.number));
        server.map(|server| (number, server))
    }
}

struct Inner {
    settings: Settings,
    sequence: Arc<Sequence>,
    tags: Arc<TagTable>,
    store: Store,
    watch: Arc<Watch>,
    flights: Arc<Flights>,
    lanes: Arc<Lanes>,
    observatory: Observatory,
    background: Background,
    limiter: Limiter,
    back_off: BackOff,
    shared: Option<Arc<Shared>>,
    locks: Locks,
    audit: Arc<Audit>,
    #[cfg(feature = "rate-limit")]
    buckets: Buckets,
    #[cfg(any(test, feature = "test-util"))]
    gates: Gates,
}

impl Cache {
    /// Starts the settings of a cache.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }

    /// A cache of this process alone, with the default settings.
    pub fn in_process() -> Self {
        Self::new(Settings::default())
    }

    /// A cache with the settings of the environment; see [`CacheBuilder::from_env`].
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config), naming the variable at fault.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = cache_aside::Cache::from_env().await?;
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn from_env() -> Result<Self, Error> {
        CacheBuilder::from_env()?.build().await
    }

    pub(crate) fn new(settings: Settings) -> Self {
        let (sequence, tags) = (Arc::new(Sequence::new()), Arc::new(TagTable::new()));
        let store = Store::new(settings.limits, tags.changes().clone());
        let clock = &settings.clock;
        let watch = Watch::new(
            settings.remote.as_ref().map(|_| settings.coherence),
            Arc::clone(&sequence),
            Arc::clone(&tags),
            clock.clone(),
        );
        let watch = Arc::new(watch.serving_views(settings.trust_views));
        let shared = settings.remote.clone();
        let lag = settings.settle_lag;
        let shared = shared.map(|remote| {
            let home = HomeRuntime::new(settings.home.clone());
            Shared::new(remote, Arc::clone(&watch), clock.clone(), lag, home)
        });
        let inner = Inner {
            sequence,
            tags,
            store,
            watch,
            shared,
            flights: Arc::default(),
            lanes: Arc::default(),
            observatory: Observatory::default(),
            background: Background::new(settings.background_loads),
            limiter: Limiter::new(settings.unshared_loads),
            back_off: BackOff::new(settings.back_off),
            locks: Locks::default(),
            audit: Arc::new(Audit::new(settings.audit)),
            #[cfg(feature = "rate-limit")]
            buckets: Buckets::default(),
            #[cfg(any(test, feature = "test-util"))]
            gates: Gates::default(),
            settings,
        };
        let cache = Self {
            inner: Arc::new(inner),
        };
        if cache.inner.audit.is_on() {
            let (audit, weak) = (Arc::clone(&cache.inner.audit), cache.downgrade());
            let changed = move |cell: &Cell| audit::changed(&audit, &weak, cell);
            cache.watch().observe(changed);
        }
        cache
    }

    fn downgrade(&self) -> WeakCache {
        WeakCache(Arc::downgrade(&self.inner))
    }

    /// Removes a key. A load of it that runs now is neither stored nor joined by later callers.
    pub fn invalidate<T>(&self, key: &Key<T>) -> Invalidation {
        Invalidation::new(self).raw_key(key.raw().cloned())
    }

    pub(crate) fn invalidate_raw(&self, key: RawKey) -> Invalidation {
        Invalidation::new(self).raw_key(Some(key))
    }

    /// Invalidates everything that carries a tag, whatever its number: one step.
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) -> Invalidation {
        Invalidation::new(self).tag(tag)
    }

    /// Invalidates everything that carries one of the tags.
    pub fn invalidate_tags<I>(&self, tags: I) -> Invalidation
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        tags.into_iter()
            .fold(Invalidation::new(self), Invalidation::tag)
    }

    /// Invalidates all keys of a prefix, in one step. Prefixes count as a whole: `user` does not
    /// match `user_list`.
    pub fn invalidate_prefix(&self, prefix: impl Into<String>) -> Invalidation {
        Invalidation::new(self).prefix(prefix)
    }

    /// Invalidates everything.
    pub fn clear(&self) -> Invalidation {
        Invalidation::new(self).everything()
    }

    /// What happened so far, in total and per prefix.
    pub fn stats(&self) -> Stats {
        let (entries, bytes) = self.store().size();
        Stats {
            pushes_lost: self.watch().times_lost(),
            pushes_withheld: self.watch().times_withheld(),
            breaker: self.shared().map(|shared| shared.breaker()),
            breaker_opened: self.shared().map_or(0, |shared| shared.breaker_opened()),
            invalidations_pending: self.shared().map_or(0, |shared| shared.was_owed()),
            audit: self.inner.audit.counts(),
            ..self
                .observatory()
                .stats(&self.inner.settings.namespace, entries, bytes)
        }
    }

    /// Whether the cache does its work, and if not, why.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, HealthStatus};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let health = Cache::in_process().health().await;
    /// assert_eq!((health.status, health.reasons.len()), (HealthStatus::Healthy, 0));
    /// # });
    /// ```
    pub async fn health(&self) -> Health {
        Health::of(self)
    }

    /// Does what is left to do: invalidations that the shared store has not taken yet, and the
    /// loads that run behind their callers. Starts no more of them, and lets go of the store; the
    /// cache goes on answering, from loads. So whoever writes is to be waited for before: what is
    /// invalidated after this does not reach other processes, and is an error that says so.
    ///
    /// # Errors
    /// Of kind [`Unfinished`](crate::ErrorKind::Unfinished) if invalidations could not be done
    /// within 5 s, or loads still run after 30 s.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// cache_aside::Cache::in_process().close().await?;
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn close(&self) -> Result<(), Error> {
        let loads = self.background().close().await;
        if let Some(shared) = self.shared() {
            shared.close().await?;
        }
        loads
    }

    pub(crate) fn drop_entries(&self) {
        self.store()
            .clear(self.sequence().next(), Manner::default());
    }

    /// For how long copies are given while the store gives no answer.
    pub(crate) fn local_on_down(&self) -> Trust {
        self.inner.settings.local_on_down
    }

    /// By how much the source may be behind what is written to it.
    pub(crate) fn settle_lag(&self) -> Option<Duration> {
        self.inner.settings.settle_lag
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.inner.settings.enabled
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.settings.clock
    }

    /// Before the store is asked: what is invalidated or pushed from here on is newer than its
    /// answer.
    pub(crate) fn asking(&self) -> Asking {
        Asking {
            number: self.sequence().next(),
            at: self.clock().sharp(),
        }
    }

    /// What is known of changes in the store without asking.
    #[inline]
    pub(crate) fn watch(&self) -> &Watch {
        &self.inner.watch
    }

    #[inline]
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn sequence(&self) -> &Sequence {
        &self.inner.sequence
    }

    /// The tier that processes share, where there is one.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.inner.shared.as_ref()
    }

    pub(crate) fn locks(&self) -> &Locks {
        &self.inner.locks
    }

    #[cfg(feature = "rate-limit")]
    pub(crate) fn buckets(&self) -> &Buckets {
        &self.inner.buckets
    }

    pub(crate) fn tags(&self) -> &TagTable {
        &self.inner.tags
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.inner.flights
    }

    pub(crate) fn lanes(&self) -> &Arc<Lanes> {
        &self.inner.lanes
    }

    pub(crate) fn observatory(&self) -> &Observatory {
        &self.inner.observatory
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn gates(&self) -> &Gates {
        &self.inner.gates
    }

    pub(crate) fn background(&self) -> &Background {
        &self.inner.background
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.inner.limiter
    }

    pub(crate) fn back_off(&self) -> &BackOff {
        &self.inner.back_off
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
