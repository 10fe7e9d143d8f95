//! Reads of an instance: its own copy, the stored value, or a load.

use super::config::{Config, Keys};
use super::state::{Entry, KEY, Phase, State, TAG};

impl Config {
    pub(super) fn local_hit(&self, s: &mut State, k: u8) {
        let Some(Entry { version, .. }) = s.instances[k as usize].local else {
            return;
        };
        let b = Self::start(s);
        self.ret(s, k as usize, b, version);
    }

    pub(super) fn ask(s: &mut State, k: u8) {
        let b = Self::start(s);
        let i = &mut s.instances[k as usize];
        i.phase = Phase::Asked {
            start: b,
            dirty: 0,
            connects: i.connects,
        };
    }

    pub(super) fn server_reply(s: &mut State, k: u8) {
        let (value, token) = (s.value, s.token);
        let i = &mut s.instances[k as usize];
        if let Phase::Asked {
            start,
            dirty,
            connects,
        } = i.phase
        {
            i.phase = Phase::Replied {
                start,
                dirty,
                connects,
                value,
                token,
            };
        }
    }

    pub(super) fn handle_local_view(&self, s: &mut State, k: u8) {
        // L2 hit decided by the local tag_view alone (1 GET, no token read)
        if let Phase::Replied {
            start,
            value: Some(e),
            ..
        } = s.instances[k as usize].phase
        {
            s.instances[k as usize].local = Some(e);
            self.ret(s, k as usize, start, e.version);
        }
    }

    pub(super) fn handle(&self, s: &mut State, k: u8) {
        let version = s.version;
        let (now_val, free) = (s.value, s.lock == 0);
        let i = &mut s.instances[k as usize];
        if let Phase::Replied {
            start,
            dirty,
            connects,
            value,
            token,
        } = i.phase
        {
            let install = |dep: u8| (!self.seq_check || dirty & dep == 0) && connects == i.connects;
            let (tag_ok, key_ok) = (install(TAG), install(KEY));
            // an L1 entry whose deps were re-read: the wrong rule looks at the token alone
            let kept = i
                .local
                .filter(|e| self.keys == Keys::TokensOnly && e.token == token);
            if let Some(e) = kept.or(value.filter(|e| e.token == token)) {
                if tag_ok {
                    i.tag_view = token;
                }
                if key_ok {
                    i.key_view = e.id;
                }
                i.local = Some(e);
                self.ret(s, k as usize, start, e.version);
            } else {
                if self.fenced() {
                    i.local = None;
                }
                // load from the database (begins here, after the token was read);
                // LOCK is executed here too: refused if L2 changed since the reply
                // or another holds it, and then nothing is stored
                let mut lease = 0;
                if self.fenced() && now_val == value && free {
                    lease = s.next_lease;
                    s.next_lease += 1;
                    s.lock = lease;
                }
                s.instances[k as usize].phase = Phase::Loaded {
                    start,
                    dirty,
                    connects,
                    token,
                    version,
                    lease,
                };
            }
        }
    }

    pub(super) fn fill(&self, s: &mut State, k: u8) {
        let i = &mut s.instances[k as usize];
        if let Phase::Loaded {
            start,
            dirty,
            connects,
            token,
            version,
            lease,
        } = i.phase
        {
            let e = Entry {
                version,
                token,
                id: lease,
            };
            if self.fenced() {
                let stored = lease != 0 && s.lock == lease;
                if stored {
                    s.value = Some(e);
                    s.lock = 0;
                }
                i.phase = Phase::Filled {
                    start,
                    dirty,
                    connects,
                    e,
                    stored,
                };
                return;
            }
            let install = (!self.seq_check || dirty == 0) && connects == i.connects;
            if install {
                i.tag_view = token;
            }
            i.local = Some(e);
            s.value = Some(e);
            self.ret(s, k as usize, start, version);
        }
    }

    pub(super) fn handle_fill(&self, s: &mut State, k: u8) {
        let i = &mut s.instances[k as usize];
        if let Phase::Filled {
            start,
            dirty,
            connects,
            e,
            stored,
        } = i.phase
        {
            let install = |dep: u8| (!self.seq_check || dirty & dep == 0) && connects == i.connects;
            let (tag_ok, key_ok) = (install(TAG), install(KEY));
            if tag_ok {
                i.tag_view = e.token;
            }
            if stored && key_ok {
                i.key_view = e.id;
            }
            // the wrong rule has no key tag_view; give it at least the push seen meanwhile
            if stored && (self.keys == Keys::EntryIdIsDep || key_ok) {
                i.local = Some(e);
            }
            self.ret(s, k as usize, start, e.version);
        }
    }
}
