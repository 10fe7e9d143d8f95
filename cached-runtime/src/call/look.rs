//! The first phase of a call: borrows everything, awaits nothing, and ends the call on a plain hit.

use std::fmt;
use std::sync::Arc;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::coherence::Trust;
use crate::flight::Flight;
use crate::key::{Ident, Parts, RawKey};
use crate::local::{AnyEntry, Opened};
use crate::mode::{self, Mode, Tier};
use crate::nesting;
use crate::observe::Event;
use crate::outcome::{Codec, Kind};
use crate::policy::AnyPolicy;
use crate::site::Site;

use super::meet::Access;
use super::passenger::Passenger;
use super::{Joining, Miss, Subject};

/// A call that was not answered at the first look, whatever the types of its function. Owns all it
/// needs, the key included.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) cache: Cache,
    pub(super) subject: Subject,
    pub(super) mode: Mode,
    /// A current entry of the right type, or of a negative answer.
    pub(super) found: Option<Arc<AnyEntry>>,
    /// Whether it was invalidated, softly: it is never fresh.
    pub(super) softly: bool,
    /// Where it was found.
    pub(super) tier: Tier,
    /// What the shared tier said.
    pub(super) access: Access,
    pub(super) errand: Errand,
    /// Loads that this caller has waited for, here or in other processes, and whose answer it could not be given.
    pub(super) vain_waits: u32,
    /// One of them in another process, with all who had joined by then: nobody has joined since.
    pub(super) waited_abroad: bool,
    /// What the store gave could not be read: this caller looks again, and closely.
    pub(super) reads_closely: bool,
    /// Whose calls with this key have one policy; those of other functions may have several.
    pub(super) function: Option<&'static Site>,
}

/// What a call is about to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Errand {
    /// Give an answer.
    #[default]
    Answer,
    /// Give an answer that is found, and refresh it before.
    Refresh,
    /// Refresh behind an answer that was given.
    Behind,
}

/// A call that looks for its answer in this process. The map is open while it looks.
pub struct Looking<'a, P> {
    site: &'static Site,
    cache: &'a Cache,
    parts: &'a P,
    store: Opened<'a>,
}

/// A stored answer that is fresh beyond doubt and that the function can return; `None` for one that
/// says "not found".
pub struct Hit<'a, T>(Option<&'a T>);

/// Looks for the answer of one call in this process.
#[inline(always)]
#[allow(clippy::inline_always, reason = "see `plain_entry`")]
pub fn look<'a, P: Parts>(site: &'static Site, cache: &'a Cache, parts: &'a P) -> Looking<'a, P> {
    Looking {
        site,
        cache,
        parts,
        store: cache.store().open(),
    }
}

impl<P: Parts> Looking<'_, P> {
    /// What is stored, if it can be given as it is.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `plain_entry`")]
    pub fn hit<R, T, E>(&self, codec: Codec<R, T, E>) -> Option<Hit<'_, T>> {
        if mode::is_set() {
            return None;
        }
        let key = self.site.identity(self.parts)?;
        if nesting::is_inside_any() && nesting::is_inside(self.cache, key.hash().ok()?) {
            return None;
        }
        let entry = plain_entry(self.cache, &self.store, &key, self.site.trust())?;
        given(entry, &codec)
    }

    /// All else: the call goes on.
    ///
    /// Taken apart here: handed over as a whole it would be written to memory for each hit, too.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `plain_entry`")]
    pub fn miss<R, T, E>(self, codec: Codec<R, T, E>) -> Miss<R, T, E> {
        let Self {
            site, cache, parts, ..
        } = self;
        missed(site, cache, parts, codec)
    }

    /// The same where the calls of the function with one key have one policy, and no time limit: it
    /// may join the load of another one.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `miss`")]
    pub fn join<R, T, E, C>(self, codec: C) -> Joining<R, T, E, C>
    where
        C: Fn() -> Codec<R, T, E>,
    {
        let Self {
            site, cache, parts, ..
        } = self;
        joined(site, cache, parts, codec)
    }
}

#[cold]
#[inline(never)]
fn missed<R, T, E, P: Parts>(
    site: &'static Site,
    cache: &Cache,
    parts: &P,
    codec: Codec<R, T, E>,
) -> Miss<R, T, E> {
    match site.identity(parts) {
        Some(key) => Miss::new(cache, &key, mode::take(), None, &codec),
        None => Miss::uncacheable(cache, site.name(), mode::take(), &codec),
    }
}

#[cold]
#[inline(never)]
fn joined<R, T, E, P: Parts, C>(
    site: &'static Site,
    cache: &Cache,
    parts: &P,
    codec: C,
) -> Joining<R, T, E, C>
where
    C: Fn() -> Codec<R, T, E>,
{
    let mode = mode::take();
    let Some(key) = site.identity(parts) else {
        let miss = Miss::uncacheable(cache, site.name(), mode, &codec());
        return Joining::calls(miss, codec);
    };
    if mode.is_none()
        && let Some(passenger) = Passenger::board(site, cache, &key, &cache.store().open())
    {
        return Joining::joins(passenger, codec);
    }
    let miss = Miss::new(cache, &key, mode, Some(site), &codec());
    Joining::calls(miss, codec)
}

