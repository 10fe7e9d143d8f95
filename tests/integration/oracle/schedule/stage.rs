//! What happens in a schedule, step by step.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::double::{DoubleServer, Held, Op, Point, Pushed, Snapshot, Trouble};
use tokio::task::JoinHandle;

use super::cast::{Cast, Member, Slow};
use crate::oracle::database::{Gate, Memory};
use crate::oracle::dice::Dice;
use crate::oracle::rows::Row;

const TICK: Duration = Duration::from_millis(1);
/// How often a process asks whether pushes are missing.
const BEAT: Duration = Duration::from_millis(25);
/// After so many steps everything is let go.
const STEPS: u64 = 400;

pub(super) struct Stage {
    pub(super) dice: Dice,
    pub(super) cast: Cast,
    pub(super) server: DoubleServer,
    memory: Arc<Memory>,
    pub(super) members: Vec<Member>,
    calls: Vec<JoinHandle<()>>,
    /// Calls to come.
    left: u64,
    /// The process that goes on.
    pub(super) focus: usize,
    /// How often, in percent, another one does.
    restless: u64,
    /// How often, in percent, it begins something.
    busy: u64,
    /// A process that is suspended, and until when.
    pub(super) asleep: Option<(usize, Duration)>,
    pub(super) snapshot: Option<Snapshot>,
}

/// What can go on.
#[derive(Clone, Copy)]
enum Next {
    Request(Held),
    Load(usize),
    Push,
}

impl Stage {
    pub(super) async fn new(seed: u64, resend: bool) -> Self {
        let mut dice = Dice::new(seed);
        let (server, memory) = (DoubleServer::new(seed), Arc::<Memory>::default());
        let cast = Cast::draw(&mut dice, resend);
        let members = cast.members(&mut dice, &server, &memory).await;
        cast.hold(&mut dice, &server);
        let stage = Self {
            left: cast.calls(&mut dice),
            focus: 0,
            restless: dice.one_of(&[4, 8, 16]),
            busy: dice.one_of(&[3, 8, 16]),
            asleep: None,
            dice,
            cast,
            server,
            memory,
            members,
            calls: Vec::new(),
            snapshot: None,
        };
        for member in &stage.members {
            if member.by_hand {
                while member.remote.deliver_push().is_some() {}
            }
        }
        stage
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) async fn play(&mut self) {
        for _ in 0..STEPS {
            self.pass(TICK).await;
            self.calls.retain(|call| !call.is_finished());
            let ended = self.left == 0 && self.calls.is_empty();
            if ended || self.memory.is_violated() {
                break;
            }
            self.step().await;
        }
        self.finish().await;
    }

    /// One process goes on, or begins something, while the others stand still.
    async fn step(&mut self) {
        if self.dice.percent(self.restless) {
            self.focus = self.dice.index(self.members.len());
        }
        if self
            .asleep
            .is_some_and(|(_, until)| self.memory.now() >= until)
        {
            self.asleep = None;
        }
        let awake = self.asleep.is_none_or(|(member, _)| member != self.focus);
        let nexts = if awake { self.nexts() } else { Vec::new() };
        match self.dice.below(100) {
            0..3 => self.give_up(&nexts),
            3..9 => self.break_something(),
            9 => {
                let time = self.dice.one_of(&[100, 300, 700]);
                self.pass(TICK * time).await;
            }
            10 if !self.calls.is_empty() => {
                let call = self.dice.index(self.calls.len());
                self.memory.note(move || format!("caller {call} goes away"));
                self.calls[call].abort();
            }
            roll if roll >= 100 - self.busy && awake && self.left > 0 => self.begin(),
            _ if !nexts.is_empty() => {
                let next = self.dice.one_of(&nexts);
                self.go_on(next);
            }
            _ if awake && self.left > 0 && self.dice.percent(25) => self.begin(),
            _ => {
                self.focus = (self.focus + 1) % self.members.len();
                if !self.anything_waits() {
                    self.pass(TICK * 50).await;
                }
            }
        }
    }

    fn anything_waits(&self) -> bool {
        let waits = |at: usize| !self.memory.waiting(at).is_empty();
        !self.server.held().is_empty() || (0..self.members.len()).any(waits)
    }

