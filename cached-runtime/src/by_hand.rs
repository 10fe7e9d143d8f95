//! The cache without the attribute: values by key.

use std::future::Future;

use crate::cache::Cache;
use crate::call::{Kept, Loading, Miss, Subject, plain_hit};
use crate::error::{Error, ErrorKind};
use crate::key::{Key, RawKey};
use crate::mode;
use crate::observe::Event;
use crate::outcome::shapes::ByResultOption as _;
use crate::outcome::{Codec, NotAResult, Shape, codec, returns};
use crate::policy::PolicyFor;
use crate::value::Cacheable;

impl Cache {
    /// The fresh value of a key. Never loads and never gives a stale value.
    pub async fn get<T: Cacheable>(&self, key: &Key<T>) -> Option<T> {
        let raw = key.raw()?;
        if !self.is_enabled() {
            return None;
        }
        let codec = plain_codec::<T>();
        if let Some(value) = plain_hit(self, raw, &codec) {
            return Some(value);
        }
        let subject = Subject::<T>::new(self, raw.clone());
        let now = self.clock().now();
        let entry = subject
            .find(self, &codec)
            .filter(|entry| entry.life.is_fresh(now));
        subject.stats.count(if entry.is_some() {
            Event::Hit
        } else {
            Event::Miss
        });
        entry.map(|entry| Subject::open(&codec, &entry))
    }

    /// The fresh values of many keys, in their order.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let keys: Vec<_> = (0..3u64).map(|id| Key::<u64>::new("square", &(id,))).collect();
    /// cache.put(&keys[2], &4, &Policy::ttl(Duration::from_secs(60))).await?;
    /// assert_eq!(cache.get_many(&keys).await, [None, None, Some(4)]);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn get_many<T: Cacheable>(&self, keys: &[Key<T>]) -> Vec<Option<T>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await);
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
        match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => answer,
            Err(miss) => miss.run(codec, async move { load().await }).await,
        }
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
        L: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let codec = codec(Shape::<Result<T, E>, T, E>::of_result());
        match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => answer,
            Err(miss) => miss.run_owned(codec, load).await,
        }
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
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
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
        match self.look_by_hand(key, policy, &codec) {
            Ok(answer) => answer,
            Err(miss) => miss.run(codec, async move { load().await }).await,
        }
    }

    /// Stores a value. It must be current when `put` is called: invalidations that came before are
    /// not seen. Loads of the key that run already are not stored afterwards.
    ///
    /// # Errors
    /// Of kind [`Key`](ErrorKind::Key) if the key's parts could not be serialized.
    pub async fn put<T: Cacheable>(
        &self,
        key: &Key<T>,
        value: &T,
        policy: &impl PolicyFor<T>,
    ) -> Result<(), Error> {
        let raw = usable(key)?;
        if !self.is_enabled() {
            return Ok(());
        }
        let mut subject = Subject::new(self, raw.clone());
        subject.set_policy(self, policy.for_value());
        self.store()
            .supersede(&subject.cell, self.sequence().next());
        let loading = Loading::begin(self, None);
        let kept = subject.keep(self, &plain_codec::<T>(), Some(value), &loading);
        if !matches!(kept, Kept::Stored(_)) {
            // What was stored before is older than the value that could not be.
            self.store().remove_older(raw, loading.start, |_| true);
        }
        Ok(())
    }

    /// The first phase of a call, for a key that is written down already.
    fn look_by_hand<R, T: Cacheable, E>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        codec: &Codec<R, T, E>,
    ) -> Result<R, Box<Miss<R, T, E>>> {
        let mode = mode::take();
        let miss = match key.raw() {
            None => Miss::uncacheable(self, key.prefix(), mode),
            Some(raw) => {
                if mode.is_none()
                    && self.is_enabled()
                    && let Some(answer) = plain_hit(self, raw, codec)
                {
                    return Ok(answer);
                }
                Miss::new(self, raw, mode, codec)
            }
        };
        Err(Box::new(miss.rules(policy.for_value())))
    }
}

/// For values that are no function's return value.
fn plain_codec<T: Cacheable>() -> Codec<T, T, NotAResult<T>> {
    codec(Shape::of_value())
}

fn usable<T>(key: &Key<T>) -> Result<&RawKey, Error> {
    key.raw().ok_or_else(|| {
        Error::new(
            ErrorKind::Key,
            "the key's parts cannot be serialized, so nothing is stored under it",
        )
    })
}
