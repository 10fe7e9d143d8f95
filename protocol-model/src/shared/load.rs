//! A reader that missed: lock, tokens, load, fill, proof for those who joined.

use super::config::{Config, Join, Scheme, StrayLock};
use super::state::{
    Entry, Grant, INTENT, MAX_TAGS, NEWER_OVERWRITTEN, Phase, State, TWO_LOADS, Token, Tokens,
};

impl Config {
    /// The LOCK script.
    pub(super) fn acquire(&self, state: &mut State, reader: usize) {
        let Phase::Lock { seen, got, tokens } = state.readers[reader].phase else {
            return;
        };
        if self.locking && state.values.value != seen {
            state.readers[reader].phase = Phase::LOOKUP; // somebody filled in between
            return;
        }
        if self.locking && state.values.lock != 0 {
            state.readers[reader].phase = Phase::Wait;
            return;
        }
        let lease = state.fresh_lease();
        if self.locking {
            state.values.lock = lease;
        }
        if state.strays > 0 {
            state.strays -= 1;
            let other = match self.stray_lock {
                StrayLock::Abandoned => state.fresh_lease(),
                StrayLock::SameLease | StrayLock::Off => lease,
            };
            state.stray = Some((seen, other));
        }
        let grant = Grant {
            lease,
            incarnation: self.value_incarnation(state),
        };
        state.readers[reader].phase = self.ensured(grant, got, tokens);
        if self.loads(state) > 1 {
            state.broken |= TWO_LOADS;
        }
    }

    /// Loads once all tokens are known.
    fn ensured(&self, grant: Grant, got: u8, tokens: Tokens) -> Phase {
        if got == self.all() {
            Phase::Load { grant, tokens }
        } else {
            Phase::Ensure { grant, got, tokens }
        }
    }

    /// The token of a tag, created if it is missing.
    fn token_or_new(&self, state: &mut State, tag: usize) -> Token {
        if state.tags.token[tag] == 0 {
            state.tags.token[tag] = state.fresh_token();
        }
        self.token(state, tag)
    }

    pub(super) fn ensure_token(&self, state: &mut State, reader: usize, tag: usize) {
        let now = self.token_or_new(state, tag);
        if let Phase::Ensure {
            grant,
            got,
            mut tokens,
        } = state.readers[reader].phase
        {
            tokens[tag] = now;
            state.readers[reader].phase = if now.id & INTENT == 0 {
                self.ensured(grant, got | 1 << tag, tokens)
            } else {
                // Somebody began to write; the lock is left to its time to live.
                Self::settle(state, reader, None);
                Phase::Bypass
            };
        }
    }

    pub(super) fn load(&self, state: &mut State, reader: usize) {
        let version = state.version;
        if let Phase::Load { grant, tokens } = state.readers[reader].phase {
            state.readers[reader].phase = if self.scheme == Scheme::TokenAfter {
                Phase::Late {
                    grant,
                    got: 0,
                    tokens,
                    version,
                }
            } else {
                Phase::Fill {
                    grant,
                    tokens,
                    version,
                }
            };
        }
    }

    pub(super) fn late_token(&self, state: &mut State, reader: usize, tag: usize) {
        let now = self.token_or_new(state, tag);
        if let Phase::Late {
            grant,
            mut got,
            mut tokens,
            version,
        } = state.readers[reader].phase
        {
            got |= 1 << tag;
            tokens[tag] = now;
            state.readers[reader].phase = if got == self.all() {
                Phase::Fill {
                    grant,
                    tokens,
                    version,
                }
            } else {
                Phase::Late {
                    grant,
                    got,
                    tokens,
                    version,
                }
            };
        }
    }

    pub(super) fn send(state: &mut State, reader: usize) {
        let phase = &mut state.readers[reader].phase;
        if let Phase::Fill {
            grant,
            tokens,
            version,
        } = *phase
        {
            *phase = Phase::Sent {
                grant,
                tokens,
                version,
                got: 0,
                ok: true,
                fill: None,
            };
        }
    }

    /// The FILL script: stores and unlocks if the lease is in the lock.
    pub(super) fn fill(&self, state: &mut State, reader: usize) {
        let (Phase::Fill {
            grant,
            tokens,
            version,
        }
        | Phase::Sent {
            grant,
            tokens,
            version,
            ..
        }) = state.readers[reader].phase
        else {
            return;
        };
        let mine = state.values.lock == grant.lease;
        let accepted = !self.fenced || mine;
        if accepted {
            let newer = |entry: &Entry| entry.version > version && self.is_valid_now(state, entry);
            if state.values.value.as_ref().is_some_and(newer) {
                state.broken |= NEWER_OVERWRITTEN;
            }
            let incarnation = grant.incarnation;
            state.values.value = Some(Entry {
                version,
                tokens,
                incarnation,
            });
        }
        if mine {
            state.values.lock = 0;
        }
        let sets = self.scheme == Scheme::KeySet;
        if sets && self.atomic_listing && accepted {
            state.tags.listed = [true; MAX_TAGS];
        }
        let proven = accepted && mine && grant.incarnation == self.value_incarnation(state);
        let phase = &mut state.readers[reader].phase;
        if let Phase::Sent { fill, .. } = phase {
            *fill = Some(proven);
        } else if sets && !self.atomic_listing {
            *phase = Phase::List { version, got: 0 };
        } else {
            *phase = Phase::Verify {
                tokens,
                version,
                got: 0,
                ok: proven,
            };
        }
        if self.join != Join::Verified && (!sets || self.atomic_listing) {
            // Nobody to prove anything to: the caller takes its own load.
            self.finish(state, reader, version, false);
        }
    }

    pub(super) fn list(&self, state: &mut State, reader: usize, tag: usize) {
        state.tags.listed[tag] = true;
        if let Phase::List { version, mut got } = state.readers[reader].phase {
            got |= 1 << tag;
            state.readers[reader].phase = Phase::List { version, got };
            if got == self.all() {
                self.finish(state, reader, version, false);
            }
        }
    }

    pub(super) fn verify_token(&self, state: &mut State, reader: usize, tag: usize) {
        let now = self.token(state, tag);
        if let Phase::Verify {
            tokens, got, ok, ..
        }
        | Phase::Sent {
            tokens, got, ok, ..
        } = &mut state.readers[reader].phase
        {
            *got |= 1 << tag;
            *ok &= now == tokens[tag] && now.id != 0;
        }
    }

    pub(super) fn finish_proven(&self, state: &mut State, reader: usize) {
        match state.readers[reader].phase {
            Phase::Verify { version, ok, .. } => self.finish(state, reader, version, ok),
            Phase::Sent {
                version, ok, fill, ..
            } => {
                self.finish(state, reader, version, ok && fill == Some(true));
            }
            _ => {}
        }
    }
}
