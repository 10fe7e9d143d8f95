//! Time, and writers: commit, then invalidate the tag or the key.

use super::config::Config;
use super::state::{KEY, State, Writer};

impl Config {
    pub(super) fn tick(s: &mut State) {
        s.now += 1;
    }

    pub(super) fn commit(s: &mut State, w: u8) {
        s.version += 1;
        s.writers[w as usize] = Writer::Committed(s.version);
    }

    pub(super) fn invalidate(&self, s: &mut State, w: u8) {
        if let Writer::Committed(v) = s.writers[w as usize] {
            let dep = self.dep_of(w as usize);
            if dep == KEY {
                // script: DEL v l ; SET i "" PX 1
                s.value = None;
                s.lock = 0;
            } else {
                s.token = s.next_tok;
                s.next_tok += 1;
            }
            if self.end_of_cycle_push {
                s.pending_push = true;
            } else {
                Self::push_all(s, dep);
            }
            let owe = (1u8 << s.instances.len()) - 1;
            s.writers[w as usize] = Writer::Executed { v, at: s.now, owe };
        }
    }

    pub(super) fn ok(s: &mut State, w: u8) {
        if let Writer::Executed { v, .. } = s.writers[w as usize] {
            s.ok_at[v as usize] = Some(s.now);
            s.writers[w as usize] = Writer::Done;
        }
    }
}
