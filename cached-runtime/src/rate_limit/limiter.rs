//! What users ask.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::here::BucketId;
use super::settings::RateLimiterBuilder;
use crate::cache::Cache;
use crate::remote::{Draw, Drawn, EntryName, Pace};

/// How often something may be done, for each name: a token bucket per user, per address, or per
/// whatever else a request can be counted by. With the feature `rate-limit`.
///
/// A bucket holds `burst` tokens. Each question takes one, and is refused where none is left; they
/// come back evenly, at the `rate`. Nothing is refused that the bucket could give, and nothing is given
/// that it does not have (test `exactly_the_burst_passes`).
///
/// With Redis, all processes that share the cache's server and namespace share the buckets: one script per
/// question, by the clock of the server alone. Limiters of the same name have the same buckets. While the
/// server cannot be used each process counts for itself, beginning with what it knows, and
/// [`Decision::shared`] says so; a question never fails, and takes no longer than the store's read
/// time-out. So while it is away the limit holds for each process, and not for all of them together.
///
/// A clone is cheap, and has the same buckets.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Clock, RateLimiter};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let clock = Clock::manual();
/// let cache = Cache::builder().clock(clock.clone()).build().await?;
/// let limiter = RateLimiter::builder(&cache, "api")
///     .rate(10, Duration::from_secs(1))
///     .burst(20)
///     .build()?;
///
/// for _ in 0..20 {
///     assert!(limiter.check("user:42").await.allowed);
/// }
/// let decision = limiter.check("user:42").await;
/// assert!(!decision.allowed);
/// assert_eq!(decision.retry_after, Some(Duration::from_millis(100)));
/// assert!(limiter.check("user:43").await.allowed);
///
/// clock.advance(Duration::from_millis(100));
/// assert!(limiter.check("user:42").await.allowed);
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct RateLimiter {
    cache: Cache,
    name: Arc<str>,
    pace: Pace,
    counters: Arc<Counters>,
}

/// What a [`RateLimiter`] and its clones have decided since it was built; see [`RateLimiter::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RateLimiterStats {
    /// Questions that were allowed.
    pub allowed: u64,
    /// Questions that were refused.
    pub refused: u64,
    /// Of both, those that this process decided alone because the store could not be used. Always
    /// 0 where there is no store.
    pub unshared: u64,
}

#[derive(Debug, Default)]
struct Counters {
    allowed: AtomicU64,
    refused: AtomicU64,
    unshared: AtomicU64,
}

/// What came of a question to a [`RateLimiter`].
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, RateLimiter};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let limiter = RateLimiter::builder(&cache, "reports").rate(2, Duration::from_secs(3600)).build()?;
/// let decision = limiter.check("ann").await;
/// assert_eq!((decision.allowed, decision.remaining, decision.shared), (true, 1, false));
/// assert_eq!(decision.retry_after_seconds(), None);
/// limiter.check("ann").await;
///
/// let decision = limiter.check("ann").await;
/// assert!(!decision.allowed);
/// assert_eq!(decision.retry_after_seconds(), Some(1800)); // for the header `Retry-After`
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "what is not allowed is not to be done"]
pub struct Decision {
    /// Whether it may be done; then it is counted.
    pub allowed: bool,
    /// How many tokens are left.
    pub remaining: u64,
    /// When the same question would be allowed, if nobody else asks meanwhile. `None` if it was, or if it
    /// asks for more than the bucket ever holds.
    pub retry_after: Option<Duration>,
    /// Whether all processes that share a store were counted; otherwise this one alone.
    pub shared: bool,
}

impl RateLimiter {
    /// Starts the settings of a limiter. Its name is the first part of its buckets' names, and can be read
    /// in the store; so limiters for different things have different names.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, RateLimiter};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::in_process();
    /// let by_address = RateLimiter::builder(&cache, "ip").rate(100, Duration::from_secs(60)).build()?;
    /// let by_user = RateLimiter::builder(&cache, "user").rate(20, Duration::from_secs(1)).build()?;
    /// # Ok::<(), cache_aside::Error>(())
    /// ```
    pub fn builder(cache: &Cache, name: impl Into<String>) -> RateLimiterBuilder {
        RateLimiterBuilder::new(cache, name.into())
    }

    pub(super) fn new(cache: Cache, name: &str, pace: Pace) -> Self {
        Self {
            cache,
            name: name.into(),
            pace,
            counters: Arc::default(),
        }
    }

