//! What makes a hit, and how a read ends.

use super::config::Config;
use super::state::{E, Entry, G, INTENT, Phase, Reader, State, Token};

impl Config {
    pub(super) fn epoch(s: &State) -> Token {
        Token {
            id: s.data.epoch,
            incarnation: s.incarnation[E],
        }
    }

    pub(super) fn tag(s: &State) -> Token {
        Token {
            id: s.data.tag,
            incarnation: s.incarnation[G],
        }
    }

    pub(super) fn good(t: Token) -> bool {
        t.id != 0 && t.id & INTENT == 0
    }

    pub(super) fn hit(value: Option<Entry>, value_incarnation: u8, t: Token) -> Option<Entry> {
        value.filter(|e| e.incarnation == value_incarnation && e.tag == t && Self::good(t))
    }

    pub(super) fn fresh(s: &mut State) -> u8 {
        s.next_tok += 1;
        s.next_tok - 1
    }

    pub(super) fn lookup() -> Phase {
        Phase::Lookup {
            value: None,
            value_incarnation: 0,
            e: None,
            t: None,
        }
    }

    pub(super) fn ret(s: &mut State, r: usize, version: u8) {
        if version < s.readers[r].floor {
            s.broken |= 1;
        }
        s.readers[r] = Reader::idle(s.readers[r].left - 1);
    }

    pub(super) fn settle(s: &mut State, r: usize, version: Option<u8>) {
        for j in 0..s.readers.len() {
            if s.readers[j].phase == (Phase::Joined { leader: r as u8 }) {
                match version {
                    Some(d) => Self::ret(s, j, d),
                    None => s.readers[j].phase = Self::lookup(),
                }
            }
        }
    }

    pub(super) fn finish(s: &mut State, r: usize, version: u8, proven: bool) {
        Self::settle(s, r, proven.then_some(version));
        Self::ret(s, r, version);
    }

    pub(super) fn first_epoch_read(&self, s: &mut State, r: usize) {
        if self.load_bound {
            s.readers[r].seen_version = s.version;
            s.readers[r].old = false;
        }
    }

    pub(super) fn lease_of(p: &Phase) -> u8 {
        match p {
            Phase::Ensure { lease, .. }
            | Phase::Load { lease, .. }
            | Phase::Tag { lease, .. }
            | Phase::Fill { lease, .. } => *lease,
            _ => 0,
        }
    }

    pub(super) fn lock_owner_alive(s: &State) -> bool {
        s.data.lock != 0
            && s.readers
                .iter()
                .any(|r| Self::lease_of(&r.phase) == s.data.lock)
    }

    pub(super) fn joinable(p: &Phase) -> bool {
        Self::lease_of(p) != 0
    }
}
