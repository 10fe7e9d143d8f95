//! The end of a load: what is stored, and what those who waited are told.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::flight::{Landing, Manifest};
use crate::freshness::Life;
use crate::key::RawKey;
use crate::local::{AnyEntry, EntryHead, Home, NotFound, Refused};
use crate::mode::{Outcome, Report};
use crate::observe::{Event, PrefixStats};
use crate::outcome::{Kind, SharedError};
use crate::pause::Point;
use crate::policy::{AnyPolicy, Local};
use crate::remote::EntryName;
use crate::site::Site;
use crate::tags::{Number, TagCell, TagCells};
use crate::value::Value;

use super::Call;
use super::attempt::Later;
use super::claim::Terms;
use super::given::Given;
use super::held::Held;
use super::loading::Loading;

/// What a call is about: the key, and the rules for what is stored under it.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) key: RawKey,
    /// That of its entry, once somebody asked: it takes a digest.
    name: OnceLock<EntryName>,
    /// What happens to the key, once that concerns the call: from before it finds something here,
    /// asks for something to be kept here, or draws the number of a load.
    pub(super) cell: OnceLock<Held>,
    pub(crate) stats: Arc<PrefixStats>,
    pub(crate) policy: Arc<AnyPolicy>,
    /// The prefix and the tags that are known before the load, once they are held: from before a
    /// question whose answer is kept here, and from before a load.
    pub(super) tags: OnceLock<Arc<[Arc<TagCell>]>>,
    /// Whether what is known of tokens without a question will do.
    pub(crate) by_view: bool,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What became of a loaded answer.
#[derive(Debug)]
pub(crate) enum Kept {
    Stored(Arc<AnyEntry>),
    /// Good for those who wait, but not to be stored.
    NotStored(Arc<AnyEntry>),
    /// Good for the caller whose load it was; for others nothing is known.
    Unproven,
    /// The store did not say what became of it.
    Unknown,
    /// Something it depends on was invalidated while it was loaded.
    Overtaken,
}

impl Call {
    /// The body was cut by its time limit.
    pub(super) fn is_cut(&self, loading: Option<Loading>) {
        self.count(Event::LoadTimeout);
        let Some(mut loading) = loading else {
            return;
        };
        loading.land(Landing::TimedOut);
        if self.fallback().is_some() {
            loading.rest(self.cache.back_off().time());
        }
    }

    pub(super) fn is_loaded(&self) {
        self.count(Event::Load);
        self.cache.back_off().end(&self.subject.key);
    }

    /// The body returned an error, which may be given to others. What is given in its place, if
    /// anything is.
    pub(super) fn has_failed(
        &self,
        loading: &mut Loading,
        error: Option<SharedError>,
    ) -> Option<Given> {
        self.count(Event::Load);
        self.count(Event::LoadError);
        loading.land(Landing::Failed(error));
        let Some(older) = self.fall_back() else {
            self.report_load();
            return None;
        };
        loading.rest(self.cache.back_off().time());
        Some(older)
    }

    /// Stores the answer (`None`: "not found") and tells those who wait. At once, where nothing has
    /// to be waited for; else there is something to be awaited.
    pub(super) fn land<'a>(
        &'a self,
        codec: &'a Kind,
        mut loading: Loading,
        value: Option<&'a Value>,
    ) -> Option<Later<'a, ()>> {
        let (subject, cache) = (&self.subject, &self.cache);
        let stop = cache.stop(Point::Loaded, &subject.key);
        if stop.is_none() && matches!(loading.terms, Terms::Apart) {
            let kept = subject.keep(cache, codec, value, &loading);
            self.landed(loading, kept);
            return None;
        }
        Some(Box::pin(async move {
            if let Some(stop) = stop {
                stop.await;
            }
            let kept = subject.settle(cache, codec, &mut loading, value).await;
            self.landed(loading, kept);
        }))
    }

    fn landed(&self, mut loading: Loading, kept: Kept) {
        loading.land(match kept {
            Kept::Stored(entry) | Kept::NotStored(entry) => Landing::Arrived(entry),
            // They have waited for more than one load by now.
            Kept::Overtaken | Kept::Unproven if self.waited_abroad => Landing::Unshared,
            // Nobody knows who else may have it: whoever waits looks again.
            Kept::Overtaken | Kept::Unproven | Kept::Unknown => Landing::Overtaken,
        });
        self.report_load();
    }

    pub(super) fn report_load(&self) {
        self.mode.report.report(|| Report::loaded(Outcome::Loaded));
    }
}

impl Subject {
    pub(crate) fn new(cache: &Cache, key: RawKey) -> Self {
        let stats = cache.observatory().prefix(key.prefix());
        Self::counted(key, stats)
    }

