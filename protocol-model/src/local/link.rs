//! The push connection: pushes, heartbeats, and its silent death.

use super::config::Config;
use super::state::{Msg, Phase, State, TAG, Writer};

impl Config {
    pub(super) fn end_of_cycle(s: &mut State) {
        s.pending_push = false;
        for i in &mut s.instances {
            i.ponged = false;
        }
        Self::push_all(s, TAG);
    }

    pub(super) fn ping(s: &mut State, k: u8) {
        let now = s.now;
        let i = &mut s.instances[k as usize];
        i.waiting = true;
        // a dead link swallows it
        i.ping = Some(now);
    }

    pub(super) fn server_pong(s: &mut State, k: u8) {
        let pending = s.pending_push;
        let i = &mut s.instances[k as usize];
        i.ponged = pending;
        if let Some(sent) = i.ping.take() {
            i.queue.push(Msg::Pong(sent));
        }
    }

    pub(super) fn deliver(&self, s: &mut State, k: u8) {
        let message = s.instances[k as usize].queue.remove(0);
        match message {
            Msg::Push(dep) => {
                for w in &mut s.writers {
                    if let Writer::Executed { owe, .. } = w {
                        *owe &= !(1 << k);
                    }
                }
                let i = &mut s.instances[k as usize];
                if dep == TAG {
                    i.tag_view = 0;
                } else {
                    i.key_view = 0;
                    i.local = None;
                }
                match &mut i.phase {
                    Phase::Asked { dirty, .. }
                    | Phase::Replied { dirty, .. }
                    | Phase::Loaded { dirty, .. }
                    | Phase::Filled { dirty, .. } => *dirty |= dep,
                    Phase::Idle => {}
                }
            }
            Msg::Pong(sent) => {
                let i = &mut s.instances[k as usize];
                i.waiting = false;
                i.horizon = if self.double_barrier {
                    i.last
                } else {
                    Some(sent)
                };
                i.last = Some(sent);
            }
        }
    }

    pub(super) fn cut(s: &mut State, k: u8) {
        s.cuts -= 1;
        let i = &mut s.instances[k as usize];
        i.up = false;
        i.queue.clear();
        i.ping = None;
    }

    pub(super) fn reconnect(&self, s: &mut State, k: u8) {
        let i = &mut s.instances[k as usize];
        i.up = true;
        i.connects += 1;
        i.waiting = false;
        i.ping = None;
        i.last = None;
        i.horizon = None;
        if self.flush_on_reconnect {
            // the values stay; only what is known about their deps goes
            i.tag_view = 0;
            i.key_view = 0;
        }
    }
}
