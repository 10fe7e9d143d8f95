//! Readers: what they may do, what they find, and how a read ends.

use super::config::{Config, Join, Scheme};
use super::state::{Action, Entry, INTENT, MAX_TAGS, Phase, STALE_READ, State, Token, Tokens};

impl Config {
    pub(super) fn reader_actions(&self, state: &State, reader: usize, actions: &mut Vec<Action>) {
        let r = reader as u8;
        let phase = state.readers[reader].phase;
        let missing = |got: u8| (0..self.tags as u8).filter(move |tag| got & (1 << tag) == 0);
        match phase {
            Phase::Idle if state.readers[reader].left > 0 => {
                actions.push(Action::Start(r));
                self.join_actions(state, reader, actions);
            }
            Phase::Lookup { value, got, .. } => {
                let got = if self.scheme == Scheme::KeySet {
                    self.all()
                } else {
                    got
                };
                if value.is_none() {
                    actions.push(Action::ReadValue(r));
                }
                actions.extend(missing(got).map(|tag| Action::ReadToken(r, tag)));
                if value.is_some() && got == self.all() {
                    actions.push(Action::Decide(r));
                }
            }
            Phase::Lock { .. } => actions.push(Action::Acquire(r)),
            Phase::Ensure { got, .. } => {
                actions.extend(missing(got).map(|tag| Action::EnsureToken(r, tag)));
            }
            Phase::Load { .. } => actions.push(Action::Load(r)),
            Phase::Late { got, .. } => {
                actions.extend(missing(got).map(|tag| Action::LateToken(r, tag)));
            }
            Phase::Fill { .. } if self.parallel_reread => actions.push(Action::Send(r)),
            Phase::Fill { .. } => actions.push(Action::Fill(r)),
            Phase::Sent { got, fill, .. } => {
                if fill.is_none() {
                    actions.push(Action::Fill(r));
                }
                actions.extend(missing(got).map(|tag| Action::VerifyToken(r, tag)));
                if fill.is_some() && got == self.all() {
                    actions.push(Action::Finish(r));
                }
            }
            Phase::List { got, .. } => {
                actions.extend(missing(got).map(|tag| Action::List(r, tag)));
            }
            Phase::Verify { got, .. } => {
                if got == self.all() {
                    actions.push(Action::Finish(r));
                }
                actions.extend(missing(got).map(|tag| Action::VerifyToken(r, tag)));
            }
            Phase::Bypass => actions.push(Action::BypassLoad(r)),
            // A poll that can change nothing is left out, to keep the space small.
            Phase::Wait if state.values.lock == 0 || state.values.value.is_some() => {
                actions.push(Action::Retry(r));
            }
            Phase::Idle | Phase::Joined { .. } | Phase::Wait => {}
        }
        let loads = matches!(
            phase,
            Phase::Ensure { .. }
                | Phase::Load { .. }
                | Phase::Fill { .. }
                | Phase::Sent { fill: None, .. }
        );
        if state.crashes > 0 && loads {
            actions.push(Action::ReaderCrash(r));
        }
    }

    fn join_actions(&self, state: &State, reader: usize, actions: &mut Vec<Action>) {
        if self.join == Join::Off {
            return;
        }
        for (leader, other) in state.readers.iter().enumerate() {
            let loads = matches!(
                other.phase,
                Phase::Ensure { .. } | Phase::Load { .. } | Phase::Fill { .. }
            );
            if leader != reader && self.processes[leader] == self.processes[reader] && loads {
                actions.push(Action::StartJoin(reader as u8, leader as u8));
            }
        }
    }

    pub(super) fn start(state: &mut State, reader: usize, phase: Phase) {
        state.readers[reader].floor = state.floor;
        state.readers[reader].phase = phase;
    }

    /// The read ends with this version.
    pub(super) fn give(state: &mut State, reader: usize, version: u8) {
        if version < state.readers[reader].floor {
            state.broken |= STALE_READ;
        }
        let reader = &mut state.readers[reader];
        reader.phase = Phase::Idle;
        reader.left -= 1;
        reader.floor = 0;
    }

    /// Wakes those who joined `leader`: with its result, or to look by themselves.
    pub(super) fn settle(state: &mut State, leader: usize, version: Option<u8>) {
        let joined = Phase::Joined {
            leader: leader as u8,
        };
        for reader in 0..state.readers.len() {
            if state.readers[reader].phase == joined {
                match version {
                    Some(version) => Self::give(state, reader, version),
                    None => state.readers[reader].phase = Phase::LOOKUP,
                }
            }
        }
    }

    pub(super) fn finish(&self, state: &mut State, reader: usize, version: u8, proven: bool) {
        let share = match self.join {
            Join::Blind => true,
            Join::Verified => proven,
            Join::Off => false,
        };
        Self::settle(state, reader, share.then_some(version));
        Self::give(state, reader, version);
    }

    pub(super) fn token(&self, state: &State, tag: usize) -> Token {
        let incarnation = if self.incarnation {
            state.incarnation[1]
        } else {
            0
        };
        Token {
            id: state.tags.token[tag],
            incarnation,
        }
    }

    pub(super) fn value_incarnation(&self, state: &State) -> u8 {
        if self.incarnation {
            state.incarnation[0]
        } else {
            0
        }
    }

    pub(super) fn tokens_match(&self, stored: &Tokens, now: &Tokens) -> bool {
        (0..self.tags).all(|tag| {
            let token = now[tag];
            stored[tag] == token
                && token.id & INTENT == 0
                && (token.id != 0 || self.scheme == Scheme::CounterBefore)
        })
    }

    pub(super) fn is_valid_now(&self, state: &State, entry: &Entry) -> bool {
        let mut now = [Token::default(); MAX_TAGS];
        for (tag, token) in now.iter_mut().enumerate().take(self.tags) {
            *token = self.token(state, tag);
        }
        self.scheme == Scheme::KeySet
            || (entry.incarnation == self.value_incarnation(state)
                && self.tokens_match(&entry.tokens, &now))
    }

    pub(super) fn read_value(&self, state: &mut State, reader: usize) {
        let (now, from) = (state.values.value, self.value_incarnation(state));
        if let Phase::Lookup {
            value, incarnation, ..
        } = &mut state.readers[reader].phase
        {
            *value = Some(now);
            *incarnation = from;
        }
    }

    pub(super) fn read_token(&self, state: &mut State, reader: usize, tag: usize) {
        let now = self.token(state, tag);
        if let Phase::Lookup { got, tokens, .. } = &mut state.readers[reader].phase {
            *got |= 1 << tag;
            tokens[tag] = now;
        }
    }

    pub(super) fn decide(&self, state: &mut State, reader: usize) {
        let Phase::Lookup {
            value: Some(seen),
            incarnation,
            tokens,
            ..
        } = state.readers[reader].phase
        else {
            return;
        };
        let hit = seen.filter(|entry| {
            self.scheme == Scheme::KeySet
                || (entry.incarnation == incarnation && self.tokens_match(&entry.tokens, &tokens))
        });
        if let Some(entry) = hit {
            return Self::give(state, reader, entry.version);
        }
        state.readers[reader].phase = if tokens.iter().any(|token| token.id & INTENT != 0) {
            Phase::Bypass
        } else {
            let needs_none = matches!(self.scheme, Scheme::CounterBefore | Scheme::KeySet);
            let known = |tag: &usize| tokens[*tag].id != 0 || needs_none;
            let got = (0..self.tags)
                .filter(known)
                .fold(0, |got, tag| got | 1 << tag);
            Phase::Lock { seen, got, tokens }
        };
    }
}
