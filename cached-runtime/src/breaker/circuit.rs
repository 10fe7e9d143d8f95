//! One failure in a row is forgiven by a heartbeat; after more, an operation has to succeed first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::BreakerState;
use crate::clock::{Clock, Moment};

/// The first pause, after the second failure in a row.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Shorter than `close` tries to do what is owed: it is tried at least once before a process ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What is known of one store, and what follows from it.
///
/// Invariants:
/// - Operations that were under way together are one failure, however many of them fail: a new term
///   begins when the store is lost, and each term counts once.
/// - Only an operation that succeeds forgives more than one failure; neither a heartbeat does, nor a
///   connection. So a store that takes connections and then hangs has its pauses, too.
#[derive(Debug)]
pub(super) struct Circuit {
    /// Whether somebody can be asked: true from the last heartbeat to the next doubt.
    there: bool,
    term: u64,
    /// The last term that counted.
    struck: u64,
    /// Failures since an operation succeeded.
    strikes: u32,
    /// When the pause is over, after two strikes and more.
    resume: Moment,
    /// The operation that is tried in half-open, and how many were.
    probe: Option<u64>,
    probes: u64,
    life: Option<u64>,
    /// Lives of the store that made a pause shorter since an operation succeeded.
    hopes: u32,
    opened: u64,
    why: String,
}

/// An operation that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    term: u64,
    probe: Option<u64>,
}

impl Circuit {
    /// Nothing is held against a store that was not tried yet.
    pub(super) fn new() -> Self {
        Self {
            there: true,
            term: 1,
            struck: 0,
            strikes: 0,
            resume: Moment::FIRST,
            probe: None,
            probes: 0,
            life: None,
            hopes: 0,
            opened: 0,
            why: String::new(),
        }
    }

    pub(super) fn state(&self, now: Moment) -> BreakerState {
        match (self.there, self.strikes) {
            (true, 0 | 1) => BreakerState::Closed,
            (true, _) if now >= self.resume => BreakerState::HalfOpen,
            _ => BreakerState::Open,
        }
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Why it is not closed.
    pub(super) fn why(&self) -> String {
        match self.strikes {
            0 | 1 => self.why.clone(),
            strikes => format!(
                "operations failed {strikes} times in a row, the last time: {}",
                self.why
            ),
        }
    }

    /// Whether an operation may be sent; if not, why.
    pub(super) fn admit(&mut self, now: Moment) -> Result<Ticket, String> {
        let term = self.term;
        match (self.state(now), self.probe) {
            (BreakerState::Closed, _) => Ok(Ticket { term, probe: None }),
            (BreakerState::HalfOpen, None) => {
                self.probes += 1;
                self.probe = Some(self.probes);
                let probe = self.probe;
                Ok(Ticket { term, probe })
            }
            (BreakerState::HalfOpen, Some(_)) => {
                Err(format!("one operation is tried first: {}", self.why()))
            }
            (BreakerState::Open, _) => Err(self.why()),
        }
    }

    /// The ticket of any operation while nothing is held against the store: then no clock is read.
    pub(super) fn calm(&self) -> Option<Ticket> {
        let calm = self.there && (self.strikes, self.hopes, self.probe) == (0, 0, None);
        let term = self.term;
        calm.then_some(Ticket { term, probe: None })
    }

    /// It was answered.
    pub(super) fn succeeded(&mut self, ticket: Ticket) {
        // After more than one failure an older one says nothing: it may have been answered long ago.
        if self.is_probe(ticket) || ticket.term == self.term || self.strikes < 2 {
            (self.strikes, self.hopes, self.probe) = (0, 0, None);
        }
    }

    /// It was not.
    pub(super) fn failed(&mut self, ticket: Ticket, why: &str, now: Moment, chance: f64) {
        let probe = self.is_probe(ticket);
        if probe {
            self.probe = None;
        }
        if probe || ticket.term > self.struck {
            self.struck = self.struck.max(ticket.term);
            self.strikes = self.strikes.saturating_add(1);
            why.clone_into(&mut self.why);
            if let Some(further) = self.strikes.checked_sub(2) {
                self.resume = now.after(pause(further, chance));
            }
        }
    }

    /// Nobody knows what became of it.
    pub(super) fn left(&mut self, ticket: Ticket) {
        if self.is_probe(ticket) {
            self.probe = None;
        }
    }

    /// Whether the store was in doubt since the operation began: what is there now was found to be
    /// good after that.
    pub(super) fn is_older(&self, ticket: Ticket) -> bool {
        ticket.term < self.term
    }

    /// There is nothing that could be used.
    pub(super) fn lost(&mut self, why: &str) {
        if self.there {
            self.there = false;
            self.term += 1;
        }
        if self.strikes < 2 {
            why.clone_into(&mut self.why);
        }
    }

    /// A heartbeat passed, or a connection was made to a store in this life. Another life than the
    /// last makes a pause shorter: to the first one, and to twice as much each time that this was
    /// in vain.
    pub(super) fn proven(&mut self, life: u64, now: Moment, chance: f64) {
        self.there = true;
        if self.life.replace(life).is_some_and(|last| last != life) && self.strikes >= 2 {
            self.resume = self.resume.min(now.after(pause(self.hopes, chance)));
            self.hopes = self.hopes.saturating_add(1);
        }
    }

    fn is_probe(&self, ticket: Ticket) -> bool {
        ticket.probe.is_some() && ticket.probe == self.probe
    }

    /// Does `work`, and says which state it led to if that is another one than before.
    pub(super) fn changed_by<R>(
        &mut self,
        now: Moment,
        work: impl FnOnce(&mut Self) -> R,
    ) -> (R, Option<BreakerState>) {
        let before = self.state(now);
        let done = work(self);
        let after = self.state(now);
        if before == after {
            return (done, None);
        }
        self.opened += u64::from(after == BreakerState::Open);
        (done, Some(after))
    }
}

/// How long the store is left alone. Never as long as for other processes.
fn pause(doubled: u32, chance: f64) -> Duration {
    let longest = FIRST_PAUSE
        .saturating_mul(1 << doubled.min(4))
        .min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// A [`Circuit`] that many use.
///
/// Its lock is held while connections are taken into use and out of it, so that both always say the
/// same. Nothing else is locked before it, and nothing waits under it.
#[derive(Debug)]
pub(crate) struct Breaker {
    circuit: Mutex<Circuit>,
    clock: Clock,
}

/// The right to send one operation. Dropped without an outcome, it leaves its place to another.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    ticket: Option<Ticket>,
}

impl Breaker {
    pub(crate) fn new(clock: Clock) -> Self {
        let circuit = Mutex::new(Circuit::new());
        Self { circuit, clock }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.with(|circuit, now| circuit.state(now))
    }