    /// Takes one token of this name, if there is one.
    ///
    /// Any name will do, however long and from whomever: what the store sees of it is a part of its
    /// SHA-256. A question whose answer was lost may have been counted.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # use cache_aside::{Cache, RateLimiter};
    /// # use std::{net::IpAddr, time::Duration};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let cache = Cache::in_process();
    /// let limiter = RateLimiter::builder(&cache, "ip").rate(100, Duration::from_secs(60)).build()?;
    /// let address: IpAddr = "203.0.113.7".parse().unwrap();
    /// assert!(limiter.check(&address.to_string()).await.allowed);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn check(&self, name: &str) -> Decision {
        self.check_cost(name, 1).await
    }

    /// Takes so many tokens of this name, if all of them are there; none otherwise. With a cost of zero
    /// it only looks.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # use cache_aside::{Cache, RateLimiter};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let cache = Cache::in_process();
    /// let limiter = RateLimiter::builder(&cache, "rows").rate(100, Duration::from_secs(3600)).build()?;
    /// assert!(limiter.check_cost("ann", 80).await.allowed);
    /// assert!(!limiter.check_cost("ann", 30).await.allowed);
    /// assert_eq!(limiter.check_cost("ann", 0).await.remaining, 20);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn check_cost(&self, name: &str, cost: u64) -> Decision {
        let id = self.id(name);
        // More than it ever holds is as good as one part more.
        let parts = cost.saturating_mul(self.pace.token);
        let parts = parts.min(self.pace.capacity + 1);
        let decision = if let Some(drawn) = self.ask_the_store(&id, parts).await {
            self.decision(drawn, parts, true)
        } else {
            let now = self.cache.clock().now();
            let drawn = self.cache.buckets().draw(&id, self.pace, parts, now);
            self.decision(drawn, parts, false)
        };
        if cost > 0 {
            self.count(decision);
        }
        decision
    }

    /// How many questions were allowed and refused, by this limiter and its clones, in this process.
    /// Questions that cost nothing are not counted.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # use cache_aside::{Cache, RateLimiter};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let cache = Cache::in_process();
    /// let limiter = RateLimiter::builder(&cache, "login").rate(2, Duration::from_secs(3600)).build()?;
    /// for _ in 0..5 {
    ///     let _ = limiter.check("ann").await;
    /// }
    /// let stats = limiter.stats();
    /// assert_eq!((stats.allowed, stats.refused, stats.unshared), (2, 3, 0));
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn stats(&self) -> RateLimiterStats {
        let Counters {
            allowed,
            refused,
            unshared,
        } = &*self.counters;
        RateLimiterStats {
            allowed: allowed.load(Relaxed),
            refused: refused.load(Relaxed),
            unshared: unshared.load(Relaxed),
        }
    }

    fn count(&self, decision: Decision) {
        let counters = &self.counters;
        let counter = if decision.allowed {
            &counters.allowed
        } else {
            &counters.refused
        };
        counter.fetch_add(1, Relaxed);
        if !decision.shared && self.cache.shared().is_some() {
            counters.unshared.fetch_add(1, Relaxed);
        }
    }

    async fn ask_the_store(&self, id: &BucketId, parts: u64) -> Option<Drawn> {
        let shared = self.cache.shared()?;
        let draw = Draw {
            bucket: self.bucket(id),
            pace: self.pace,
            parts,
        };
        // Why it has no answer is in the health of the cache.
        let drawn = shared.remote().draw(draw).await.ok()?;
        // Nothing that a store says makes more of a bucket than it is.
        let missing = drawn.missing.min(self.pace.capacity);
        let now = self.cache.clock().now();
        self.cache.buckets().learn(id, self.pace, missing, now);
        Some(Drawn { missing, ..drawn })
    }

    fn decision(&self, drawn: Drawn, parts: u64, shared: bool) -> Decision {
        let Pace {
            token, capacity, ..
        } = self.pace;
        let short = (drawn.missing + parts).saturating_sub(capacity);
        let ever = !drawn.allowed && parts <= capacity;
        Decision {
            allowed: drawn.allowed,
            remaining: (capacity - drawn.missing) / token,
            retry_after: ever.then(|| Duration::from_micros(self.pace.time_for(short))),
            shared,
        }
    }

    /// The length keeps names apart that would be the same with those of their limiters.
    fn id(&self, name: &str) -> BucketId {
        let mut hash = Sha256::new();
        hash.update((self.name.len() as u64).to_le_bytes());
        hash.update(self.name.as_bytes());
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        id
    }

    /// The limiter's name, and what takes the place of the other one.
    fn bucket(&self, id: &BucketId) -> EntryName {
        let mut text = String::with_capacity(self.name.len() + 33);
        text.push_str(&self.name);
        text.push(':');
        for byte in id {
            // Writing into a text does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        EntryName::new(text)
    }
}

impl Decision {
    /// [`retry_after`](Self::retry_after) in whole seconds, rounded up: what the header `Retry-After` takes.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let after = self.retry_after?;
        Some(after.as_secs() + u64::from(after.subsec_nanos() > 0))
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("name", &self.name)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
