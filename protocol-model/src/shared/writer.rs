//! Writers: commit, then invalidate; or the same inside a bracket.

use super::config::{Config, Operation, Resend, Scheme};
use super::state::{Action, INTENT, State, Writer};

impl Config {
    pub(super) fn writer_actions(&self, state: &State, writer: usize, actions: &mut Vec<Action>) {
        let w = writer as u8;
        match state.writers[writer] {
            Writer::Start if matches!(self.operations[writer], Operation::Bracket(_)) => {
                actions.push(Action::Begin(w));
            }
            Writer::Start => actions.push(Action::Commit(w)),
            Writer::Begun(_) | Writer::BracketCommitted(_) => {
                if state.writer_crashes > 0 {
                    actions.push(Action::WriterCrash(w));
                }
                let begun = matches!(state.writers[writer], Writer::Begun(_));
                actions.push(if begun {
                    Action::Commit(w)
                } else {
                    Action::End(w)
                });
            }
            Writer::Committed(_) => {
                if state.lost > 0 {
                    actions.push(Action::LoseRequest(w));
                }
                actions.push(Action::Invalidate(w));
            }
            Writer::Executed(_) => {
                if state.lost > 0 {
                    actions.push(Action::LoseReply(w));
                }
                actions.push(Action::Ok(w));
            }
            Writer::Pending(_) => actions.push(Action::Resend(w)),
            Writer::Done | Writer::Dead => {}
        }
    }

    pub(super) fn commit(state: &mut State, writer: usize) {
        state.version += 1;
        state.writers[writer] = match state.writers[writer] {
            Writer::Begun(overlap) => {
                // A bracket promises more: its write is in force from the commit itself.
                state.floor = state.version;
                Writer::BracketCommitted(overlap)
            }
            _ => Writer::Committed(state.version),
        };
    }

    pub(super) fn invalidate(&self, state: &mut State, writer: usize) {
        let Writer::Committed(version) = state.writers[writer] else {
            return;
        };
        match (self.operations[writer], self.scheme) {
            (Operation::Key, _) => {
                state.values.value = None;
                state.values.lock = 0;
            }
            (Operation::Tag(tag), Scheme::KeySet) => {
                // In its favour: listing and deleting the members is one atomic step.
                if std::mem::take(&mut state.tags.listed[tag as usize]) {
                    state.values.value = None;
                }
            }
            (Operation::Tag(tag), Scheme::CounterBefore) => state.tags.token[tag as usize] += 1,
            // An intent hides everything older already, and has to survive.
            (Operation::Tag(tag), _) if state.has_intent(tag as usize) && !self.clobber_intent => {}
            (Operation::Tag(tag), _) => {
                let token = state.fresh_token();
                state.tags.token[tag as usize] = token;
                if self.resend == Resend::SameBytes {
                    state.sent[writer] = token;
                }
            }
            (Operation::Bracket(_), _) => unreachable!("brackets have actions of their own"),
        }
        state.writers[writer] = Writer::Executed(version);
    }

    pub(super) fn ok(state: &mut State, writer: usize) {
        if let Writer::Executed(version) = state.writers[writer] {
            state.floor = state.floor.max(version);
            state.writers[writer] = Writer::Done;
        }
    }

    pub(super) fn lose(state: &mut State, writer: usize) {
        if let Writer::Committed(version) | Writer::Executed(version) = state.writers[writer] {
            state.lost -= 1;
            state.writers[writer] = Writer::Pending(version);
        }
    }

    pub(super) fn resend(&self, state: &mut State, writer: usize) {
        let (Operation::Tag(tag), Writer::Pending(version)) =
            (self.operations[writer], state.writers[writer])
        else {
            return;
        };
        let tag = tag as usize;
        if !state.has_intent(tag) || self.drain_clobbers_intent {
            state.tags.token[tag] = match state.sent[writer] {
                0 => state.fresh_token(),
                sent => sent,
            };
        }
        state.sent[writer] = 0;
        state.writers[writer] = Writer::Executed(version);
    }

    pub(super) fn begin(&self, state: &mut State, w: u8) {
        let Operation::Bracket(tag) = self.operations[w as usize] else {
            return;
        };
        let overlap = state.has_intent(tag as usize);
        state.tags.token[tag as usize] = INTENT + w;
        state.writers[w as usize] = Writer::Begun(overlap);
    }

    /// A fresh token, unless another bracket is still running on the tag or was overlapped.
    pub(super) fn end(&self, state: &mut State, w: u8) {
        let (Operation::Bracket(tag), Writer::BracketCommitted(overlap)) =
            (self.operations[w as usize], state.writers[w as usize])
        else {
            return;
        };
        let tag = tag as usize;
        let mine = state.tags.token[tag] == INTENT + w;
        let foreign = state.has_intent(tag) && !mine;
        if (mine && !overlap) || (!mine && !foreign) {
            state.tags.token[tag] = state.fresh_token();
        }
        state.writers[w as usize] = Writer::Done;
    }

    pub(super) fn writer_crash(state: &mut State, writer: usize) {
        state.writer_crashes -= 1;
        state.writers[writer] = Writer::Dead;
    }
}