impl<T> Hit<'_, T> {
    /// The answer. Last of all, so that a clone is made where the caller wants it and not moved.
    #[inline]
    pub fn answer<R, E>(self, codec: Codec<R, T, E>) -> R {
        match (self.0, codec.shape.not_found) {
            (Some(value), _) => (codec.answer)(value),
            (None, Some(not_found)) => not_found(),
            (None, None) => unreachable!("`given` has seen that there is a \"not found\""),
        }
    }
}

/// The same for a key that is written down.
#[inline]
pub(crate) fn plain_hit<R, T, E, I: Ident>(
    cache: &Cache,
    key: &I,
    codec: &Codec<R, T, E>,
    trust: Trust,
) -> Option<R> {
    plain_hit_at(cache.hit_time(), cache, key, codec, trust)
}

/// The same for a reader who came no later than `now`, a [`hit_time`](Cache::hit_time): of many keys, one will do.
#[inline]
pub(crate) fn plain_hit_at<R, T, E, I: Ident>(
    now: Moment,
    cache: &Cache,
    key: &I,
    codec: &Codec<R, T, E>,
    trust: Trust,
) -> Option<R> {
    let store = cache.store().open();
    let entry = entry_at(now, cache, &store, key, trust)?;
    Some(given(entry, codec)?.answer(*codec))
}

/// The entry, if it is fresh beyond doubt. Whatever needs thought is left to the second phase.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "as one piece with the call the key is never written to memory, which is a tenth of a hit"
)]
fn plain_entry<'a, I: Ident>(
    cache: &Cache,
    store: &'a Opened<'_>,
    key: &I,
    trust: Trust,
) -> Option<&'a AnyEntry> {
    // First, where nothing has to be kept over the call to the clock.
    entry_at(cache.hit_time(), cache, store, key, trust)
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "see `plain_entry`")]
fn entry_at<'a, I: Ident>(
    now: Moment,
    cache: &Cache,
    store: &'a Opened<'_>,
    key: &I,
    trust: Trust,
) -> Option<&'a AnyEntry> {
    let hash = key.hash().ok()?;
    let entry = store.peek(key, hash)?;
    (now < entry.carefree_until && cache.stands_at(now, entry, trust)).then_some(entry)
}

/// What is given of an entry, if the function can return it. Counts it.
#[inline]
fn given<'a, R, T, E>(entry: &'a AnyEntry, codec: &Codec<R, T, E>) -> Option<Hit<'a, T>> {
    let value = (codec.read)(entry);
    if value.is_none() && !(entry.is_negative() && codec.shape.not_found.is_some()) {
        return None;
    }
    entry.mark_used();
    let event = value.map_or(Event::Negative, |_| Event::Hit);
    entry.stats().count(event);
    Some(Hit(value))
}

impl Call {
    #[cold]
    pub(super) fn new(
        cache: &Cache,
        raw: RawKey,
        mode: Option<Mode>,
        function: Option<&'static Site>,
        codec: &Kind,
    ) -> Self {
        let mut mode = mode.unwrap_or_default();
        mode.bypass |= nesting::is_inside(cache, raw.hash());
        let subject = Subject::new(cache, raw);
        let found = subject.find(cache, codec);
        Self {
            mode,
            found,
            function,
            ..Self::about(cache, subject)
        }
    }

    /// A call that has joined a load and found nothing else.
    pub(super) fn of_flight(flight: &Flight) -> Self {
        let about = &flight.about;
        Self {
            function: about.function,
            ..Self::about(&about.cache, Subject::of_flight(about))
        }
    }

    fn about(cache: &Cache, subject: Subject) -> Self {
        Self {
            cache: cache.clone(),
            subject,
            mode: Mode::default(),
            found: None,
            softly: false,
            tier: Tier::Local,
            access: Access::default(),
            errand: Errand::default(),
            vain_waits: 0,
            waited_abroad: false,
            reads_closely: false,
            function: None,
        }
    }

    /// A call that can have no key loads every time.
    #[cold]
    pub(super) fn uncacheable(cache: &Cache, prefix: &str, mode: Option<Mode>) -> Self {
        let mode = Mode {
            bypass: true,
            ..mode.unwrap_or_default()
        };
        let subject = Subject::new(cache, RawKey::of_prefix(prefix));
        Self {
            mode,
            ..Self::about(cache, subject)
        }
    }

    pub(super) fn set_policy(&mut self, policy: Arc<AnyPolicy>) {
        self.subject.set_policy(&self.cache, policy);
    }

    pub(super) fn unkeyable(cache: &Cache, prefix: &str, mode: Option<Mode>) -> Self {
        let call = Self::uncacheable(cache, prefix, mode);
        cache.observatory().unkeyable(&call.subject.stats, prefix);
        call
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("found", &self.found.is_some())
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Looking<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looking").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Hit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hit")
    }
}
