//! Which actions are possible in a state, and what has to hold in it.

use super::config::{Config, Mode};
use super::state::{Action, Instance, Phase, State, Writer};
use stateright::{Model, Property};

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            version: 0,
            ok_at: [None; 3],
            token: 1,
            value: None,
            lock: 0,
            next_lease: 1,
            next_tok: 2,
            instances: self
                .reads
                .iter()
                .map(|n| Instance {
                    up: true,
                    connects: 0,
                    queue: vec![],
                    ping: None,
                    waiting: false,
                    last: None,
                    horizon: None,
                    tag_view: 0,
                    key_view: 0,
                    local: None,
                    phase: Phase::Idle,
                    left: *n,
                    ponged: false,
                })
                .collect(),
            writers: (0..self.writes).map(|_| Writer::Start).collect(),
            pending_push: false,
            cuts: self.cuts,
            stale: false,
        }]
    }

    fn actions(&self, s: &State, out: &mut Vec<Action>) {
        if s.stale {
            return;
        }
        if s.now < self.last_tick {
            out.push(Action::Tick);
        }
        if s.pending_push {
            out.push(Action::EndOfCycle);
        }
        for (w, p) in s.writers.iter().enumerate() {
            match *p {
                // writers run one after the other: a second writer adds nothing per key
                Writer::Start if w == 0 || s.writers[w - 1] == Writer::Done => {
                    out.push(Action::Commit(w as u8));
                }
                Writer::Committed(_) => out.push(Action::Invalidate(w as u8)),
                Writer::Executed { at, owe, .. } => {
                    let flushed = self.reply_before_push || !s.pending_push;
                    let settled = self.mode != Mode::Settled
                        || (self.acks && owe == 0)
                        || s.now >= at + self.window;
                    if flushed && settled {
                        out.push(Action::Ok(w as u8));
                    }
                }
                Writer::Start | Writer::Done => {}
            }
        }
        for (k, i) in s.instances.iter().enumerate() {
            let c = k as u8;
            if i.left > 0
                && self.reads[k] > 1
                && !i.waiting
                && (self.double_barrier || i.last.is_none_or(|l| l < s.now))
            {
                out.push(Action::Ping(c));
            }
            if i.up && i.ping.is_some() && !(i.ponged && s.pending_push) {
                out.push(Action::ServerPong(c));
            }
            if !i.queue.is_empty() {
                out.push(Action::Deliver(c));
            }
            if i.up && s.cuts > 0 && self.reads[k] > 1 {
                out.push(Action::Cut(c));
            }
            if !i.up {
                out.push(Action::Reconnect(c));
            }
            match i.phase {
                Phase::Idle if i.left > 0 => {
                    if let Some(e) = i.local
                        && self.trusted(s, i)
                        && self.covered(i, &e)
                    {
                        out.push(Action::LocalHit(c));
                        continue; // the read is served; asking the server would be a different policy
                    }
                    out.push(Action::Ask(c));
                }
                Phase::Idle => {}
                Phase::Asked { .. } => out.push(Action::ServerReply(c)),
                Phase::Replied { value, .. } => {
                    if let Some(e) = value
                        && self.trusted(s, i)
                        && e.token == i.tag_view
                        && !self.fenced()
                    {
                        out.push(Action::HandleLocalView(c));
                    }
                    out.push(Action::Handle(c));
                }
                Phase::Loaded { .. } => out.push(Action::Fill(c)),
                Phase::Filled { .. } => out.push(Action::HandleFill(c)),
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let s = &mut state;
        match action {
            Action::Tick => Self::tick(s),
            Action::Commit(w) => Self::commit(s, w),
            Action::Invalidate(w) => self.invalidate(s, w),
            Action::EndOfCycle => Self::end_of_cycle(s),
            Action::Ok(w) => Self::ok(s, w),
            Action::Ping(k) => Self::ping(s, k),
            Action::ServerPong(k) => Self::server_pong(s, k),
            Action::Deliver(k) => self.deliver(s, k),
            Action::Cut(k) => Self::cut(s, k),
            Action::Reconnect(k) => self.reconnect(s, k),
            Action::LocalHit(k) => self.local_hit(s, k),
            Action::Ask(k) => Self::ask(s, k),
            Action::ServerReply(k) => Self::server_reply(s, k),
            Action::HandleLocalView(k) => self.handle_local_view(s, k),
            Action::Handle(k) => self.handle(s, k),
            Action::Fill(k) => self.fill(s, k),
            Action::HandleFill(k) => self.handle_fill(s, k),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no stale read beyond the window", |_, s: &State| !s.stale),
            Property::sometimes(
                "reach: L1 hit without the server",
                |m: &Config, s: &State| {
                    s.instances.iter().any(|i| {
                        i.phase == Phase::Idle
                            && i.left > 0
                            && i.local.is_some_and(|e| e.version > 0 && m.covered(i, &e))
                            && m.trusted(s, i)
                    })
                },
            ),
            Property::sometimes(
                "reach: reconnected with an L1 entry of unknown deps",
                |_, s: &State| {
                    s.instances.iter().any(|i| {
                        i.up && i.connects > 0
                            && i.local.is_some_and(|e| e.id != 0 && i.key_view == 0)
                    })
                },
            ),
        ]
    }
}
