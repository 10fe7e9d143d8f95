//! Many caches in one process over the double, where every request and every load waits until a
//! schedule lets it go on. A seed is a schedule. It gives the same run each time, but for the order in
//! which tokio wakes several callers that wait for one load.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::double::{Double, DoubleServer, Op, Point, Snapshot, Trouble};
use cache_aside::{Cache, Clock, Defect};
use tokio::task::JoinHandle;

use super::child::defect;
use super::database::{Database, Memory};
use super::dice::Dice;
use super::rows::{Kind, Row};
use super::shop::Shop;
use crate::support::process::Parent;

const TICK: Duration = Duration::from_millis(1);
/// After so many steps everything is let go.
const STEPS: u64 = 400;

/// What came of a schedule.
pub(super) struct Played {
    pub(super) violations: Vec<String>,
    pub(super) history: Vec<String>,
}

/// One schedule.
pub(super) fn play(seed: u64, resend: bool) -> Played {
    Defect::draw_from(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let played = async {
        let mut stage = Stage::new(seed, resend).await;
        stage.play().await;
        let memory = &stage.memory;
        Played {
            violations: std::mem::take(&mut memory.violations.lock().unwrap()),
            history: std::mem::take(&mut memory.history.lock().unwrap()),
        }
    };
    runtime.expect("a runtime").block_on(played)
}

/// The first of many schedules that is violated: how many came before it, its seed, and its run.
pub(super) fn search(first: u64, count: u64, resend: bool) -> Option<(u64, u64, Played)> {
    let mut dice = Dice::new(first);
    (0..count).find_map(|number| {
        let seed = if number == 0 {
            first
        } else {
            dice.next() >> 16
        };
        let played = play(seed, resend);
        (!played.violations.is_empty()).then_some((number, seed, played))
    })
}

/// Plays schedules with a mistake switched on, which concerns the whole process.
pub(crate) async fn schedules(parent: Parent) {
    let asked = parent.env("DEFECT");
    if let Some(defect) = defect(&asked) {
        defect.switch_on();
    }
    let number = |name| parent.env(name).parse().expect("a number");
    let (first, count) = (number("SEED"), number("COUNT"));
    let searched = std::thread::spawn(move || search(first, count, asked == "Resend"));
    parent.send(&match searched.join().expect("no panic") {
        Some((number, seed, played)) => {
            let first = &played.violations[0];
            format!("noticed by schedule {number}, SIM_SEED={seed}: {first}")
        }
        None => "not noticed".to_owned(),
    });
}

/// What is left behind, while other things go on.
#[derive(Clone, Copy)]
enum Slow {
    Nothing,
    Loads,
    /// Between one tag and the next.
    Writes,
    Fills,
    /// What was sent twice.
    Copies,
}

struct Stage {
    dice: Dice,
    server: DoubleServer,
    clock: Clock,
    memory: Arc<Memory>,
    members: Vec<(Arc<Shop>, Arc<Double>)>,
    calls: Vec<JoinHandle<()>>,
    /// Calls to come.
    left: u64,
    /// The process that goes on.
    focus: usize,
    /// How often, in percent, another one does.
    restless: u64,
    slow: Slow,
    snapshot: Option<Snapshot>,
}

impl Stage {
    async fn new(seed: u64, resend: bool) -> Self {
        let mut dice = Dice::new(seed);
        let server = DoubleServer::new(seed);
        let (clock, memory) = (Clock::manual(), Arc::<Memory>::default());
        // Few rows, so that their readers and writers meet.
        let mut kinds = vec![dice.one_of(&Kind::ALL)];
        if dice.percent(20) {
            kinds = vec![Kind::Owned];
        }
        if dice.percent(30) {
            kinds.push(dice.one_of(&Kind::ALL));
        }
        let ids = if dice.percent(70) { 1 } else { 2 };
        let mut members = Vec::new();
        for number in 0..if dice.percent(70) { 2 } else { 3 } {
            let remote = Arc::new(server.connect());
            let cache = Cache::builder()
                .clock(clock.clone())
                .remote(remote.clone())
                .build()
                .await
                .expect("good settings");
            let database = Database::Memory(memory.clone(), number);
            let name = format!("process {number}");
            let mut shop = Shop::new(name, cache, database, ids, dice.for_one(number as u64));
            shop.kinds.clone_from(&kinds);
            shop.writes = 35;
            members.push((Arc::new(shop), remote));
        }
        let slow = match dice.below(5) {
            _ if resend => Slow::Copies,
            0 => Slow::Nothing,
            1 => Slow::Fills,
            2 => Slow::Writes,
            _ if kinds == [Kind::Owned] => Slow::Writes,
            _ => Slow::Loads,
        };
        if matches!(slow, Slow::Writes) {
            server.begin(Trouble::Hold(Point::Between), &[Op::Rotate]);
        }
        for (point, percent) in [
            (Point::Sent, 80),
            (Point::Executed, 60),
            (Point::Between, 60),
        ] {
            if dice.percent(percent) {
                let ops = Op::ALL.map(|op| {
                    if resend && op == Op::Rotate {
                        Op::Read
                    } else {
                        op
                    }
                });
                server.begin(Trouble::Hold(point), &ops);
            }
        }
        server.scatter(dice.percent(50));
        if resend {
            server.begin(Trouble::Repeat, &[Op::Rotate]);
        }
        Self {
            left: 3 + dice.below(8),
            focus: 0,
            restless: dice.one_of(&[4, 8, 16]),
            slow,
            dice,
            server,
            clock,
            memory,
            members,
            calls: Vec::new(),
            snapshot: None,
        }
    }

    async fn play(&mut self) {
        for _ in 0..STEPS {
            self.pass(TICK).await;
            self.calls.retain(|call| !call.is_finished());
            let ended = self.left == 0 && self.calls.is_empty();
            if ended || !self.memory.violations.lock().unwrap().is_empty() {
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
        let focus = self.focus;
        let mut held = self.server.held();
        held.retain(|held| held.client == focus);
        let mut waiting = self.memory.waiting(focus);
        if !self.dice.percent(8) {
            match self.slow {
                Slow::Nothing => {}
                Slow::Loads => waiting = 0,
                Slow::Copies => held.retain(|held| held.op != Op::Rotate || held.at != Point::Sent),
                Slow::Writes => held.retain(|held| held.op != Op::Rotate || held.at == Point::Sent),
                Slow::Fills => held.retain(|held| !matches!(held.op, Op::Ensure | Op::Fill)),
            }
        }
        match self.dice.below(100) {
            0..3 if !held.is_empty() => {
                let held = self.dice.one_of(&held);
                self.note(format!("given up: {held:?}"));
                self.server.give_up(held.id);
            }
            3..7 => self.break_something(),
            7 => self.pass(TICK * 700).await,
            8 if !self.calls.is_empty() => {
                let call = self.dice.index(self.calls.len());
                self.note(format!("caller {call} goes away"));
                self.calls[call].abort();
            }
            9..25 if self.left > 0 => self.begin(),
            _ if held.len() + waiting > 0 => {
                let next = self.dice.index(held.len() + waiting);
                if let Some(held) = held.get(next) {
                    self.note(format!("goes on: {held:?}"));
                    self.server.release(held.id);
                } else {
                    let load = next - held.len();
                    self.note(format!("load {load} of process {focus} goes on"));
                    self.memory.let_go(focus, load);
                }
            }
            _ if self.left > 0 && self.dice.percent(25) => self.begin(),
            _ => {
                self.focus = (focus + 1) % self.members.len();
                if self.server.held().is_empty() && !self.memory.is_waited_at() {
                    self.pass(TICK * 50).await;
                }
            }
        }
    }

    fn begin(&mut self) {
        self.left -= 1;
        let shop = self.members[self.focus].0.clone();
        let mut dice = self.dice.for_one(self.left);
        self.calls
            .push(tokio::spawn(async move { shop.act(&mut dice).await }));
    }

    fn break_something(&mut self) {
        let member = self.dice.index(self.members.len());
        let remote = self.members[member].1.clone();
        let (server, fault) = (self.server.clone(), self.dice.below(14));
        self.note(format!("fault {fault}, process {member}"));
        let writes = [Op::Rotate, Op::Remove];
        match fault {
            0 => server.flush(),
            1 | 2 => server.evict_cells(),
            3 | 4 => self.snapshot = Some(server.snapshot()),
            5 => server.restart(self.snapshot.as_ref()),
            6 => match &self.snapshot {
                Some(snapshot) => server.fail_over(snapshot),
                None => server.restart(None),
            },
            7 => {
                remote.cut();
                remote.mend();
            }
            8 => remote.begin(Trouble::LoseRequest, &Op::ALL),
            9 => remote.begin(Trouble::LoseRequest, &writes),
            10 => remote.begin(Trouble::LoseReply, &Op::ALL),
            11 => remote.silence(true),
            _ => self.mend(),
        }
    }

    fn mend(&self) {
        for (_, remote) in &self.members {
            remote.end(Trouble::LoseRequest);
            remote.end(Trouble::LoseReply);
            remote.silence(false);
        }
    }

    /// Nothing is held any more: every process reads everything.
    async fn finish(&mut self) {
        for point in [Point::Sent, Point::Between, Point::Executed] {
            self.server.end(Trouble::Hold(point));
        }
        self.server.end(Trouble::Repeat);
        self.mend();
        for (shop, _) in &self.members {
            let (shop, mut dice) = (shop.clone(), self.dice.for_one(u64::MAX));
            self.calls.push(tokio::spawn(async move {
                for &kind in &shop.kinds {
                    for id in 0..shop.ids {
                        shop.read(Row { kind, id }, &mut dice).await;
                    }
                }
            }));
        }
        for _ in 0..1_000 {
            self.server.release_all();
            for member in 0..self.members.len() {
                for _ in 0..self.memory.waiting(member) {
                    self.memory.let_go(member, 0);
                }
            }
            self.calls.retain(|call| !call.is_finished());
            if self.calls.is_empty() {
                return;
            }
            self.pass(TICK * 20).await;
        }
        let stuck = "calls do not end though nothing is held".to_owned();
        self.note(stuck.clone());
        self.memory.violations.lock().unwrap().push(stuck);
    }

    /// Whatever can run runs; then time passes, everywhere.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
        self.clock.advance(time);
        self.server.advance(time);
    }

    fn note(&self, line: String) {
        self.memory.history.lock().unwrap().push(line);
    }
}
