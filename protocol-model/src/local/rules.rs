//! When an instance may trust what it knows, and what a read may give.

use super::config::{Config, Keys, Mode};
use super::state::{Entry, Instance, KEY, Msg, Phase, State, TAG};

impl Config {
    pub(super) fn trusted(&self, s: &State, i: &Instance) -> bool {
        match self.mode {
            Mode::Strict => false,
            _ => {
                i.tag_view != 0
                    && (!self.lease || i.horizon.is_some_and(|h| s.now < h + self.window))
            }
        }
    }

    /// (time, newest version whose invalidation has returned)
    pub(super) fn start(s: &State) -> (u8, u8) {
        let floor = (0..s.ok_at.len())
            .rev()
            .find(|v| s.ok_at[*v].is_some())
            .unwrap_or(0);
        (s.now, floor as u8)
    }

    pub(super) fn ret(&self, s: &mut State, k: usize, (start, floor): (u8, u8), version: u8) {
        if self.mode == Mode::Bounded {
            for v in (version as usize + 1)..s.ok_at.len() {
                if s.ok_at[v].is_some_and(|c| start >= c + self.window) {
                    s.stale = true;
                }
            }
        } else if version < floor {
            s.stale = true;
        }
        let i = &mut s.instances[k];
        i.phase = Phase::Idle;
        i.left -= 1;
    }

    pub(super) fn push_all(s: &mut State, dep: u8) {
        for i in &mut s.instances {
            if i.up {
                i.queue.push(Msg::Push(dep));
            }
        }
    }

    pub(super) fn fenced(&self) -> bool {
        self.keys != Keys::NoKeyInvalidation
    }

    /// what the w-th write invalidates
    pub(super) fn dep_of(&self, w: usize) -> u8 {
        if self.fenced() && w.is_multiple_of(2) {
            KEY
        } else {
            TAG
        }
    }

    /// every dep of the entry has a known view that equals what the entry carries
    pub(super) fn covered(&self, i: &Instance, e: &Entry) -> bool {
        e.token == i.tag_view && (self.keys != Keys::EntryIdIsDep || e.id == i.key_view)
    }
}