    /// The same, where the counters of its prefix are known.
    pub(crate) fn counted(key: RawKey, stats: Arc<PrefixStats>) -> Self {
        Self {
            key,
            name: OnceLock::new(),
            cell: OnceLock::new(),
            stats,
            policy: AnyPolicy::storing_nothing(),
            tags: OnceLock::new(),
            by_view: true,
        }
    }

    /// What a load that runs is about: for a caller who goes on by itself.
    pub(super) fn of_flight(about: &Manifest) -> Self {
        Self {
            key: about.key.clone(),
            name: OnceLock::new(),
            cell: Held::new(Arc::clone(&about.cell)).into(),
            stats: Arc::clone(&about.stats),
            policy: Arc::clone(&about.policy),
            tags: Arc::clone(&about.tags).into(),
            by_view: true,
        }
    }

    /// What the call is about, for those who join its load.
    pub(super) fn manifest(&self, cache: &Cache, function: Option<&'static Site>) -> Manifest {
        Manifest {
            cache: cache.clone(),
            key: self.key.clone(),
            cell: Arc::clone(self.cell(cache)),
            tags: Arc::clone(self.tags(cache)),
            stats: Arc::clone(&self.stats),
            policy: Arc::clone(&self.policy),
            function,
        }
    }

    /// What the shared tier calls its entry.
    pub(super) fn name(&self) -> &EntryName {
        self.name.get_or_init(|| EntryName::of(&self.key))
    }

    /// Gives the subject its options. Its tags are held from now on, unless nothing is kept here of
    /// what the store answers: mostly they are not needed then.
    pub(crate) fn set_policy(&mut self, cache: &Cache, policy: impl Into<Arc<AnyPolicy>>) {
        self.policy = policy.into();
        self.tags = OnceLock::new();
        if cache.shared().is_none() || self.keeps_copies() {
            self.tags(cache);
        }
    }

    /// The same as another's.
    pub(crate) fn set_policy_of(&mut self, other: &Self, cache: &Cache) {
        if Arc::ptr_eq(&self.stats, &other.stats) {
            self.policy = Arc::clone(&other.policy);
            self.tags = other.tags.clone();
        } else {
            self.set_policy(cache, Arc::clone(&other.policy));
        }
    }

    /// The cells of the prefix and of the tags that are known before the load: held from now on.
    pub(crate) fn tags(&self, cache: &Cache) -> &Arc<[Arc<TagCell>]> {
        self.tags.get_or_init(|| {
            let prefix = self.stats.cell(self.key.prefix(), cache.tags());
            let tags = self.policy.options.tags.iter();
            let tags = tags.map(|tag| cache.tags().cell(tag));
            std::iter::once(prefix).chain(tags).collect()
        })
    }

    /// Whether an entry that this call found has been invalidated since.
    pub(crate) fn is_unbroken(&self, cache: &Cache, found: &AnyEntry) -> bool {
        self.is_unmoved(cache) && cache.store().is_current(found)
    }

    /// Whether a load of this key that began at `start` may be joined.
    pub(crate) fn is_latest(&self, cache: &Cache, start: Number) -> bool {
        cache.store().is_latest(self.cell(cache), start)
    }

    /// The entry of the key, if the caller can read it; one of another type is reported.
    pub(crate) fn find(&self, cache: &Cache, codec: &Kind) -> Option<Arc<AnyEntry>> {
        let mut entry = cache.store().find(&self.key)?;
        if self.cell.get().is_none() {
            // Whatever comes over it from now on is noticed; what came before is seen now.
            self.cell(cache);
            entry = cache.store().find(&self.key)?;
        }
        let readable = codec.can_read(&entry);
        if !readable && !entry.is_negative() {
            self.stats
                .type_mismatch(self.key.prefix(), (codec.type_name)());
        }
        readable.then_some(entry)
    }

    /// What entries of the key are made with, where they have these tags.
    pub(crate) fn place(&self, cache: &Cache, tags: &TagCells) -> (&RawKey, Arc<Home>) {
        (&self.key, cache.store().home(&self.key, &self.stats, tags))
    }

