use std::time::Duration;

use super::BreakerState::{Closed, HalfOpen, Open};
use super::circuit::{Breaker, Circuit, FIRST_PAUSE, Ticket};
use crate::clock::{Clock, Moment};

const MS: Duration = Duration::from_millis(1);
const LIFE: u64 = 7;

/// A circuit, and the time that it is told. Pauses are as long as they can be.
struct Scene {
    circuit: Circuit,
    now: Moment,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self {
            circuit: Circuit::new(),
            now: Moment::FIRST.after(Duration::from_secs(1)),
        };
        scene.beat();
        scene
    }

    /// After so many failures in a row, with a heartbeat after each.
    fn after(strikes: u32) -> Self {
        let mut scene = Self::new();
        for _ in 0..strikes {
            scene.wait(Duration::from_secs(60));
            let ticket = scene.admit();
            scene.fail(ticket);
            scene.beat();
        }
        scene
    }

    fn state(&self) -> super::BreakerState {
        self.circuit.state(self.now)
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn admit(&mut self) -> Ticket {
        self.circuit.admit(self.now).expect("it is sent")
    }

    fn refused(&mut self) -> String {
        self.circuit.admit(self.now).expect_err("it is not sent")
    }

    fn change(&mut self, work: impl FnOnce(&mut Circuit, Moment)) -> Option<super::BreakerState> {
        let now = self.now;
        self.circuit.changed_by(now, |circuit| work(circuit, now)).1
    }

    /// Its connection is doubted, as that of every operation that fails.
    fn fail(&mut self, ticket: Ticket) -> Option<super::BreakerState> {
        self.change(|circuit, now| {
            circuit.failed(ticket, "late", now, 1.0);
            circuit.lost("late");
        })
    }

    fn succeed(&mut self, ticket: Ticket) -> Option<super::BreakerState> {
        self.change(|circuit, _| circuit.succeeded(ticket))
    }

    fn beat(&mut self) -> Option<super::BreakerState> {
        self.live(LIFE)
    }

    fn live(&mut self, life: u64) -> Option<super::BreakerState> {
        self.change(|circuit, now| circuit.proven(life, now, 1.0))
    }

    /// How long it takes until something is sent again.
    fn pause(&mut self) -> Duration {
        let start = self.now;
        while self.state() == Open {
            self.wait(MS);
        }
        self.now.since(start)
    }
}

#[test]
fn the_first_failure_opens_and_a_heartbeat_closes() {
    let mut scene = Scene::new();
    assert_eq!(scene.state(), Closed);
    let ticket = scene.admit();
    assert_eq!(scene.fail(ticket), Some(Open));
    assert_eq!(scene.refused(), "late");
    scene.wait(Duration::from_secs(3600));
    assert_eq!(scene.state(), Open, "only a heartbeat helps");
    assert_eq!(scene.beat(), Some(Closed));
    let many: Vec<_> = (0..100).map(|_| scene.admit()).collect();
    assert_eq!(many.len(), 100, "nobody is turned away after a blip");
    assert_eq!(scene.circuit.opened(), 1);
}

#[test]
fn a_connection_that_is_lost_opens_and_is_held_against_nobody() {
    let mut scene = Scene::new();
    for _ in 0..10 {
        assert_eq!(scene.change(|circuit, _| circuit.lost("cut")), Some(Open));
        assert_eq!(scene.change(|circuit, _| circuit.lost("refused")), None);
        assert_eq!(scene.refused(), "refused");
        assert_eq!(scene.beat(), Some(Closed));
    }
    assert_eq!(scene.circuit.opened(), 10);
}

#[test]
fn the_second_failure_in_a_row_stays_open_although_heartbeats_pass() {
    let mut scene = Scene::after(2);
    assert_eq!(scene.state(), Open);
    assert_eq!(scene.beat(), None);
    assert!(scene.refused().contains("2 times in a row"));
    scene.wait(MS * 249);
    assert_eq!(scene.state(), Open);
    scene.wait(MS);
    assert_eq!(scene.state(), HalfOpen);
}

#[test]
fn a_pause_does_not_end_while_there_is_no_connection() {
    let mut scene = Scene::after(2);
    scene.change(|circuit, _| circuit.lost("cut"));
    scene.wait(FIRST_PAUSE * 2);
    assert_eq!(scene.state(), Open);
    assert_eq!(scene.beat(), Some(HalfOpen));
}

#[test]
fn a_success_in_between_makes_the_next_failure_the_first() {
    let mut scene = Scene::new();
    for _ in 0..10 {
        let ticket = scene.admit();
        scene.fail(ticket);
        assert_eq!(scene.beat(), Some(Closed));
        let ticket = scene.admit();
        assert_eq!(scene.succeed(ticket), None);
    }
}

#[test]
fn half_open_sends_one_at_a_time_and_a_success_closes() {
    let mut scene = Scene::after(3);
    scene.pause();
    let probe = scene.admit();
    assert!(scene.refused().contains("tried first"));
    assert_eq!(scene.state(), HalfOpen);
    assert_eq!(scene.succeed(probe), Some(Closed));
    scene.admit();
    scene.admit();
    let ticket = scene.admit();
    scene.fail(ticket);
    assert_eq!(scene.beat(), Some(Closed), "nothing is left of what was");
}

