//! Writers: commit, then rotate the epoch and the tag; or the same inside a bracket.

use super::config::Config;
use super::state::{INTENT, State, Writer};

impl Config {
    pub(super) fn commit(s: &mut State, w: u8) {
        s.version += 1;
        s.writers[w as usize] = match s.writers[w as usize] {
            Writer::Begun(overlap) => {
                // the bracket's promise is stronger: in force from the commit itself
                s.floor = s.version;
                s.bracket_version = s.version;
                Writer::BracketCommitted { overlap, e: false }
            }
            _ => Writer::Inv {
                v: s.version,
                done: 0,
            },
        };
    }

    pub(super) fn rotate_epoch(s: &mut State, w: u8) {
        s.data.epoch = Self::fresh(s);
        match &mut s.writers[w as usize] {
            Writer::Inv { done, .. } => *done |= 1,
            Writer::BracketCommitted { e, .. } => *e = true,
            _ => unreachable!(),
        }
    }

    pub(super) fn rotate_tag(s: &mut State, w: u8) {
        // SET unless the current token is an intent
        if s.data.tag & INTENT == 0 {
            s.data.tag = Self::fresh(s);
        }
        if let Writer::Inv { done, .. } = &mut s.writers[w as usize] {
            *done |= 2;
        }
    }

    pub(super) fn ok(s: &mut State, w: u8) {
        if let Writer::Inv { v, .. } = s.writers[w as usize] {
            s.floor = s.floor.max(v);
            s.writers[w as usize] = Writer::Done;
        }
    }

    pub(super) fn begin(s: &mut State, w: u8) {
        let overlap = s.data.tag & INTENT != 0;
        s.data.tag = INTENT + w;
        s.writers[w as usize] = Writer::Begun(overlap);
    }

    pub(super) fn end_tag(s: &mut State, w: u8) {
        if let Writer::BracketCommitted { overlap, .. } = s.writers[w as usize] {
            let mine = s.data.tag == INTENT + w;
            let foreign = s.data.tag & INTENT != 0 && !mine;
            if (mine && !overlap) || (!mine && !foreign) {
                s.data.tag = Self::fresh(s);
            }
            s.writers[w as usize] = Writer::Done;
        }
    }

    pub(super) fn writer_crash(s: &mut State, w: u8) {
        s.writer_crashes -= 1;
        s.writers[w as usize] = Writer::Dead;
    }
}