    /// How often it opened.
    pub(crate) fn opened(&self) -> u64 {
        self.with(|circuit, _| circuit.opened())
    }

    /// The state, and why it is not closed.
    pub(crate) fn trouble(&self) -> (BreakerState, String) {
        self.with(|circuit, now| (circuit.state(now), circuit.why()))
    }

    /// Whether an operation may be sent; if not, why.
    pub(crate) fn admit(&self) -> Result<Pass<'_>, String> {
        let ticket = match self.calm() {
            Some(ticket) => ticket,
            None => self.with(Circuit::admit)?,
        };
        let (breaker, ticket) = (self, Some(ticket));
        Ok(Pass { breaker, ticket })
    }

    /// What was proven is taken into use by `up`, which says whether it may be.
    pub(crate) fn proven(&self, life: u64, up: impl FnOnce() -> bool) -> bool {
        self.change(|circuit, now| {
            let up = up();
            if up {
                circuit.proven(life, now, fastrand::f64());
            }
            up
        })
    }

    /// `none_left` takes out of use what was lost, and says whether that was the last of it.
    pub(crate) fn lost(&self, why: &str, none_left: impl FnOnce() -> bool) {
        self.change(|circuit, _| {
            if none_left() {
                circuit.lost(why);
            }
        });
    }

    fn with<R>(&self, work: impl FnOnce(&mut Circuit, Moment) -> R) -> R {
        let mut circuit = self.circuit();
        // Under the lock, so that no one comes with a time from before the last change.
        work(&mut circuit, self.clock.now())
    }

    fn calm(&self) -> Option<Ticket> {
        self.circuit().calm()
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        let circuit = self.circuit.lock();
        circuit.unwrap_or_else(PoisonError::into_inner)
    }

    /// One line for each change, and none for what happens in between.
    fn change<R>(&self, work: impl FnOnce(&mut Circuit, Moment) -> R) -> R {
        let (done, change, why) = self.with(|circuit, now| {
            let (done, change) = circuit.changed_by(now, |circuit| work(circuit, now));
            (done, change, change.map(|_| circuit.why()))
        });
        let why = why.unwrap_or_default();
        match change {
            Some(BreakerState::Open) => tracing::warn!("the shared store is not used: {why}"),
            Some(BreakerState::Closed) => tracing::info!("the shared store is used again"),
            Some(BreakerState::HalfOpen) => tracing::debug!("the shared store is tried: {why}"),
            None => {}
        }
        done
    }
}

impl Pass<'_> {
    /// The store answered, if only to refuse.
    pub(crate) fn answered(mut self) {
        // Where all is calm, one more success is no news.
        if let Some(ticket) = self.ticket.take()
            && self.breaker.calm().is_none()
        {
            self.breaker.change(|circuit, _| circuit.succeeded(ticket));
        }
    }

    /// There was no answer, because it is `late` or for another reason. `take_out` takes what was
    /// used out of use, and says whether that was the last of it.
    pub(crate) fn failed(mut self, why: &str, late: bool, take_out: impl FnOnce() -> bool) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        self.breaker.change(|circuit, now| {
            let disproved = late && circuit.is_older(ticket);
            circuit.failed(ticket, why, now, fastrand::f64());
            if !disproved && take_out() {
                circuit.lost(why);
            }
        });
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.with(|circuit, _| circuit.left(ticket));
        }
    }
}