#[test]
fn a_probe_that_fails_opens_for_longer_each_time_up_to_four_seconds() {
    let mut scene = Scene::after(2);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        pauses.push(scene.pause());
        let probe = scene.admit();
        assert_eq!(scene.fail(probe), Some(Open));
        assert_eq!(scene.beat(), None);
    }
    let expected = [250, 500, 1_000, 2_000, 4_000, 4_000];
    assert_eq!(pauses, expected.map(|pause| MS * pause));
    assert_eq!(scene.circuit.opened(), 2 + 6);
}

#[test]
fn chance_makes_a_pause_shorter_by_half_at_most() {
    for (chance, pause) in [(0.0, FIRST_PAUSE / 2), (0.6, FIRST_PAUSE * 4 / 5)] {
        let mut scene = Scene::after(1);
        let (ticket, now) = (scene.admit(), scene.now);
        scene.circuit.failed(ticket, "late", now, chance);
        assert_eq!(scene.pause(), pause);
    }
}

#[test]
fn a_probe_whose_caller_goes_away_leaves_its_place() {
    let mut scene = Scene::after(2);
    scene.pause();
    let gone = scene.admit();
    scene.refused();
    scene.circuit.left(gone);
    let next = scene.admit();
    scene.circuit.left(gone);
    scene.refused();
    assert_eq!(scene.succeed(next), Some(Closed));
}

#[test]
fn operations_that_fail_together_are_one_failure() {
    let mut scene = Scene::new();
    let together: Vec<_> = (0..100).map(|_| scene.admit()).collect();
    for ticket in together {
        scene.fail(ticket);
    }
    assert_eq!(scene.circuit.opened(), 1);
    assert_eq!(scene.beat(), Some(Closed));
}

#[test]
fn what_was_sent_before_a_failure_is_no_second_one_after_it_and_no_success() {
    let mut scene = Scene::new();
    let [first, second, third] = [scene.admit(), scene.admit(), scene.admit()];
    scene.fail(first);
    scene.beat();
    assert!(scene.circuit.is_older(second));
    scene.circuit.failed(second, "late", scene.now, 1.0);
    assert_eq!(scene.state(), Closed);
    let next = scene.admit();
    scene.fail(next);
    scene.beat();
    assert_eq!(scene.state(), Open);
    assert_eq!(scene.succeed(third), None, "it was sent before");
}

#[test]
fn a_reply_that_comes_after_the_first_failure_forgives_it() {
    let mut scene = Scene::new();
    let [first, second] = [scene.admit(), scene.admit()];
    scene.fail(first);
    scene.beat();
    scene.succeed(second);
    let next = scene.admit();
    scene.fail(next);
    scene.beat();
    assert_eq!(scene.state(), Closed, "slow, and used by many");
}

#[test]
fn a_store_that_takes_connections_and_hangs_has_its_pauses() {
    let mut scene = Scene::new();
    let mut sent = 0;
    for _ in 0..1_000 {
        // The connection is lost before the operation on it is late, and is made again.
        if let Ok(ticket) = scene.circuit.admit(scene.now) {
            sent += 1;
            scene.change(|circuit, _| circuit.lost("cut"));
            scene.wait(MS * 10);
            scene.beat();
            scene.circuit.failed(ticket, "late", scene.now, 1.0);
        }
        scene.wait(MS * 10);
    }
    assert!(sent <= 12, "{sent} operations in ten seconds and more");
}

#[test]
fn another_life_of_the_store_is_tried_soon_and_later_each_time_in_vain() {
    let mut scene = Scene::after(9);
    assert_eq!(scene.circuit.state(scene.now.after(MS * 3_999)), Open);
    let mut pauses = Vec::new();
    for life in 1..=4 {
        scene.live(LIFE + life);
        pauses.push(scene.pause());
        let probe = scene.admit();
        scene.fail(probe);
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000].map(|pause| MS * pause));
    scene.live(LIFE + 4);
    assert_eq!(scene.pause(), MS * 4_000, "the same life is no reason");
    let probe = scene.admit();
    assert_eq!(scene.succeed(probe), Some(Closed));
}

#[test]
fn a_pass_that_is_dropped_frees_its_place_and_an_answer_closes() {
    let clock = Clock::manual();
    let breaker = Breaker::new(clock.clone());
    for _ in 0..2 {
        let pass = breaker.admit().expect("it is sent");
        pass.failed("late", true, || true);
        assert!(breaker.proven(LIFE, || true));
    }
    let (state, why) = breaker.trouble();
    assert_eq!((state, breaker.opened()), (Open, 2));
    assert!(why.contains("late"), "{why}");
    // As long as the pause can be.
    clock.advance(FIRST_PAUSE);
    let pass = breaker.admit().expect("it is tried");
    assert!(breaker.admit().is_err());
    drop(pass);
    breaker.admit().expect("it is tried").answered();
    assert_eq!((breaker.state(), breaker.opened()), (Closed, 2));
    breaker.lost("cut", || false);
    assert_eq!(breaker.state(), Closed);
    assert!(!breaker.proven(LIFE + 1, || false));
}
