//! Calls for many keys at once: one look-up each, one body for what is missing.
//!
//! A batch neither joins nor leads flights: it has one body and cannot start over. Its entries are
//! those of the single form, and are refused like any other if something they depend on is
//! invalidated while the body runs.

pub mod again;
mod answers;
mod each;
mod fleet;
mod load;
mod older;
mod origin;

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

pub use self::again::Again;
pub use self::answers::{Answers, AsMapKey};
pub use self::each::Each;

use self::origin::Origin;

use crate::cache::Cache;
use crate::call::{Access, Subject, Terms, plain_hit_at};
use crate::key::{Ident, Parts, RawKey};
use crate::local::AnyEntry;
use crate::mode::{self, Mode, Outcome, Report, Tier};
use crate::nesting;
use crate::observe::Event;
use crate::outcome::BatchCodec;
use crate::policy::{AnyPolicy, Policy};
use crate::site::Site;

/// What a look for many keys found.
#[derive(Debug)]
pub enum LookEach<R, M> {
    /// Every answer.
    Hit(R),
    /// Some are missing: the call goes on.
    Miss(M),
}

/// A batch of which some answers are missing.
pub struct BatchMiss<C: Each + ?Sized, M: Answers> {
    cache: Cache,
    mode: Mode,
    hits: Vec<(M::Key, M::Value)>,
    missing: Vec<Missing<C::Key, M>>,
    origin: Origin,
    policy: fn(Policy<M::Value>) -> Arc<AnyPolicy>,
}

struct Missing<K, M: Answers> {
    element: K,
    map_key: M::Key,
    subject: Subject,
    /// Whether its key can be made and its answer may be stored: not inside of the load of that key.
    keyed: bool,
    found: Option<Arc<AnyEntry>>,
    tier: Tier,
    /// What the shared tier said.
    access: Access,
    /// On what terms it is loaded, once that is settled.
    terms: Terms,
}

/// Looks for the answer of each element in this process.
pub fn look_each<R, M, E, C, P>(
    site: &'static Site,
    cache: &Cache,
    elements: &C,
    parts: &P,
    codec: BatchCodec<R, M, E>,
) -> LookEach<R, BatchMiss<C, M>>
where
    M: Answers,
    C: Each<Key: AsMapKey<M::Key>> + ?Sized,
    P: Parts<C::Key>,
{
    let mode = mode::take();
    let (mut hits, mut missing) = (Vec::new(), Vec::new());
    // All keys have one prefix.
    let mut stats = None;
    let identity = site.identity(parts).filter(|_| cache.is_enabled());
    let read = mode
        .as_ref()
        .is_none_or(|mode| !mode.bypass && !mode.refresh);
    // A plain hit does not say how old it is.
    let told = mode.as_ref().is_some_and(|mode| mode.report.is_wanted());
    let nests = nesting::is_inside_any();
    let now = cache.hit_time();
    let count = elements.count();
    let mut seen = HashSet::with_capacity_and_hasher(count, foldhash::fast::RandomState::default());
    elements.each(|element| {
        if !seen.insert(element) {
            return;
        }
        let map_key = element.as_map_key();
        let key = identity.map(|identity| identity.element(element));
        let inside = |hash| nesting::is_inside(cache, hash);
        let nested = nests && key.is_some_and(|key| key.hash().is_ok_and(inside));
        if let Some(answer) = key
            .filter(|_| read && !told && !nested)
            .and_then(|key| plain_hit_at(now, cache, &key, &codec.element, site.trust()))
        {
            hits.extend(answer.map(|value| (map_key, value)));
            return;
        }
        let raw = key.and_then(|key| key.encode().ok());
        let keyed = raw.is_some() && !nested;
        let subject = match raw {
            Some(raw) => {
                let stats = stats.get_or_insert_with(|| cache.observatory().prefix(raw.prefix()));
                Subject::counted(raw, Arc::clone(stats))
            }
            None => Subject::new(cache, RawKey::of_prefix(site.name())),
        };
        if key.is_some() && !keyed && !nested {
            cache.observatory().unkeyable(&subject.stats, site.name());
        }
        let found = (keyed && read)
            .then(|| subject.find(cache, &codec.element.kind))
            .flatten();
        if missing.is_empty() {
            // Where one is missing, the others mostly are.
            missing.reserve((count + 1).saturating_sub(seen.len()));
        }
        missing.push(Missing {
            element: element.clone(),
            map_key,
            subject,
            keyed,
            found,
            tier: Tier::Local,
            access: Access::Apart,
            terms: Terms::Apart,
        });
    });
    if missing.is_empty() {
        if let Some(mode) = mode {
            mode.report.report(|| Report::loaded(Outcome::Hit));
        }
        return LookEach::Hit((codec.shape.answers)(M::of(hits)));
    }
    LookEach::Miss(BatchMiss {
        cache: cache.clone(),
        mode: mode.unwrap_or_default(),
        hits,
        missing,
        origin: Origin::default(),
        policy: codec.element.policy,
    })
}

impl<C: Each + ?Sized, M: Answers> BatchMiss<C, M> {
    /// Gives each element its options.
    #[must_use]
    pub fn rules<P: Into<Policy<M::Value>>>(mut self, rules: impl Fn(&C::Key) -> P) -> Self {
        for missing in &mut self.missing {
            let subject = &mut missing.subject;
            subject.set_policy(&self.cache, (self.policy)(rules(&missing.element).into()));
        }
        self
    }

    /// The same for all of them.
    #[must_use]
    pub fn rules_of_all<P: Into<Policy<M::Value>>>(mut self, rules: P) -> Self {
        let policy = (self.policy)(rules.into());
        let mut subjects = self.missing.iter_mut().map(|missing| &mut missing.subject);
        if let Some(first) = subjects.next() {
            first.set_policy(&self.cache, policy);
            subjects.for_each(|subject| subject.set_policy_of(first, &self.cache));
        }
        self
    }

