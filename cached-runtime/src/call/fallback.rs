//! What is given in place of a load that fails, takes too long or is not tried: the older answer.

use std::sync::Arc;
use std::thread::panicking;
use std::time::Duration;

use crate::back_off::AnswerId;
use crate::cache::Cache;
use crate::error::LoadTimeout;
use crate::flight::{Landing, Leader};
use crate::key::RawKey;
use crate::limiter::Place;
use crate::local::AnyEntry;
use crate::observe::Event;
use crate::outcome::Kind;

use super::Call;
use super::claim::Terms;
use super::given::Given;
use super::look::Errand;

impl Call {
    /// The found value, if it is still fresh or inside a window of the function, and nothing has
    /// been invalidated since. Who asks for a refresh wants to know of its failure.
    pub(super) fn fallback(&self) -> Option<&Arc<AnyEntry>> {
        let found = self.found.as_ref().filter(|_| !self.mode.refresh)?;
        let (now, window) = (
            self.cache.clock().now(),
            self.subject.policy.options.windows.longest(),
        );
        let unbroken = if self.softly {
            self.subject.stands(&self.cache, found, now)
        } else {
            self.subject.is_unbroken(&self.cache, found)
        };
        let usable = found.life().within(window, now) && unbroken;
        usable.then_some(found)
    }

    pub(super) fn fallback_answer(&self) -> Option<Given> {
        self.fallback().map(|found| self.answer(found))
    }

    /// The same after a load that failed or was not waited for: for a while nobody tries another.
    pub(super) fn fall_back(&self) -> Option<Given> {
        let found = self.fallback()?;
        let (key, now) = (&self.subject.key, self.cache.clock().now());
        self.cache.back_off().rest(key, AnswerId::of(found), now);
        self.subject.stats.falls_back(key.prefix(), now);
        Some(self.answer(found))
    }

    /// Whether there is something to give when waiting is cut now.
    pub(super) fn may_cut(&self, codec: &Kind) -> bool {
        codec.can_time_out || self.fallback().is_some()
    }

    pub(super) fn soft_limit(&self) -> Duration {
        self.subject.policy.options.soft_timeout.unwrap_or_default()
    }

    pub(super) fn may_answer_softly(&self) -> bool {
        self.subject.policy.options.soft_timeout.is_some() && self.fallback().is_some()
    }

    /// What to give in place of a load that is over its limit; `None`: go on waiting for it.
    pub(super) fn instead(&self, codec: &Kind, limit: Duration) -> Option<Given> {
        self.fall_back().or_else(|| {
            codec.can_time_out.then(|| {
                self.report_load();
                Given::TimedOut(LoadTimeout::new(limit))
            })
        })
    }

    /// Whether this caller is to leave an answer as it is, because the last try to replace it has
    /// failed and another one is not due. If it is, it is this caller's.
    pub(super) fn rests(&self, found: &AnyEntry) -> bool {
        let (key, now) = (&self.subject.key, self.cache.clock().now());
        let rests = !self.cache.back_off().may_try(key, AnswerId::of(found), now);
        if rests {
            self.hold_back();
        }
        rests
    }

    /// The older answer, while it is to be left as it is.
    pub(super) fn resting(&self) -> Option<Arc<AnyEntry>> {
        self.fallback().filter(|found| self.rests(found)).cloned()
    }

    /// This caller cannot try although it may: the next one may, too.
    pub(super) fn gives_back(&self, found: &AnyEntry) {
        let (key, now) = (&self.subject.key, self.cache.clock().now());
        self.cache
            .back_off()
            .give_back(key, AnswerId::of(found), now);
    }

    /// The same because a load of another process has failed.
    pub(super) fn rests_for(
        &self,
        left: Duration,
        leader: &mut Option<Leader>,
    ) -> Option<Arc<AnyEntry>> {
        let found = self.fallback()?;
        let (key, now) = (&self.subject.key, self.cache.clock().now());
        let answer = AnswerId::of(found);
        self.cache.back_off().rest_for(left, key, answer, now);
        self.hold_back();
        if let Some(leader) = leader.take() {
            leader.land(Landing::Rests);
        }
        Some(Arc::clone(found))
    }

    fn hold_back(&self) {
        if self.errand != Errand::Behind {
            self.count(Event::HeldBack);
        }
    }

    /// A place for a load on these terms, and whether it was waited for; or what is given because
    /// there is none.
    pub(super) async fn find_place(
        &self,
        codec: &Kind,
        terms: &Terms,
    ) -> Result<(Place, bool), Given> {
        if !terms.is_storeless() {
            return Ok((Place::none(), false));
        }
        let limiter = self.cache.limiter();
        if let Some(place) = limiter.try_enter() {
            return Ok((place, false));
        }
        if let Some(found) = self.fallback() {
            self.gives_back(found);
            return Err(self.answer(found));
        }
        self.count(Event::Queued);
        let own_limit = self.subject.policy.options.load_timeout;
        let limit = own_limit.filter(|_| self.may_cut(codec));
        if let Some(place) = limiter.enter(limit).await {
            return Ok((place, true));
        }
        if let Some(answer) = limit.and_then(|limit| self.instead(codec, limit)) {
            self.count(Event::LoadTimeout);
            return Err(answer);
        }
        // What it had to give has gone meanwhile.
        Ok((limiter.enter(None).await.unwrap_or(Place::none()), true))
    }

    /// A body that panics has failed, too: if that happens while this is there, the older answer
    /// rests.
    pub(super) fn rest_if_it_panics(&self) -> Option<RestsInPanic> {
        let answer = AnswerId::of(self.fallback()?);
        Some(RestsInPanic {
            cache: self.cache.clone(),
            key: self.subject.key.clone(),
            answer,
        })
    }
}

pub(super) struct RestsInPanic {
    cache: Cache,
    key: RawKey,
    answer: AnswerId,
}

impl Drop for RestsInPanic {
    fn drop(&mut self) {
        if panicking() {
            let now = self.cache.clock().now();
            self.cache.back_off().rest(&self.key, self.answer, now);
        }
    }
}
