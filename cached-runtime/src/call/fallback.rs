//! What is given in place of a load that fails, takes too long or is not tried: the older answer.

use std::sync::Arc;
use std::time::Duration;

use crate::back_off::AnswerId;
use crate::error::LoadTimeout;
use crate::flight::{Landing, Leader};
use crate::limiter::Place;
use crate::local::AnyEntry;
use crate::observe::Event;
use crate::outcome::Codec;

use super::Miss;
use super::claim::Terms;
use super::found::PATIENCE;
use super::look::Errand;

impl<R, T, E> Miss<R, T, E> {
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
        let usable = found.life.within(window, now) && unbroken;
        usable.then_some(found)
    }

    pub(super) fn fallback_answer(&self, codec: &Codec<R, T, E>) -> Option<R> {
        self.fallback().map(|found| self.answer(codec, found))
    }

    /// The same after a load that failed or was not waited for: for a while nobody tries another.
    pub(super) fn fall_back(&self, codec: &Codec<R, T, E>) -> Option<R> {
        let found = self.fallback()?;
        let (key, now) = (&self.subject.key, self.cache.clock().now());
        self.cache.back_off().rest(key, AnswerId::of(found), now);
        self.subject.stats.falls_back(key.prefix(), now);
        Some(self.answer(codec, found))
    }

    /// Whether there is something to give when waiting is cut now.
    pub(super) fn may_cut(&self, codec: &Codec<R, T, E>) -> bool {
        codec.shape.can_time_out() || self.fallback().is_some()
    }

    pub(super) fn may_answer_softly(&self) -> bool {
        self.subject.policy.options.soft_timeout.is_some() && self.fallback().is_some()
    }

    /// What to give in place of a load that is over its limit; `None`: go on waiting for it.
    pub(super) fn instead(&self, codec: &Codec<R, T, E>, limit: Duration) -> Option<R> {
        self.fall_back(codec).or_else(|| {
            let timed_out = codec.shape.timed_out(LoadTimeout::new(limit))?;
            self.report_load();
            Some(timed_out)
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
            // Those who joined have something to give, or try by themselves.
            leader.land(Landing::Failed(None));
        }
        Some(Arc::clone(found))
    }

    fn hold_back(&self) {
        if self.errand != Errand::Behind {
            self.count(Event::HeldBack);
        }
    }

    /// A place for a load on these terms; or what is given because there is none.
    pub(super) async fn find_place(
        &self,
        codec: &Codec<R, T, E>,
        terms: &Terms,
    ) -> Result<Place, R> {
        if !terms.is_storeless() {
            return Ok(Place::none());
        }
        let limiter = self.cache.limiter();
        if let Some(place) = limiter.try_enter() {
            return Ok(place);
        }
        if let Some(answer) = self.fallback_answer(codec) {
            return Err(answer);
        }
        self.count(Event::Queued);
        let own_limit = self.subject.policy.options.load_timeout;
        let limit = own_limit.filter(|limit| *limit <= PATIENCE && self.may_cut(codec));
        match limiter.enter(limit.unwrap_or(PATIENCE)).await {
            Some(place) => Ok(place),
            None => match limit.and_then(|limit| self.instead(codec, limit)) {
                Some(answer) => {
                    self.count(Event::LoadTimeout);
                    Err(answer)
                }
                // Waiting for longer would be worse than one load more.
                None => Ok(Place::none()),
            },
        }
    }
}