    /// Stores what was loaded, on the terms of its load.
    pub(crate) async fn settle(
        &self,
        cache: &Cache,
        codec: &Kind,
        loading: &mut Loading,
        value: Option<&Value>,
    ) -> Kept {
        let terms = std::mem::replace(&mut loading.terms, Terms::Apart);
        if matches!(terms, Terms::Apart) {
            return self.keep(cache, codec, value, loading);
        }
        if let Some(leader) = &loading.leader {
            // What is proven from here on is so for all who joined.
            leader.close();
            leader.loaded();
        }
        let loaded = self.loaded(cache, codec, value, loading);
        match terms {
            Terms::Apart | Terms::Unshared { .. } => {
                self.stats.count(Event::NotStored);
                // Whoever shares this load came before it began.
                Kept::NotStored(self.unkept_entry(cache, codec, &loaded))
            }
            Terms::Kept(seen, proofs) => {
                self.keep_with_tokens(cache, codec, &seen, proofs, loaded)
                    .await
            }
            Terms::Leased(seen, proofs, lease) => {
                self.ship(cache, codec, &seen, (proofs, lease), loaded)
                    .await
            }
        }
    }

    /// Stores a loaded answer (`None`: "not found") where the rules allow it and nothing it depends
    /// on was invalidated since its load began.
    pub(crate) fn keep(
        &self,
        cache: &Cache,
        codec: &Kind,
        value: Option<&Value>,
        loading: &Loading,
    ) -> Kept {
        let now = cache.clock().now();
        let cost = now.since(loading.began);
        let tags = self.tags_of(cache, value);
        let ttl = self.ttl(codec, value);
        let life = self.life(now, ttl, cost);
        let weight = cache
            .store()
            .weight(&self.key, || value.map_or(0, codec.weigh));
        let place = self.place(cache, &tags);
        let head = EntryHead::new(place, loading.start, life, cost, weight, tags);
        let entry: Arc<AnyEntry> = match value {
            Some(value) => (codec.keep)(head, value),
            None => Arc::new(head.with(NotFound)),
        };
        if self.policy.options.local == Local::NotKept {
            cache.observatory().kept_nowhere(self.key.prefix());
        }
        let not_stored = |entry| {
            self.stats.count(Event::NotStored);
            // Nobody is given an older answer as fresh after a newer one was given.
            let fresh = |older: &AnyEntry| older.life().is_fresh(now);
            cache.store().remove_older(&self.key, loading.start, fresh);
            Kept::NotStored(entry)
        };
        if self.is_hidden(cache, entry.tags(), loading.began) {
            // It may be older than an invalidation: whoever waits looks again.
            not_stored(entry);
            return Kept::Unproven;
        }
        let too_large = value.is_some_and(|value| self.is_too_large(codec, value));
        if ttl.is_zero() || too_large || self.policy.options.local == Local::NotKept {
            return not_stored(entry);
        }
        match cache
            .store()
            .insert(&self.key, self.held_cell(cache), &entry, now)
        {
            Ok(evicted) => {
                cache.observatory().evicted(evicted);
                self.stats.count(Event::Stored);
                Kept::Stored(entry)
            }
            Err(Refused::TooHeavy) => not_stored(entry),
            Err(Refused::Overtaken) => {
                self.stats.count(Event::Overtaken);
                Kept::Overtaken
            }
        }
    }

    /// Whether nothing that an answer of this process depends on was invalidated since `start`.
    pub(crate) fn may_store(&self, cache: &Cache, value: Option<&Value>, start: Number) -> bool {
        self.is_latest(cache, start) && self.tags_of(cache, value).unbroken_since(start)
    }

    /// Zero: not to be stored.
    pub(super) fn ttl(&self, codec: &Kind, value: Option<&Value>) -> Duration {
        match value {
            None => self.policy.ttl_of_none(),
            Some(value) if !self.policy.accepts(value) => Duration::ZERO,
            Some(_) if is_result((codec.type_name)()) => {
                // A `Result` behind a type parameter: the signature did not show it.
                self.stats.result_as_value(self.key.prefix());
                Duration::ZERO
            }
            Some(value) => self.policy.ttl_of(value),
        }
    }

    fn life(&self, now: Moment, ttl: Duration, cost: Duration) -> Life {
        let options = &self.policy.options;
        let ttl = options.jitter.shorten(ttl, fastrand::f64());
        let cap = match options.local {
            Local::KeptFor(cap) => Some(cap),
            Local::Kept | Local::NotKept => None,
        };
        Life::new(
            now,
            ttl,
            options.windows,
            cap,
            options.early.map(|early| (early, cost)),
        )
    }

    /// All tags of an answer: those of the call, and those its value adds.
    pub(super) fn tags_of(&self, cache: &Cache, value: Option<&Value>) -> TagCells {
        let added = value.map_or_else(Vec::new, |value| self.policy.result_tags(value));
        let added = added.iter().map(|tag| cache.tags().cell(tag));
        self.tags(cache).iter().cloned().chain(added).collect()
    }
}

fn is_result(type_name: &str) -> bool {
    type_name.starts_with("core::result::Result<")
}
