//! The first phase of a call: borrows everything, awaits nothing, and ends the call on a plain hit.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::key::{Ident, Parts, RawKey};
use crate::local::AnyEntry;
use crate::mode::{self, Mode};
use crate::observe::Event;
use crate::outcome::Codec;
use crate::policy::Policy;
use crate::site::Site;

use super::Subject;

/// What a look found.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "what goes on does more than copy itself"
)]
pub enum Look<R, T, E> {
    /// The answer.
    Hit(R),
    /// All else: the call goes on.
    Miss(Miss<R, T, E>),
}

/// A call that was not answered at the first look. Owns all it needs, the key included.
pub struct Miss<R, T, E> {
    pub(super) cache: Cache,
    pub(super) subject: Subject<T>,
    pub(super) mode: Mode,
    /// A current entry of the right type, or of a negative answer.
    pub(super) found: Option<Arc<AnyEntry>>,
    pub(super) types: PhantomData<fn() -> (R, E)>,
}

impl<R, T, E> Clone for Miss<R, T, E> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            subject: self.subject.clone(),
            mode: self.mode.clone(),
            found: self.found.clone(),
            types: PhantomData,
        }
    }
}

/// Looks for the answer of one call in this process.
#[inline]
pub fn look<R, T, E, P: Parts>(
    site: &'static Site,
    cache: &Cache,
    parts: &P,
    codec: Codec<R, T, E>,
) -> Look<R, T, E> {
    let mode = mode::take();
    let Some(key) = site.identity(parts) else {
        return Look::Miss(Miss::uncacheable(cache, site.name(), mode));
    };
    if mode.is_none()
        && let Some(answer) = plain_hit(cache, &key, &codec)
    {
        return Look::Hit(answer);
    }
    Look::Miss(Miss::new(cache, &key, mode, &codec))
}

/// The answer, if it is fresh beyond doubt. Whatever needs thought is left to the second phase.
#[inline]
pub(crate) fn plain_hit<R, T, E, I: Ident>(
    cache: &Cache,
    key: &I,
    codec: &Codec<R, T, E>,
) -> Option<R> {
    let hash = key.hash().ok()?;
    let now = cache.clock().coarse();
    let store = cache.store().open();
    plain_answer(store.find(key, hash)?, now, codec)
}

#[inline]
fn plain_answer<R, T, E>(entry: &AnyEntry, now: Moment, codec: &Codec<R, T, E>) -> Option<R> {
    if now >= entry.life.carefree_until {
        return None;
    }
    let (answer, event) = match (codec.answer)(entry) {
        Some(answer) => (answer, Event::Hit),
        None if entry.is_negative() => (codec.shape.not_found?(), Event::Negative),
        None => return None,
    };
    entry.mark_used();
    entry.stats.count(event);
    Some(answer)
}

impl<R, T, E> Miss<R, T, E> {
    #[cold]
    pub(crate) fn new<I: Ident>(
        cache: &Cache,
        key: &I,
        mode: Option<Mode>,
        codec: &Codec<R, T, E>,
    ) -> Self {
        let Ok(raw) = key.encode() else {
            return Self::unkeyable(cache, key.prefix(), mode);
        };
        let subject = Subject::new(cache, raw);
        let found = subject.find(cache, codec);
        Self {
            cache: cache.clone(),
            subject,
            mode: mode.unwrap_or_default(),
            found,
            types: PhantomData,
        }
    }

    /// A call that can have no key loads every time.
    #[cold]
    pub(crate) fn uncacheable(cache: &Cache, prefix: &str, mode: Option<Mode>) -> Self {
        let mode = Mode {
            bypass: true,
            ..mode.unwrap_or_default()
        };
        let subject = Subject::new(cache, RawKey::of_prefix(prefix));
        Self {
            cache: cache.clone(),
            subject,
            mode,
            found: None,
            types: PhantomData,
        }
    }

    fn unkeyable(cache: &Cache, prefix: &str, mode: Option<Mode>) -> Self {
        let miss = Self::uncacheable(cache, prefix, mode);
        cache.observatory().unkeyable(&miss.subject.stats, prefix);
        miss
    }

    /// Gives the call its options. Evaluated only now: a plain hit needs none of them.
    #[must_use]
    pub fn rules(mut self, policy: impl Into<Policy<T>>) -> Self {
        self.subject.set_policy(&self.cache, policy.into());
        self
    }
}

impl<R, T, E> fmt::Debug for Miss<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miss")
            .field("found", &self.found.is_some())
            .finish_non_exhaustive()
    }
}
