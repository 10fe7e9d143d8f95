//! Which actions are possible in a state, and what has to hold in it.

use super::config::{Config, Operation, Order, Rule};
use super::state::{Action, Data, E, G, INTENT, Phase, Reader, State, Token, V, Writer};
use stateright::{Model, Property};

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let data = Data {
            value: None,
            lock: 0,
            epoch: 0,
            tag: 0,
        };
        vec![State {
            version: 0,
            floor: 0,
            data,
            replica: data,
            incarnation: [1; 3],
            readers: self
                .processes
                .iter()
                .map(|_| Reader::idle(self.reads))
                .collect(),
            writers: self.operations.iter().map(|_| Writer::Start).collect(),
            next_tok: 1,
            next_lease: 1,
            bracket_version: 0,
            evictions: self.evictions,
            expiries: self.expiries,
            crashes: self.crashes,
            writer_crashes: self.writer_crashes,
            failovers: self.failovers,
            broken: 0,
        }]
    }

    fn actions(&self, s: &State, out: &mut Vec<Action>) {
        if s.broken != 0 {
            return;
        }
        for r in 0..s.readers.len() {
            let i = r as u8;
            match s.readers[r].phase {
                Phase::Idle if s.readers[r].left > 0 => {
                    out.push(Action::Start(i));
                    for l in 0..s.readers.len() {
                        if l != r
                            && self.processes[l] == self.processes[r]
                            && Self::joinable(&s.readers[l].phase)
                        {
                            out.push(Action::StartJoin(i, l as u8));
                        }
                    }
                }
                Phase::Idle | Phase::Joined { .. } => {}
                Phase::Lookup { value, e, t, .. } => {
                    if value.is_none() {
                        out.push(Action::ReadValue(i));
                    }
                    if e.is_none() && self.rule != Rule::NoEpoch {
                        out.push(Action::ReadEpoch(i));
                    }
                    // names remembered: with the value; else after it. Of no use on a miss.
                    if t.is_none() && value != Some(None) {
                        out.push(Action::ReadTag(i));
                    }
                    if value.is_some()
                        && (e.is_some() || self.rule == Rule::NoEpoch)
                        && (t.is_some() || value == Some(None))
                    {
                        out.push(Action::Decide(i));
                    }
                }
                Phase::Lock { .. } => out.push(Action::Acquire(i)),
                Phase::Ensure { .. } => out.push(Action::EnsureEpoch(i)),
                Phase::Load { .. } => out.push(Action::Load(i)),
                Phase::Tag { t, epoch_again, .. } => {
                    if t.is_none() {
                        out.push(Action::TagAfterLoad(i));
                    }
                    let may = match self.rule {
                        Rule::EpochAfterTag => t.is_some(),
                        Rule::EpochWithTag => true,
                        Rule::NoEpoch => false,
                    };
                    if epoch_again.is_none() && may {
                        out.push(Action::EpochAgain(i));
                    }
                    if t.is_some() && (epoch_again.is_some() || self.rule == Rule::NoEpoch) {
                        out.push(Action::Judge(i));
                    }
                }
                Phase::Fill { .. } => out.push(Action::Fill(i)),
                Phase::Verify { got, .. } => out.push(if got {
                    Action::Finish(i)
                } else {
                    Action::VerifyTag(i)
                }),
                Phase::Bypass => out.push(Action::BypassLoad(i)),
                Phase::Wait => {
                    if s.data.lock == 0 || s.data.value.is_some() {
                        out.push(Action::Retry(i));
                    }
                }
            }
            if s.crashes > 0 && Self::joinable(&s.readers[r].phase) {
                out.push(Action::ReaderCrash(i));
            }
        }
        for (w, p) in s.writers.iter().enumerate() {
            let c = w as u8;
            match *p {
                Writer::Start if self.operations[w] == Operation::Bracket => {
                    out.push(Action::Begin(c));
                }
                Writer::Start | Writer::Begun(_) => out.push(Action::Commit(c)),
                Writer::Inv { done, .. } => {
                    let e = match self.order {
                        Order::EpochFirst | Order::Together => done & 1 == 0,
                        Order::TagFirst => done == 2,
                    };
                    let t = match self.order {
                        Order::EpochFirst => done == 1,
                        Order::TagFirst | Order::Together => done & 2 == 0,
                    };
                    if e && self.rule != Rule::NoEpoch {
                        out.push(Action::RotateEpoch(c));
                    }
                    if t || (self.rule == Rule::NoEpoch && done == 0) {
                        out.push(Action::RotateTag(c));
                    }
                    if done == 3 || (self.rule == Rule::NoEpoch && done == 2) {
                        out.push(Action::Ok(c));
                    }
                }
                Writer::BracketCommitted { e: false, .. } => out.push(Action::RotateEpoch(c)),
                Writer::BracketCommitted { e: true, .. } => out.push(Action::EndTag(c)),
                Writer::Done | Writer::Dead => {}
            }
            if s.writer_crashes > 0
                && matches!(
                    *p,
                    Writer::Inv { done: 1 | 2, .. }
                        | Writer::Begun(_)
                        | Writer::BracketCommitted { .. }
                )
            {
                out.push(Action::WriterCrash(c));
            }
        }
        // an intent outlives the write that set it (time limit of a bracketed write < its PX)
        if s.data.tag & INTENT != 0
            && !s
                .writers
                .iter()
                .any(|p| matches!(p, Writer::Begun(_) | Writer::BracketCommitted { .. }))
        {
            out.push(Action::IntentExpires);
        }
        if s.evictions[0] > 0 && s.data.epoch != 0 {
            out.push(Action::EvictEpoch);
        }
        if s.evictions[1] > 0
            && Self::good(Token {
                id: s.data.tag,
                incarnation: 0,
            })
        {
            out.push(Action::EvictTag);
        }
        if s.data.lock != 0 && (s.expiries > 0 || !Self::lock_owner_alive(s)) {
            out.push(Action::LockExpires);
        }
        if s.failovers > 0 {
            if (s.replica.value, s.replica.lock) != (s.data.value, s.data.lock) {
                out.push(Action::Replicate(V as u8));
            }
            if s.replica.epoch != s.data.epoch {
                out.push(Action::Replicate(E as u8));
            }
            if s.replica.tag != s.data.tag {
                out.push(Action::Replicate(G as u8));
            }
            for k in 0..3 {
                out.push(Action::Failover(k));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let s = &mut state;
        match action {
            Action::Start(r) => Self::start(s, r),
            Action::StartJoin(r, l) => Self::start_join(s, r, l),
            Action::ReadValue(r) => Self::read_value(s, r),
            Action::ReadEpoch(r) => self.read_epoch(s, r),
            Action::ReadTag(r) => Self::read_tag(s, r),
            Action::Decide(r) => Self::decide(s, r),
            Action::Acquire(r) => self.acquire(s, r),
            Action::EnsureEpoch(r) => self.ensure_epoch(s, r),
            Action::Load(r) => Self::load(s, r),
            Action::TagAfterLoad(r) => Self::tag_after_load(s, r),
            Action::EpochAgain(r) => Self::epoch_again(s, r),
            Action::Judge(r) => self.judge(s, r),
            Action::Fill(r) => Self::fill(s, r),
            Action::VerifyTag(r) => Self::verify_tag(s, r),
            Action::Finish(r) => Self::finish_proven(s, r),
            Action::Retry(r) => Self::retry(s, r),
            Action::BypassLoad(r) => Self::bypass_load(s, r),
            Action::Commit(w) => Self::commit(s, w),
            Action::RotateEpoch(w) => Self::rotate_epoch(s, w),
            Action::RotateTag(w) => Self::rotate_tag(s, w),
            Action::Ok(w) => Self::ok(s, w),
            Action::Begin(w) => Self::begin(s, w),
            Action::EndTag(w) => Self::end_tag(s, w),
            Action::WriterCrash(w) => Self::writer_crash(s, w),
            Action::IntentExpires => self.intent_expires(s),
            Action::EvictEpoch => Self::evict_epoch(s),
            Action::EvictTag => Self::evict_tag(s),
            Action::LockExpires => Self::lock_expires(s),
            Action::ReaderCrash(r) => Self::reader_crash(s, r),
            Action::Replicate(k) => Self::replicate(s, k),
            Action::Failover(k) => Self::failover(s, k),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no stale read", |_, s: &State| s.broken & 1 == 0),
            Property::always("no newer value overwritten", |_, s: &State| {
                s.broken & 2 == 0
            }),
            // `reach!`: a run that holds must also reach it
            Property::sometimes(
                "reach! value with a dynamic tag stored and hit",
                |_, s: &State| {
                    s.readers.iter().any(|r| match r.phase {
                        Phase::Lookup {
                            value: Some(v),
                            value_incarnation,
                            t: Some(t),
                            ..
                        } => Self::hit(v, value_incarnation, t).is_some(),
                        _ => false,
                    })
                },
            ),
            Property::sometimes("reach! the same after an invalidation", |_, s: &State| {
                s.readers.iter().any(|r| match r.phase {
                    Phase::Lookup {
                        value: Some(v),
                        value_incarnation,
                        t: Some(t),
                        ..
                    } => r.floor > 0 && Self::hit(v, value_incarnation, t).is_some(),
                    _ => false,
                })
            }),
            Property::sometimes("reach! fill refused by the epoch", |_, s: &State| {
                s.readers.iter().any(|r| matches!(r.phase, Phase::Tag { e, epoch_again: Some(epoch_again), .. } if e != epoch_again))
            }),
            Property::always("nobody stuck", |m: &Config, s: &State| {
                if s.broken != 0 {
                    return true;
                }
                let mut a = Vec::new();
                m.actions(s, &mut a);
                !a.is_empty()
                    || s.readers
                        .iter()
                        .all(|r| r.phase == Phase::Idle && r.left == 0)
            }),
        ]
    }
}
