//! What goes wrong by itself: evictions, expiries, crashes, failovers, late commands.

use super::config::{Config, Operation};
use super::state::{Action, Phase, State, Writer};

impl Config {
    pub(super) fn fault_actions(&self, state: &State, actions: &mut Vec<Action>) {
        // An intent lives longer than a write may take: it runs out only when no write that could
        // depend on it is in progress.
        let writing =
            |writer: &Writer| matches!(writer, Writer::Begun(_) | Writer::BracketCommitted(_));
        if !state.writers.iter().any(writing) {
            let intents = (0..self.tags).filter(|tag| state.has_intent(*tag));
            actions.extend(intents.map(|tag| Action::IntentExpires(tag as u8)));
        }
        if state.evictions > 0 {
            let present = |tag: &usize| state.tags.token[*tag] != 0 && !state.has_intent(*tag);
            let present = (0..self.tags).filter(present);
            actions.extend(present.map(|tag| Action::Evict(tag as u8)));
        }
        if state.stray.is_some() {
            actions.push(Action::StrayLock);
        }
        if state.values.lock != 0 && (state.expiries > 0 || !Self::holder_lives(state)) {
            actions.push(Action::LockExpires);
        }
        if state.failovers > 0 {
            if state.values_replica != state.values {
                actions.push(Action::Replicate(0));
            }
            if state.tags_replica != state.tags {
                actions.push(Action::Replicate(1));
            }
            actions.push(Action::Failover(0));
            actions.push(Action::Failover(1));
        }
    }

    fn holder_lives(state: &State) -> bool {
        let lock = state.values.lock;
        lock != 0
            && state
                .readers
                .iter()
                .any(|reader| reader.phase.lease() == lock)
    }

    /// Loads in progress; counted only where nothing may legally break the lock.
    pub(super) fn loads(&self, state: &State) -> usize {
        let breakable = self.expiries > 0
            || self.failovers > 0
            || self.operations.contains(&Operation::Key)
            || !self.fenced;
        if breakable {
            return 0;
        }
        state
            .readers
            .iter()
            .filter(|reader| reader.phase.lease() != 0)
            .count()
    }

    pub(super) fn evict(state: &mut State, tag: usize) {
        state.tags.token[tag] = 0;
        state.evictions -= 1;
    }

    pub(super) fn lock_expires(state: &mut State) {
        if Self::holder_lives(state) {
            state.expiries -= 1;
        }
        state.values.lock = 0;
    }

    pub(super) fn execute_stray_lock(state: &mut State) {
        if let Some((seen, lease)) = state.stray.take()
            && state.values.value == seen
            && state.values.lock == 0
        {
            state.values.lock = lease;
        }
    }

    pub(super) fn reader_crash(state: &mut State, reader: usize) {
        state.crashes -= 1;
        let crashed = &mut state.readers[reader];
        crashed.phase = Phase::Idle;
        crashed.left -= 1;
        crashed.floor = 0;
        Self::settle(state, reader, None);
    }

    pub(super) fn failover(state: &mut State, shard: u8) {
        state.failovers -= 1;
        if shard == 0 {
            state.values = state.values_replica;
        } else {
            state.tags = state.tags_replica;
        }
        state.incarnation[shard as usize] += 1;
    }
}
