//! Which actions are possible in a state, and who carries them out.

use super::config::{Config, StrayLock};
use super::properties;
use super::state::{Action, MAX_TAGS, Phase, Reader, State, TagShard, ValueShard, Writer};
use stateright::{Model, Property};

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let values = ValueShard {
            value: None,
            lock: 0,
        };
        let tags = TagShard {
            token: [0; MAX_TAGS],
            listed: [false; MAX_TAGS],
        };
        let reader = Reader {
            phase: Phase::Idle,
            floor: 0,
            left: self.reads,
        };
        vec![State {
            version: 0,
            floor: 0,
            values,
            tags,
            values_replica: values,
            tags_replica: tags,
            incarnation: [1, 1],
            readers: vec![reader; self.processes.len()],
            writers: vec![Writer::Start; self.operations.len()],
            next_token: 1,
            next_lease: 1,
            evictions: self.evictions,
            expiries: self.expiries,
            crashes: self.crashes,
            failovers: self.failovers,
            writer_crashes: self.writer_crashes,
            lost: self.lost,
            sent: [0; 2],
            stray: None,
            strays: u8::from(self.stray_lock != StrayLock::Off),
            broken: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_final(self) {
            return;
        }
        for reader in 0..state.readers.len() {
            self.reader_actions(state, reader, actions);
        }
        for writer in 0..state.writers.len() {
            self.writer_actions(state, writer, actions);
        }
        self.fault_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let s = &mut state;
        match action {
            Action::Start(r) => Self::start(s, r as usize, Phase::LOOKUP),
            Action::StartJoin(r, leader) => Self::start(s, r as usize, Phase::Joined { leader }),
            Action::ReadValue(r) => self.read_value(s, r as usize),
            Action::ReadToken(r, t) => self.read_token(s, r as usize, t as usize),
            Action::Decide(r) => self.decide(s, r as usize),
            Action::Acquire(r) => self.acquire(s, r as usize),
            Action::EnsureToken(r, t) => self.ensure_token(s, r as usize, t as usize),
            Action::Load(r) => self.load(s, r as usize),
            Action::LateToken(r, t) => self.late_token(s, r as usize, t as usize),
            Action::Send(r) => Self::send(s, r as usize),
            Action::Fill(r) => self.fill(s, r as usize),
            Action::List(r, t) => self.list(s, r as usize, t as usize),
            Action::VerifyToken(r, t) => self.verify_token(s, r as usize, t as usize),
            Action::Finish(r) => self.finish_proven(s, r as usize),
            Action::Retry(r) => s.readers[r as usize].phase = Phase::LOOKUP,
            Action::BypassLoad(r) => Self::give(s, r as usize, s.version),
            Action::Commit(w) => Self::commit(s, w as usize),
            Action::Invalidate(w) => self.invalidate(s, w as usize),
            Action::Ok(w) => Self::ok(s, w as usize),
            Action::Begin(w) => self.begin(s, w),
            Action::End(w) => self.end(s, w),
            Action::LoseRequest(w) | Action::LoseReply(w) => Self::lose(s, w as usize),
            Action::Resend(w) => self.resend(s, w as usize),
            Action::WriterCrash(w) => Self::writer_crash(s, w as usize),
            Action::IntentExpires(t) => s.tags.token[t as usize] = 0,
            Action::Evict(t) => Self::evict(s, t as usize),
            Action::LockExpires => Self::lock_expires(s),
            Action::StrayLock => Self::execute_stray_lock(s),
            Action::ReaderCrash(r) => Self::reader_crash(s, r as usize),
            Action::Replicate(0) => s.values_replica = s.values,
            Action::Replicate(_) => s.tags_replica = s.tags,
            Action::Failover(shard) => Self::failover(s, shard),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
