//! What is rarely so of a tag, or of everything, in a cache of this process alone. Where processes
//! share a store, all of this stands there; then it is rare that what was read there is kept.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::Number;
use crate::clock::Moment;
use crate::remote::Proof;

/// How an invalidation is meant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The source may be behind what was written to it, until then.
    pub(crate) lags_until: Option<Moment>,
    /// Until then what was valid before may be given as stale.
    pub(crate) soft_until: Option<Moment>,
}

/// Writes under way, a source that lags, a soft invalidation, a token that is believed without a question.
///
/// On the heap once there was any of that: tags are many, and this is rare.
#[derive(Debug, Default)]
pub(crate) struct Rare(OnceLock<Box<Mutex<State>>>);

#[derive(Debug)]
struct State {
    writes: u32,
    lags_until: Moment,
    soft: Option<Soft>,
    /// Its token in the store, and the number of the question that was answered with it.
    view: Option<(Proof, Number)>,
}

#[derive(Clone, Copy, Debug)]
struct Soft {
    /// The last invalidation before it.
    before: Number,
    until: Moment,
}

impl Default for State {
    fn default() -> Self {
        Self {
            writes: 0,
            lags_until: Moment::FIRST,
            soft: None,
            view: None,
        }
    }
}

impl Rare {
    pub(super) fn lagging(until: Moment) -> Self {
        let rare = Self::default();
        if until > Moment::FIRST {
            rare.change().lags_until = until;
        }
        rare
    }

    /// Takes note of an invalidation that is about to get `number`, where the last one has
    /// `before`. Those of one tag come one after the other.
    pub(crate) fn invalidated(&self, manner: Manner, number: Number, before: Number) {
        if manner.soft_until.is_none() && manner.lags_until.is_none() && self.0.get().is_none() {
            return;
        }
        let mut state = self.change();
        if let Some(until) = manner.lags_until {
            state.lags_until = state.lags_until.max(until);
        }
        // R18: after one that is not soft nothing older is given, whatever was said before.
        state.soft = manner
            .soft_until
            .filter(|_| number > before)
            .map(|until| Soft { before, until });
    }

    /// What begins to load from here on until then is hidden.
    pub(crate) fn lags(&self, until: Moment) {
        let mut state = self.change();
        state.lags_until = state.lags_until.max(until);
    }

    /// What began to load before [`end_write`](Self::end_write) is not stored.
    pub(crate) fn begin_write(&self) {
        self.change().writes += 1;
    }

    pub(crate) fn end_write(&self) {
        let mut state = self.change();
        state.writes = state.writes.saturating_sub(1);
    }

    /// Whether what began to load then may be older than the last invalidation.
    pub(crate) fn hides(&self, began: Moment) -> bool {
        let hides = |state: MutexGuard<'_, State>| state.writes > 0 || began < state.lags_until;
        self.state().is_some_and(hides)
    }

    /// Whether what began to load at `start` was valid before the last invalidation, which was soft.
    pub(crate) fn softened(&self, start: Number, now: Moment) -> bool {
        let soft = self.state().and_then(|state| state.soft);
        soft.is_some_and(|soft| start > soft.before && now < soft.until)
    }

    /// The answer to the latest question stays.
    pub(super) fn learn(&self, proof: Proof, asked: Number) {
        let view = &mut self.change().view;
        if view.is_none_or(|(_, known)| known < asked) {
            *view = Some((proof, asked));
        }
    }

    pub(super) fn view(&self) -> Option<(Proof, Number)> {
        self.state()?.view
    }

    pub(super) fn lags_until(&self) -> Moment {
        self.state().map_or(Moment::FIRST, |state| state.lags_until)
    }

    fn change(&self) -> MutexGuard<'_, State> {
        lock(self.0.get_or_init(Box::default))
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        self.0.get().map(|state| lock(state))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
