//! A load that runs: when it began, on what terms, and who waits for it.

use std::time::Duration;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::flight::{Landing, Leader, Running};
use crate::limiter::Place;
use crate::remote::Release;
use crate::tags::Number;

use super::claim::Terms;

/// A load that runs.
#[derive(Debug)]
pub(crate) struct Loading {
    /// Drawn before the body runs.
    pub(crate) start: Number,
    pub(crate) began: Moment,
    pub(super) leader: Option<Leader>,
    /// A load on no terms at all may still be shared by those who came before it began.
    pub(super) lane: Option<Running>,
    pub(super) terms: Terms,
    /// Among the loads that run without the store.
    pub(super) place: Place,
}

impl Loading {
    /// A load in this process alone. Its number is that of the flight, if there is one: whoever
    /// joined came after it.
    pub(crate) fn begin(cache: &Cache, leader: Option<Leader>) -> Self {
        let start = leader
            .as_ref()
            .map_or_else(|| cache.sequence().next(), Leader::start);
        Self {
            start,
            began: cache.clock().now(),
            leader,
            lane: None,
            terms: Terms::Apart,
            place: Place::none(),
        }
    }

    /// The number of a load on other terms is its own: it may have waited for long since it
    /// boarded, and tokens decide who may have its answer.
    pub(crate) fn on(cache: &Cache, leader: Option<Leader>, terms: Terms) -> Self {
        let mut loading = Self::begin(cache, leader);
        if !matches!(terms, Terms::Apart) {
            loading.start = cache.sequence().next();
        }
        loading.terms = terms;
        loading
    }

    /// Nothing of it is stored.
    pub(crate) fn is_unshared(&self) -> bool {
        matches!(self.terms, Terms::Unshared { .. })
    }

    /// The older answer is given: other processes that have it, too, are not to try for so long.
    pub(super) fn rest(&mut self, time: Option<Duration>) {
        if let Some(time) = time
            && let Terms::Leased(_, _, lease) = std::mem::replace(&mut self.terms, Terms::Apart)
        {
            lease.release(Release::Rests(time));
        }
    }

    pub(super) fn land(&mut self, landing: Landing) {
        if let Some(lane) = self.lane.take() {
            lane.land(landing.clone());
        }
        if let Some(leader) = self.leader.take() {
            leader.land(landing);
        }
    }
}
