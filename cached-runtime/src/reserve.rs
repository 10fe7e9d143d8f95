//! Values that come from outside of a load: stored at once, or in a place taken before they were
//! read.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::cache::Cache;
use crate::call::{Kept, Loading, Subject, Terms};
use crate::error::{Error, ErrorKind};
use crate::invalidation::Pending;
use crate::key::{Key, RawKey};
use crate::outcome::{Codec, Kind, NotAResult, Shape, codec};
use crate::policy::{AnyPolicy, PolicyFor};
use crate::remote::How;
use crate::shared::{Claimed, Order, Shared, Sight};
use crate::value::{Cacheable, Value};

/// A place for a value that is about to be read or written; see
/// [`Cache::reserve`](crate::Cache::reserve). Dropped without a value, it is given back.
#[must_use = "a reservation is for a value: `fill` it"]
pub struct Reservation<T> {
    cache: Cache,
    subject: Subject,
    loading: Loading,
    value: PhantomData<fn(T)>,
}

impl Cache {
    /// Stores a value. It must be current when `put` is called: invalidations that came before are
    /// not seen. Nor are those of other processes that come between the call and the moment it
    /// reaches the store. For a value that was read earlier there is [`reserve`](Self::reserve). Loads of the
    /// key that run already are not stored afterwards.
    ///
    /// # Errors
    /// Of kind [`Key`](ErrorKind::Key) if the key's parts could not be serialized,
    /// [`Value`](ErrorKind::Value) if the value cannot be encoded for the shared store, and
    /// [`Unavailable`](ErrorKind::Unavailable) if that cannot be used: then nothing is stored, and what was
    /// there is invalidated. A value that the policy does not store is no error, and takes the place of
    /// what was there all the same.
    pub async fn put<T: Cacheable>(
        &self,
        key: &Key<T>,
        value: &T,
        policy: &impl PolicyFor<T>,
    ) -> Result<(), Error> {
        if !self.is_enabled() {
            return usable(key).map(drop);
        }
        let mut reserved = self
            .take_place(key, policy, How::Replace, Some(value))
            .await?;
        let raw = reserved.subject.key.clone();
        let start = reserved.loading.start;
        let kept = reserved.keep(value).await;
        if !matches!(kept, Kept::Stored(_)) {
            // What was stored before is older than the value that could not be.
            self.store().remove_older(&raw, start, |_| true);
        }
        match (kept, self.shared()) {
            (Kept::Unknown, Some(shared)) => {
                shared.owe(Order::key(&raw));
                Err(unavailable())
            }
            (Kept::NotStored(_), _) => reserved.is_writable(value),
            _ => Ok(()),
        }
    }

    /// Takes the place of a key before its value is read or written elsewhere, so that whatever is
    /// invalidated from now on keeps the value out.
    ///
    /// Loads of the key that run already are not stored any more; what is stored stays readable
    /// until the place is filled. Where processes share a store, cached calls that find nothing wait meanwhile, as
    /// they would for a load, so do not keep the place for longer than it takes. Without one they load, and a
    /// value that one of them stores keeps this one out.
    ///
    /// # Errors
    /// Of kind [`Key`](ErrorKind::Key) if the key's parts could not be serialized, and
    /// [`Unavailable`](ErrorKind::Unavailable) if the shared store cannot be used.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let (key, policy) = (Key::<u32>::new("stock", &(7,)), Policy::ttl(Duration::from_secs(60)));
    ///
    /// let place = cache.reserve(&key, &policy).await?;
    /// let stock = 41; // read from the database
    /// assert!(place.fill(&stock).await?);
    ///
    /// let place = cache.reserve(&key, &policy).await?;
    /// cache.invalidate(&key).await?; // somebody sold one meanwhile
    /// assert!(!place.fill(&stock).await?);
    /// assert_eq!(cache.get(&key).await, None);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn reserve<T: Cacheable>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
    ) -> Result<Reservation<T>, Error> {
        self.take_place(key, policy, How::TakeOver, None).await
    }

    async fn take_place<T: Cacheable>(
        &self,
        key: &Key<T>,
        policy: &impl PolicyFor<T>,
        how: How,
        value: Option<&T>,
    ) -> Result<Reservation<T>, Error> {
        let codec = plain_codec::<T>();
        let mut subject = Subject::new(self, usable(key)?.clone());
        subject.set_policy(self, AnyPolicy::from(policy.for_value()));
        subject.tags(self);
        self.store()
            .supersede(subject.cell(self), self.sequence().next());
        // Of the call itself: what is invalidated from here on is newer than the value.
        let start = self.sequence().next();
        let terms = match self.shared().filter(|_| self.is_enabled()) {
            None => Terms::Apart,
            Some(shared) => {
                let Some(terms) = subject
                    .take_place(self, shared, &codec.kind, how, value.map(codec.value))
                    .await
                else {
                    if how == How::Replace {
                        shared.owe(Order::key(&subject.key));
                    }
                    return Err(unavailable());
                };
                terms
            }
        };
        let mut loading = Loading::on(self, None, terms);
        loading.start = start;
        Ok(Reservation {
            cache: self.clone(),
            subject,
            loading,
            value: PhantomData,
        })
    }
}

