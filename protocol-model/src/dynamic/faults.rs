//! What goes wrong by itself: evictions, expiries, crashes, failovers.

use super::config::Config;
use super::state::{E, Phase, Reader, State, V};

impl Config {
    pub(super) fn intent_expires(&self, s: &mut State) {
        s.data.tag = 0;
        if self.load_bound {
            let b = s.bracket_version;
            for r in &mut s.readers {
                if r.seen_version < b && Self::lease_of(&r.phase) != 0 {
                    r.old = true;
                }
                // a look-up that has read the epoch and not yet decided is as old
                if r.seen_version < b
                    && matches!(
                        r.phase,
                        Phase::Lookup { e: Some(_), .. } | Phase::Lock { .. }
                    )
                {
                    r.old = true;
                }
            }
        }
    }

    pub(super) fn evict_epoch(s: &mut State) {
        s.data.epoch = 0;
        s.evictions[0] -= 1;
    }

    pub(super) fn evict_tag(s: &mut State) {
        s.data.tag = 0;
        s.evictions[1] -= 1;
    }

    pub(super) fn lock_expires(s: &mut State) {
        if Self::lock_owner_alive(s) {
            s.expiries -= 1;
        }
        s.data.lock = 0;
    }

    pub(super) fn reader_crash(s: &mut State, r: u8) {
        let r = r as usize;
        s.crashes -= 1;
        Self::settle(s, r, None);
        s.readers[r] = Reader::idle(s.readers[r].left - 1);
    }

    pub(super) fn replicate(s: &mut State, k: u8) {
        match k as usize {
            V => (s.replica.value, s.replica.lock) = (s.data.value, s.data.lock),
            E => s.replica.epoch = s.data.epoch,
            _ => s.replica.tag = s.data.tag,
        }
    }

    pub(super) fn failover(s: &mut State, k: u8) {
        s.failovers -= 1;
        match k as usize {
            V => (s.data.value, s.data.lock) = (s.replica.value, s.replica.lock),
            E => s.data.epoch = s.replica.epoch,
            _ => s.data.tag = s.replica.tag,
        }
        s.incarnation[k as usize] += 1;
    }
}