    /// The body, with the types that [`run`](Self::run) wants.
    pub fn body<R, E, B, F>(&self, _: BatchCodec<R, M, E>, body: B) -> B
    where
        B: FnOnce(C::Rest) -> F,
        F: Future<Output = R>,
    {
        body
    }

    /// Runs `body` with the elements that are missing, if any are: once, or where another process
    /// loads some of them, and then did not store them, once more with those. `again` makes a second
    /// body; without it, all are loaded at once.
    pub async fn run<R, E, B, F>(
        mut self,
        codec: BatchCodec<R, M, E>,
        body: B,
        again: Option<fn(&B) -> B>,
    ) -> R
    where
        B: FnOnce(C::Rest) -> F,
        F: Future<Output = R>,
    {
        let missing = std::mem::take(&mut self.missing);
        let missing = self.meet(&codec, missing).await;
        let missing = self.take_fresh(&codec, missing, Event::Hit);
        let asked = missing.len();
        let missing = self.take_resting(&codec, missing);
        if missing.is_empty() {
            let outcome = if asked == 0 {
                Outcome::Hit
            } else {
                Outcome::Stale
            };
            self.tell(outcome);
            return (codec.shape.answers)(M::of(self.hits));
        }
        self.begin(&missing);
        let (ours, abroad) = self.claim(&codec, missing, again.is_some()).await;
        if ours.is_empty() && abroad.is_empty() {
            self.tell(Outcome::Stale);
        }
        let waits = ours.is_empty() && !abroad.is_empty();
        let (mut first, mut second) = (Some(body), None);
        if !ours.is_empty() {
            second = first
                .as_ref()
                .zip(again)
                .filter(|_| !abroad.is_empty())
                .map(|(body, again)| again(body));
            let loaded = match self.load(&codec, &ours, first.take()).await {
                Ok(loaded) => loaded,
                Err(instead) => {
                    self.rest(ours, instead.tried);
                    return instead.answer;
                }
            };
            self.land(&codec, ours, loaded).await;
        }
        // Nothing is held while others are waited for.
        let ours = match self.wait_abroad(&codec, abroad).await {
            Ok(ours) => ours,
            Err(answer) => return answer,
        };
        if !ours.is_empty() {
            let loaded = match self.load(&codec, &ours, first.or(second)).await {
                Ok(loaded) => loaded,
                Err(instead) => {
                    self.rest(ours, instead.tried);
                    return instead.answer;
                }
            };
            self.land(&codec, ours, loaded).await;
        } else if waits {
            self.mode.report.report(|| Report::loaded(Outcome::Joined));
        }
        (codec.shape.answers)(M::of(self.hits))
    }

    /// What the first look left to an exact reading of the clock, or to the shared tier.
    fn take_fresh<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Vec<Missing<C::Key, M>>,
        hit: Event,
    ) -> Vec<Missing<C::Key, M>> {
        let now = self.cache.clock().now();
        let (hits, origin) = (&mut self.hits, &mut self.origin);
        let refresh = self.mode.refresh;
        missing
            .into_iter()
            .filter_map(|missing| match &missing.found {
                Some(found) if found.life().is_fresh(now) && !refresh => {
                    let value = codec.element.open(found);
                    let event = match hit {
                        Event::Hit if value.is_none() => Event::Negative,
                        event => event,
                    };
                    missing.subject.stats.count(event);
                    if matches!(hit, Event::Hit) {
                        if missing.tier == Tier::Remote {
                            missing.subject.stats.count(Event::RemoteHit);
                        }
                        origin.note(missing.tier, now.since(found.life().born));
                    }
                    hits.extend(value.map(|value| (missing.map_key, value)));
                    None
                }
                _ => Some(missing),
            })
            .collect()
    }

    fn begin(&self, missing: &[Missing<C::Key, M>]) {
        let apart = |missing: &Missing<_, _>| self.is_apart(missing);
        let outcome = if missing.iter().all(apart) {
            Outcome::Bypassed
        } else {
            Outcome::Loaded
        };
        self.mode.report.report(|| Report::loaded(outcome));
        for missing in missing {
            // From before a load.
            missing.subject.tags(&self.cache);
            missing.subject.cell(&self.cache);
            let event = if apart(missing) {
                Event::Bypassed
            } else {
                Event::Miss
            };
            missing.subject.stats.count(event);
            if self.mode.refresh && !apart(missing) {
                self.cache.store().supersede(
                    missing.subject.cell(&self.cache),
                    self.cache.sequence().next(),
                );
            }
        }
    }

    /// Whether an element has nothing to do with the cache.
    fn is_apart(&self, missing: &Missing<C::Key, M>) -> bool {
        self.mode.bypass || !missing.keyed
    }

    /// Counts what became of elements that the body was to load.
    fn count_loads(&self, missing: &[Missing<C::Key, M>], event: Event) {
        let loaded = missing.iter().filter(|missing| !self.is_apart(missing));
        loaded.for_each(|missing| missing.subject.stats.count(event));
    }

    /// Reports what was given without a load.
    fn tell(&self, outcome: Outcome) {
        self.mode.report.report(|| self.origin.report(outcome));
    }
}

/// A key of those that are missing: all have the same prefix.
fn key_of<K, M: Answers>(missing: &[Missing<K, M>]) -> Option<&RawKey> {
    missing.first().map(|missing| &missing.subject.key)
}

impl<C: Each + ?Sized, M: Answers> fmt::Debug for BatchMiss<C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchMiss")
            .field("hits", &self.hits.len())
            .field("missing", &self.missing.len())
            .finish_non_exhaustive()
    }
}
