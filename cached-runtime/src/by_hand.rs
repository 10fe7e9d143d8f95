//! The cache without the attribute: values by key.

use std::future::Future;

use crate::cache::Cache;
use crate::call::{Miss, Subject, meet_each, plain_hit};
use crate::coherence::{Coherence, Trust};
use crate::key::Key;
use crate::mode::{self, Tier};
use crate::nesting;
use crate::observe::Event;
use crate::outcome::shapes::ByResultOption as _;
use crate::outcome::{Codec, Shape, codec, returns};
use crate::policy::{AnyPolicy, PolicyFor};
use crate::reserve::plain_codec;
use crate::value::Cacheable;

impl Cache {
    /// The fresh value of a key. Never loads and never gives a stale value.
    pub async fn get<T: Cacheable>(&self, key: &Key<T>) -> Option<T> {
        if let Some(raw) = key.raw().filter(|_| self.is_enabled())
            && let Some(value) = plain_hit(self, raw, &plain_codec::<T>(), Trust::FOREVER)
        {
            return Some(value);
        }
        self.get_many(std::slice::from_ref(key)).await.pop()?
    }

    /// The fresh values of many keys, in their order.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let keys: Vec<_> = (0..3u64).map(|id| Key::<u64>::new("square", &(id,))).collect();
    /// cache.put(&keys[2], &4, &Policy::ttl(Duration::from_secs(60))).await?;
    /// assert_eq!(cache.get_many(&keys).await, [None, None, Some(4)]);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn get_many<T: Cacheable>(&self, keys: &[Key<T>]) -> Vec<Option<T>> {
        let codec = plain_codec::<T>();
        let mut values: Vec<Option<T>> = Vec::with_capacity(keys.len());
        let mut asked = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let raw = key.raw().filter(|_| self.is_enabled());
            let hit = raw.and_then(|raw| plain_hit(self, raw, &codec, Trust::FOREVER));
            if let Some(raw) = raw.filter(|_| hit.is_none()) {
                let mut subject = Subject::new(self, raw.clone());
                subject.set_policy(self, AnyPolicy::storing_nothing());
                let found = subject.find(self, &codec.kind);
                asked.push((at, subject, found));
            }
            values.push(hit);
        }
        let sought = asked.iter_mut();
        let sought = sought.map(|(_, subject, found)| (&*subject, found.take()));
        let met = meet_each(self, &codec.kind, sought.collect(), false).await;
        let now = self.clock().now();
        for ((at, subject, _), met) in asked.iter().zip(met) {
            let Ok(met) = met else {
                unreachable!("copies are kept of what is asked for by hand");
            };
            let fresh = met.found.filter(|entry| entry.life().is_fresh(now));
            let Some(entry) = fresh.filter(|entry| !entry.is_negative()) else {
                subject.stats.count(Event::Miss);
                continue;
            };
            subject.stats.count(Event::Hit);
            if met.tier == Tier::Remote {
                subject.stats.count(Event::RemoteHit);
            }
            values[*at] = Some(codec.open(&entry));
        }
        values
    }

    /// The value of a key: stored, loaded by another caller at this moment, or loaded by `load`.
    /// Errors are returned and never stored.
    ///
    /// `load` may borrow, so it runs inside this call: where the policy would refresh behind an
    /// answer, one caller refreshes and the others are given the stored value meanwhile, and a
    /// `soft_timeout` has no effect. [`get_or_load_owned`](Self::get_or_load_owned) can do both.
    ///
    /// # Errors
    /// Those of `load`. Each caller has its own: nothing is known of the type.
    pub async fn get_or_load<T, E, L, F>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        load: L,
    ) -> Result<T, E>
    where
        T: Cacheable,
        L: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
    {
        let codec = codec(Shape::<Result<T, E>, T, E>::of_result());
        let miss = match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => return answer,
            Err(miss) => miss,
        };
        miss.run(codec, async move { load().await }).await
    }

    /// The same for a load that borrows nothing, and so can outlive the call: it refreshes behind an
    /// answer, and goes on after a `soft_timeout`.
    ///
    /// # Errors
    /// Those of `load`.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Clock, Key, Policy};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// const MINUTE: Duration = Duration::from_secs(60);
    /// let clock = Clock::manual();
    /// let cache = Cache::builder().clock(clock.clone()).build().await?;
    /// let policy = Policy::ttl(MINUTE).stale_while_revalidate(MINUTE);
    /// let key = Key::<u32>::new("answer", &());
    /// let answer = |n| cache.get_or_load_owned(&key, &policy, move || async move { Ok::<_, Infallible>(n) });
    ///
    /// assert_eq!(answer(1).await, Ok(1));
    /// clock.advance(MINUTE);
    /// assert_eq!(answer(2).await, Ok(1)); // at once, with the load behind it
    /// cache.close().await?;
    /// assert_eq!(answer(3).await, Ok(2));
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn get_or_load_owned<T, E, L, F>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        load: L,
    ) -> Result<T, E>
    where
        T: Cacheable,
        E: Send + 'static,
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let codec = codec(Shape::<Result<T, E>, T, E>::of_result());
        let miss = match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => return answer,
            Err(miss) => miss,
        };
        // What `load` does before its future is polled belongs to the load, too.
        miss.run_owned(codec, || async move { load().await }).await
    }

    /// The same for a load that may find nothing: `None` is stored as "not found", for the policy's
    /// `negative_ttl`. It shares entries with a cached function that returns
    /// `Result<Option<T>, E>`.
    ///
    /// # Errors
    /// Those of `load`.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let key = Key::<String>::new("user", &(42,));
    /// let policy = Policy::ttl(Duration::from_secs(300)).negative_ttl(Duration::from_secs(5));
    /// let user = cache.find_or_load(&key, &policy, || async { Ok::<_, Infallible>(None) }).await?;
    /// assert_eq!(user, None);
    /// assert!(cache.inspect(&key).await.is_some_and(|entry| entry.negative));
    /// # Ok::<(), Infallible>(()) }).unwrap();
    /// ```
    pub async fn find_or_load<T, E, L, F>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        load: L,
    ) -> Result<Option<T>, E>
    where
        T: Cacheable,
        L: FnOnce() -> F,
        F: Future<Output = Result<Option<T>, E>>,
    {
        let codec = codec((&&&returns::<Result<Option<T>, E>>()).shape());
        let miss = match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => return answer,
            Err(miss) => miss,
        };
        miss.run(codec, async move { load().await }).await
    }

    /// The first phase of a call, for a key that is written down already.
    fn look_by_hand<R, T: Cacheable, E>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        codec: &Codec<R, T, E>,
    ) -> Result<R, Miss<R, T, E>> {
        let mode = mode::take();
        let miss = match key.raw() {
            None => Miss::uncacheable(self, key.prefix(), mode, codec),
            Some(raw) => {
                let trust = policy.coherence().map_or(Trust::FOREVER, Coherence::trust);
                let nested = nesting::is_inside_any() && nesting::is_inside(self, raw.hash());
                if mode.is_none()
                    && !nested
                    && self.is_enabled()
                    && let Some(answer) = plain_hit(self, raw, codec, trust)
                {
                    return Ok(answer);
                }
                Miss::new(self, raw, mode, None, codec)
            }
        };
        Err(miss.rules(policy.for_value()))
    }
}