impl Subject {
    /// Takes the lease from whoever has it; `None` if the store cannot be used.
    async fn take_place(
        &self,
        cache: &Cache,
        shared: &Arc<Shared>,
        kind: &Kind,
        how: How,
        value: Option<&Value>,
    ) -> Option<Terms> {
        let share = self.share(cache, shared, kind);
        let mut sight = Sight::none_of(&share, &self.added_tags(value));
        if !share.holds_entry {
            let proofs = shared.tokens_for(&share, &mut sight).await?;
            return Some(Terms::Kept(Box::new((share, sight)), proofs));
        }
        let lease = self.policy.options.lease;
        match shared.claim(&share, &mut sight, how, lease).await {
            Claimed::Leased(lease, proofs) => {
                Some(Terms::Leased(Box::new((share, sight)), proofs, lease))
            }
            // The source lags behind an invalidation: nothing is stored.
            Claimed::Pass => Some(Terms::Unshared {
                queue: false,
                storeless: false,
            }),
            Claimed::Busy(_) | Claimed::Changed | Claimed::Resting(_) | Claimed::Refused => None,
        }
    }
}

impl<T: Cacheable> Reservation<T> {
    /// Stores the value, unless something it depends on was invalidated, or somebody else stored
    /// one, since the place was taken. Then the key is invalidated and the answer is `false`, as it
    /// is for a value that the policy does not store.
    ///
    /// # Errors
    /// Of kind [`Unavailable`](ErrorKind::Unavailable) if the shared store cannot be used, and
    /// [`Value`](ErrorKind::Value) if the value cannot be encoded for it; the key is invalidated then.
    pub async fn fill(mut self, value: &T) -> Result<bool, Error> {
        let (cache, key) = (self.cache.clone(), self.subject.key.clone());
        if !cache.is_enabled() {
            return Ok(false);
        }
        // The source lags behind an invalidation, which has taken away what there was.
        let lags = self.loading.is_unshared();
        // Who goes away meanwhile does not know whose value is there.
        let mut pending = Pending((!lags).then(|| cache.invalidate_raw(key)));
        let kept = self.keep(value).await;
        let invalidation = pending.0.take();
        if matches!(kept, Kept::Stored(_)) {
            return Ok(true);
        }
        let Some(invalidation) = invalidation else {
            return Ok(false);
        };
        let unknown = matches!(kept, Kept::Unknown);
        let refused = matches!(kept, Kept::NotStored(_));
        let invalidated = invalidation.await;
        if unknown {
            return Err(unavailable());
        }
        if refused {
            self.is_writable(value)?;
        }
        invalidated.map(|()| false)
    }

    /// Whether a value that was not stored could have been: without a store none has to be encoded.
    fn is_writable(&self, value: &T) -> Result<(), Error> {
        if self.cache.shared().is_none() {
            return Ok(());
        }
        let Codec {
            kind, value: any, ..
        } = plain_codec::<T>();
        let Some(error) = self.subject.unwritable(&kind, any(value)) else {
            return Ok(());
        };
        let message = "the value cannot be encoded for the shared store";
        Err(Error::new(ErrorKind::Value, message).because(error))
    }

    async fn keep(&mut self, value: &T) -> Kept {
        let codec = plain_codec::<T>();
        // In this order: an invalidation that is not seen here has yet to rotate its tokens, which
        // were read before.
        let start = self.loading.start;
        if !self.subject.may_store(&self.cache, Some(value), start) {
            return Kept::Overtaken;
        }
        self.subject
            .settle(&self.cache, &codec.kind, &mut self.loading, Some(value))
            .await
    }
}

impl<T> fmt::Debug for Reservation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").finish_non_exhaustive()
    }
}

/// For values that are no function's return value.
pub(crate) fn plain_codec<T: Cacheable>() -> Codec<T, T, NotAResult<T>> {
    codec(Shape::of_value())
}

pub(crate) fn usable<T>(key: &Key<T>) -> Result<&RawKey, Error> {
    key.raw().ok_or_else(|| {
        Error::new(
            ErrorKind::Key,
            "the key's parts cannot be serialized, so nothing is stored under it",
        )
    })
}

fn unavailable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the shared store cannot be used at the moment (`health()` says why), or a write is under way that hides the key",
    )
}
