//! What is drawn before a schedule begins.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::double::{Double, DoubleServer, Op, Point, Trouble};
use cache_aside::{Cache, Clock, Coherence};

use crate::oracle::database::{Database, Memory};
use crate::oracle::dice::Dice;
use crate::oracle::rows::Kind;
use crate::oracle::shop::{Promise, Shop};

/// By how much processes may be behind.
const WINDOWS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(150),
    Duration::from_millis(240),
];
/// No two clocks of processes differ by more than one part in 200.
const RATES: [u32; 3] = [99_760, 100_000, 100_240];
const RATE: u32 = 100_000;

/// One process.
pub(super) struct Member {
    pub(super) shop: Arc<Shop>,
    pub(super) remote: Arc<Double>,
    clock: Clock,
    rate: u32,
    /// What is pushed to it waits until it is let through.
    pub(super) by_hand: bool,
    /// When it asked last whether pushes are missing.
    pub(super) beat: Duration,
}

impl Member {
    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time * self.rate / RATE);
    }
}

/// What is left behind, while other things go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Slow {
    Nothing,
    Loads,
    /// Between one tag and the next.
    Writes,
    Fills,
    /// What the store said of a copy.
    Reads,
    Pushes,
    /// Writes that hide what they change, also in all other schedules.
    Brackets,
    /// What was sent twice.
    Copies,
}

/// What all processes have in common.
pub(super) struct Cast {
    kinds: Vec<Kind>,
    ids: u64,
    window: Duration,
    promise: Promise,
    /// Whether some processes are never behind, and others are.
    mixed: bool,
    by_hand: bool,
    pub(super) early_answers: bool,
    pub(super) slow: Slow,
}

impl Cast {
    pub(super) fn draw(dice: &mut Dice, resend: bool) -> Self {
        // Few rows, so that their readers and writers meet.
        let mut kinds = vec![dice.one_of(&Kind::ALL)];
        if dice.percent(20) {
            kinds = vec![Kind::Owned];
        }
        if dice.percent(30) {
            kinds.push(dice.one_of(&Kind::ALL));
        }
        let brackets = dice.percent(15);
        if brackets {
            // Those whose tags can be named before the write.
            kinds = vec![dice.one_of(&[Kind::Item, Kind::Here, Kind::Many, Kind::Hand])];
        }
        let slow = match dice.below(9) {
            _ if resend => Slow::Copies,
            _ if brackets => Slow::Brackets,
            3.. if kinds == [Kind::Owned] => Slow::Writes,
            0 => Slow::Nothing,
            1 => Slow::Fills,
            2 => Slow::Writes,
            3 => Slow::Pushes,
            4 | 5 => Slow::Reads,
            _ => Slow::Loads,
        };
        let mut promise = Promise {
            settled: dice.one_of(&[0, 0, 30, 60]),
            brackets: if brackets { 90 } else { 0 },
            ..Promise::default()
        };
        match dice.below(8) {
            0 if !brackets => promise.lag = Duration::from_millis(10 + dice.below(60)),
            1 => promise.views = true,
            _ => {}
        }
        Self {
            kinds,
            ids: if brackets || dice.percent(70) { 1 } else { 2 },
            // For all processes the same: who waits until others have heard goes by its own.
            window: dice.one_of(&WINDOWS),
            promise,
            mixed: dice.percent(70),
            by_hand: dice.percent(80),
            early_answers: dice.percent(30),
            slow,
        }
    }

    /// Whether the server forgets nothing: what hides a write, or what a lagging source may give, is
    /// kept there alone.
    pub(super) fn keeps_cells(&self) -> bool {
        self.promise.brackets > 0 || !self.promise.lag.is_zero()
    }

    /// How many calls there are.
    pub(super) fn calls(&self, dice: &mut Dice) -> u64 {
        let more = if self.slow == Slow::Brackets { 6 } else { 0 };
        4 + more + dice.below(8)
    }

    pub(super) async fn members(
        &self,
        dice: &mut Dice,
        server: &DoubleServer,
        memory: &Arc<Memory>,
    ) -> Vec<Member> {
        let count = if self.slow == Slow::Brackets || dice.percent(30) {
            3
        } else {
            2
        };
        let all_behind = dice.percent(60);
        let mut members = Vec::new();
        for number in 0..count {
            let behind = if self.mixed {
                dice.percent(60)
            } else {
                all_behind
            };
            members.push(self.member(dice, server, memory, (number, behind)).await);
        }
        if !self.promise.lag.is_zero() {
            memory.lag_behind(self.promise.lag, dice.for_one(1_000));
        }
        members
    }

    async fn member(
        &self,
        dice: &mut Dice,
        server: &DoubleServer,
        memory: &Arc<Memory>,
        (number, behind): (usize, bool),
    ) -> Member {
        let (remote, clock) = (Arc::new(server.connect()), Clock::manual());
        let by_hand = behind && self.by_hand;
        remote.push_by_hand(by_hand);
        let mut promise = self.promise;
        // Who writes in brackets, who writes without, and who reads.
        let role = if self.slow == Slow::Brackets {
            number
        } else {
            dice.index(3)
        };
        if role != 0 {
            promise.brackets = 0;
        }
        let coherence = if behind {
            promise.window = self.window;
            Coherence::Bounded(self.window)
        } else {
            // It would not wait for others.
            (promise.settled, promise.views) = (0, false);
            Coherence::Strict
        };
        let builder = Cache::builder()
            .clock(clock.clone())
            .coherence(coherence)
            .trust_views(promise.views)
            .settle_lag(promise.lag)
            .remote(remote.clone());
        let cache = builder.build().await.expect("good settings");
        let database = Database::Memory(memory.clone(), number);
        let name = format!("process {number}");
        let mut shop = Shop::new(name, cache, database, self.ids, dice.for_one(number as u64));
        shop.kinds.clone_from(&self.kinds);
        shop.writes = [70, 35, 5][role];
        shop.promise = promise;
        Member {
            shop: Arc::new(shop),
            remote,
            clock,
            rate: dice.one_of(&RATES),
            by_hand,
            beat: Duration::ZERO,
        }
    }

    /// What is held on its way.
    pub(super) fn hold(&self, dice: &mut Dice, server: &DoubleServer) {
        let resend = self.slow == Slow::Copies;
        match self.slow {
            Slow::Writes => server.begin(Trouble::Hold(Point::Between), &[Op::Rotate]),
            Slow::Reads => server.begin(Trouble::Hold(Point::Executed), &[Op::Read]),
            _ => {}
        }
        for (point, percent) in [
            (Point::Sent, 80),
            (Point::Executed, 60),
            (Point::Between, 60),
        ] {
            if dice.percent(percent) {
                let held = Op::ALL.into_iter();
                let held: Vec<Op> = held.filter(|op| !(resend && *op == Op::Rotate)).collect();
                server.begin(Trouble::Hold(point), &held);
            }
        }
        server.scatter(dice.percent(50));
        server.answer_early(self.early_answers);
        if resend {
            server.begin(Trouble::Repeat, &[Op::Rotate]);
        }
    }
}