    /// What can go on in the process that does, but for what is left behind mostly.
    fn nexts(&mut self) -> Vec<Next> {
        let (focus, member) = (self.focus, &self.members[self.focus]);
        let often = if self.cast.slow == Slow::Brackets {
            20
        } else {
            8
        };
        let slow = if self.dice.percent(often) {
            Slow::Nothing
        } else {
            self.cast.slow
        };
        let goes_on = |held: &Held| match slow {
            Slow::Nothing | Slow::Loads | Slow::Pushes | Slow::Brackets => true,
            Slow::Copies => held.op != Op::Rotate || held.at != Point::Sent,
            Slow::Writes => held.op != Op::Rotate || held.at == Point::Sent,
            Slow::Fills => !matches!(held.op, Op::Ensure | Op::Fill),
            Slow::Reads => held.op != Op::Read || held.at != Point::Executed,
        };
        let held = self.server.held().into_iter();
        let held = held.filter(|held| held.client == focus && goes_on(held));
        let mut nexts: Vec<Next> = held.map(Next::Request).collect();
        for (load, gate) in self.memory.waiting(focus).into_iter().enumerate() {
            let left_behind = match gate {
                Gate::Load => false,
                Gate::Loaded => slow == Slow::Loads,
                Gate::Bracket => slow != Slow::Nothing,
            };
            if !left_behind {
                nexts.push(Next::Load(load));
            }
        }
        if member.by_hand && slow != Slow::Pushes && !member.remote.pushes().is_empty() {
            nexts.push(Next::Push);
        }
        nexts
    }

    fn go_on(&mut self, next: Next) {
        let focus = self.focus;
        match next {
            Next::Request(held) => {
                self.memory.note(move || format!("goes on: {held:?}"));
                self.server.release(held.id);
            }
            Next::Load(load) => {
                self.memory
                    .note(move || format!("load {load} of process {focus} goes on"));
                self.memory.let_go(focus, load);
            }
            Next::Push => self.deliver(),
        }
    }

    /// What is pushed to a process arrives: mostly one thing, now and then all.
    fn deliver(&mut self) {
        let (focus, all) = (self.focus, self.dice.percent(40));
        while let Some(pushed) = self.members[focus].remote.deliver_push() {
            self.memory
                .note(move || format!("process {focus} is told: {pushed:?}"));
            if !all {
                return;
            }
        }
    }

    fn give_up(&mut self, nexts: &[Next]) {
        let held = nexts.iter().filter_map(|next| match next {
            Next::Request(held) => Some(*held),
            Next::Load(_) | Next::Push => None,
        });
        let held: Vec<Held> = held.collect();
        if !held.is_empty() {
            let held = self.dice.one_of(&held);
            self.memory.note(move || format!("given up: {held:?}"));
            self.server.give_up(held.id);
        }
    }

    fn begin(&mut self) {
        self.left -= 1;
        let shop = self.members[self.focus].shop.clone();
        let mut dice = self.dice.for_one(self.left);
        self.calls
            .push(tokio::spawn(async move { shop.act(&mut dice).await }));
    }

    /// Nothing is held any more: every process reads everything, either at once or after a time that
    /// is longer than any may be behind.
    async fn finish(&mut self) {
        for point in [Point::Sent, Point::Between, Point::Executed] {
            self.server.end(Trouble::Hold(point));
        }
        self.server.end(Trouble::Repeat);
        self.mend_requests();
        self.asleep = None;
        let (waits, heard) = (self.dice.percent(60), self.dice.percent(50));
        if heard {
            self.mend_pushes();
        }
        self.complete(heard).await;
        if waits {
            for _ in 0..6 {
                self.pass(BEAT * 2).await;
                if heard {
                    self.deliver_everything();
                }
            }
        }
        let memory = &self.memory;
        memory.note(move || format!("the end; time passes: {waits}, pushes are heard: {heard}"));
        for member in &self.members {
            let (shop, mut dice) = (member.shop.clone(), self.dice.for_one(u64::MAX));
            self.calls.push(tokio::spawn(async move {
                for &kind in &shop.kinds {
                    for id in 0..shop.ids {
                        shop.read(Row { kind, id }, &mut dice).await;
                    }
                }
            }));
        }
        self.complete(true).await;
    }

    fn deliver_everything(&self) {
        for member in self.members.iter().filter(|member| member.by_hand) {
            while member.remote.deliver_push().is_some() {}
        }
    }

    /// Until all calls have ended.
    async fn complete(&mut self, heard: bool) {
        for _ in 0..1_000 {
            self.server.release_all();
            for number in 0..self.members.len() {
                for _ in 0..self.memory.waiting(number).len() {
                    self.memory.let_go(number, 0);
                }
            }
            if heard {
                self.deliver_everything();
            }
            self.calls.retain(|call| !call.is_finished());
            if self.calls.is_empty() {
                return;
            }
            self.pass(TICK * 20).await;
        }
        self.memory
            .violated("calls do not end though nothing is held".to_owned());
    }

    /// Whatever can run runs; then time passes, everywhere.
    async fn pass(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        self.server.advance(time);
        self.memory.advance(time);
        let (now, asleep) = (self.memory.now(), self.asleep);
        for (number, member) in self.members.iter_mut().enumerate() {
            member.pass(time);
            let is_asleep = asleep.is_some_and(|(asleep, _)| asleep == number);
            if member.by_hand && !is_asleep && now - member.beat >= BEAT {
                let asked = |pushed: &Pushed| matches!(pushed, Pushed::Answer(_));
                // One question after the answer to the other.
                if !member.remote.pushes().iter().any(asked) {
                    member.beat = now;
                    member.remote.beat();
                }
            }
        }
    }
}
