//! What a batch gives for elements that cannot be loaded: the older answers.

use std::sync::Arc;
use std::time::Duration;

use super::{Answers, BatchMiss, Each, Missing};
use crate::back_off::AnswerId;
use crate::cache::Cache;
use crate::call::Terms;
use crate::error::LoadTimeout;
use crate::limiter::Place;
use crate::local::AnyEntry;
use crate::mode::Outcome;
use crate::observe::Event;
use crate::outcome::BatchCodec;
use crate::remote::Release;

type Elements<C, M> = Vec<Missing<<C as Each>::Key, M>>;

impl<C: Each + ?Sized, M: Answers> BatchMiss<C, M> {
    /// Gives the older answers of elements that nobody is to try again yet; the others are left.
    pub(super) fn take_resting<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Elements<C, M>,
    ) -> Elements<C, M> {
        if self.mode.refresh || self.mode.bypass {
            return missing;
        }
        let (cache, now) = (self.cache.clone(), self.cache.clock().now());
        let (resting, left): (Vec<_>, Vec<_>) = missing.into_iter().partition(|missing| {
            missing.older(&cache).is_some_and(|older| {
                let (key, answer) = (&missing.subject.key, AnswerId::of(older));
                !cache.back_off().may_try(key, answer, now)
            })
        });
        for missing in resting {
            self.hold_back(codec, missing);
        }
        left
    }

    /// The same for one whose load in another process has failed. Given back where the older answer
    /// has gone meanwhile.
    pub(super) fn rests_for<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Missing<C::Key, M>,
        left: Duration,
    ) -> Option<Missing<C::Key, M>> {
        let Some(older) = missing.older(&self.cache) else {
            return Some(missing);
        };
        let (key, answer) = (&missing.subject.key, AnswerId::of(older));
        let now = self.cache.clock().now();
        self.cache.back_off().rest_for(left, key, answer, now);
        self.hold_back(codec, missing);
        None
    }

    fn hold_back<R, E>(&mut self, codec: &BatchCodec<R, M, E>, missing: Missing<C::Key, M>) {
        missing.subject.stats.count(Event::HeldBack);
        missing.subject.stats.count(Event::Stale);
        let older = missing.found.as_ref();
        if let Some(older) = older {
            let now = self.cache.clock().now();
            self.origin.note(missing.tier, now.since(older.life().born));
        }
        let value = older.and_then(|older| codec.element.open(older));
        self.hits
            .extend(value.map(|value| (missing.map_key, value)));
    }

    /// After a load that failed: for a while nobody tries again those that have an older answer. If
    /// there was no load, whoever comes next may try.
    pub(super) fn rest(&self, missing: impl IntoIterator<Item = Missing<C::Key, M>>, tried: bool) {
        let (back_off, now) = (self.cache.back_off(), self.cache.clock().now());
        for missing in missing {
            let Some(older) = missing.older(&self.cache).filter(|_| !self.mode.refresh) else {
                continue;
            };
            let (key, answer) = (&missing.subject.key, AnswerId::of(older));
            if !tried {
                back_off.give_back(key, answer, now);
                continue;
            }
            back_off.rest(key, answer, now);
            if let (Terms::Leased(_, _, lease), Some(time)) = (missing.terms, back_off.time()) {
                lease.release(Release::Rests(time));
            }
        }
    }

    /// Where every missing element has a stale answer that may be given for an error. Who asks for a
    /// refresh wants to know of its failure.
    pub(super) fn stale_answers<'m, R, E>(
        &self,
        codec: &BatchCodec<R, M, E>,
        missing: impl IntoIterator<Item = &'m Missing<C::Key, M>, IntoIter: Clone>,
    ) -> Option<R>
    where
        C::Key: 'm,
        M: 'm,
    {
        if self.mode.refresh {
            return None;
        }
        let (now, mut origin) = (self.cache.clock().now(), self.origin);
        let (missing, mut answers) = (missing.into_iter(), Vec::new());
        for missing in missing.clone() {
            let older = missing.older(&self.cache)?;
            origin.note(missing.tier, now.since(older.life().born));
            let value = codec.element.open(older);
            answers.extend(value.map(|value| (missing.map_key.clone(), value)));
        }
        let hits = self
            .hits
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()));
        for missing in missing {
            missing.subject.stats.count(Event::Stale);
        }
        self.mode.report.report(|| origin.report(Outcome::Stale));
        Some((codec.shape.answers)(M::of(
            answers.into_iter().chain(hits),
        )))
    }

    /// A place for a load of these; or what is given because there is none.
    pub(super) async fn find_place<R, E>(
        &self,
        codec: &BatchCodec<R, M, E>,
        missing: &[Missing<C::Key, M>],
        load_timeout: Option<Duration>,
    ) -> Result<Place, R> {
        let storeless = |missing: &Missing<C::Key, M>| missing.terms.is_storeless();
        if !missing.iter().any(storeless) {
            return Ok(Place::none());
        }
        let limiter = self.cache.limiter();
        if let Some(place) = limiter.try_enter() {
            return Ok(place);
        }
        if let Some(older) = self.stale_answers(codec, missing) {
            return Err(older);
        }
        missing[0].subject.stats.count(Event::Queued);
        if let Some(place) = limiter.enter(load_timeout).await {
            return Ok(place);
        }
        if let Some(answer) = load_timeout.and_then(|limit| self.instead(codec, missing, limit)) {
            return Err(answer);
        }
        Ok(limiter.enter(None).await.unwrap_or(Place::none()))
    }

    /// What to give in place of a load that is over its limit; `None`: go on waiting for it.
    pub(super) fn instead<'m, R, E>(
        &self,
        codec: &BatchCodec<R, M, E>,
        missing: impl IntoIterator<Item = &'m Missing<C::Key, M>, IntoIter: Clone>,
        limit: Duration,
    ) -> Option<R>
    where
        C::Key: 'm,
        M: 'm,
    {
        self.stale_answers(codec, missing)
            .or_else(|| codec.shape.timed_out(LoadTimeout::new(limit)))
    }
}

impl<K, M: Answers> Missing<K, M> {
    /// The answer past its ttl, where it may be given for an error.
    pub(super) fn older(&self, cache: &Cache) -> Option<&Arc<AnyEntry>> {
        let window = self.subject.policy.options.windows.if_error;
        let found = self.found.as_ref().filter(|_| !window.is_zero())?;
        let stands = found.life().within(window, cache.clock().now())
            && self.subject.is_unbroken(cache, found);
        stands.then_some(found)
    }
}
