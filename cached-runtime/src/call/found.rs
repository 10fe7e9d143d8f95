//! The decisions of a call between look and load.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::background::{NotSpawned, Permit, within};
use crate::clock::Moment;
use crate::error::LoadTimeout;
use crate::flight::{Boarding, Landing, Leader, Ticket};
use crate::freshness::Early;
use crate::local::AnyEntry;
use crate::mode::{Mode, Outcome, Report, Tier};
use crate::observe::Event;
use crate::outcome::Kind;
use crate::pause::Point;
use crate::policy::SingleFlight;
use crate::tags::Number;

use super::Call;
use super::given::{Given, Stored};
use super::look::Errand;
use super::meet::Access;

/// So long a caller waits for another's load; then it leads one of its own, which the others join.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the call does first.
pub(super) enum Open {
    /// Give this and be done.
    Answer(Arc<AnyEntry>),
    /// Give this and refresh it, behind the call where that is possible.
    Behind(Arc<AnyEntry>),
    /// Still fresh, but this caller has drawn the lot to load again.
    Early(Arc<AnyEntry>),
    /// Run the body and leave the cache alone.
    Alone,
    /// Run the body for this caller: nothing may be read, joined or stored.
    Unshared,
    Load,
}

/// What a caller that needs a load does next.
pub(super) enum Turn {
    /// Load; a leader does so for all who wait.
    Load(Option<Leader>),
    Wait(Ticket),
}

/// What a caller sees who waits.
pub(super) enum Waited {
    Landed(Landing),
    /// The soft time-out has passed, and there is something to give.
    Answer(Given),
    /// A leader that nobody polls must not hold the others up for ever: this flight is not waited
    /// for again.
    Overdue(Number),
}

/// What a landing is for a caller who waited for it.
pub(super) enum Joined {
    Answer(Given),
    /// The load ended without an answer for this caller: an attempt of its own, at once.
    LoadAlone,
    /// The leader went away or did not load: somebody takes over.
    Again,
    /// An invalidation came in between, or the body panicked.
    InVain,
}

impl Call {
    pub(super) fn open(&self) -> Open {
        if self.mode.bypass || !self.cache.is_enabled() {
            return Open::Alone;
        }
        if matches!(self.access, Access::Blind) {
            self.count(Event::Miss);
            return Open::Unshared;
        }
        let Some(found) = self.found.as_ref().filter(|_| !self.mode.refresh) else {
            self.count(Event::Miss);
            return Open::Load;
        };
        let (now, options) = (self.cache.clock().now(), &self.subject.policy.options);
        let found = Arc::clone(found);
        if self.is_fresh(&found, now) {
            let chance = fastrand::f64();
            return match options.early {
                Some(early) if early.due(&found.life(), found.cost(), now, chance) => match early {
                    _ if self.rests(&found) => Open::Answer(found),
                    Early::Ahead(_) => Open::Behind(found),
                    Early::Chance { .. } => Open::Early(found),
                },
                _ => Open::Answer(found),
            };
        }
        if self.fallback().is_some() && self.rests(&found) {
            return Open::Answer(found);
        }
        let window = options.windows.while_revalidate;
        if !window.is_zero() && found.life().within(window, now) {
            return Open::Behind(found);
        }
        self.count(Event::Miss);
        Open::Load
    }

    /// The answer that was found, as it stands now.
    pub(super) fn answer(&self, found: &Arc<AnyEntry>) -> Given {
        let now = self.cache.clock().now();
        let (event, outcome) = match (self.is_fresh(found, now), found.is_negative()) {
            (false, _) => (Event::Stale, Outcome::Stale),
            (true, true) => (Event::Negative, Outcome::Negative),
            (true, false) => (Event::Hit, Outcome::Hit),
        };
        found.mark_used();
        if self.errand != Errand::Behind {
            self.count(event);
            if self.tier == Tier::Remote {
                self.count(Event::RemoteHit);
            }
        }
        self.mode
            .report
            .report(|| Report::found(outcome, self.tier, now.since(found.life().born)));
        Given::Entry(Arc::clone(found))
    }

    /// An answer came from the store as it is there; or, if it is not `readable`, did not.
    pub(super) fn was_given(&mut self, stored: &Stored, readable: bool) {
        if !readable {
            // It is counted then, if it is still there.
            self.reads_closely = true;
            return;
        }
        let (event, outcome) = if stored.is_negative() {
            (Event::Negative, Outcome::Negative)
        } else {
            (Event::Hit, Outcome::Hit)
        };
        self.count(event);
        self.count(Event::RemoteHit);
        let age = || self.cache.clock().now().since(stored.born);
        let report = || Report::found(outcome, Tier::Remote, age());
        self.mode.report.report(report);
    }

    /// The same for an answer that was waited for.
    pub(super) fn joined_answer(&self, entry: &Arc<AnyEntry>) -> Given {
        self.count(Event::Joined);
        self.mode.report.report(|| Report::loaded(Outcome::Joined));
        Given::Entry(Arc::clone(entry))
    }

    /// Leads a load that nobody has to wait for; `None` where one runs or has just landed.
    pub(super) fn lead_only(&self, codec: &Kind) -> Option<Leader> {
        match self.board_flight(None) {
            Boarding::Join(_) => None,
            Boarding::Lead(leader) => self.landed_meanwhile(codec, Some(leader)).err().flatten(),
        }
    }

    pub(super) fn board(&self, overdue: Option<Number>) -> Turn {
        if self.subject.policy.options.single_flight == SingleFlight::Off {
            return Turn::Load(None);
        }
        match self.board_flight(overdue) {
            Boarding::Lead(leader) => Turn::Load(Some(leader)),
            Boarding::Join(ticket) => Turn::Wait(ticket),
        }
    }

    /// `overdue` names a flight that was waited for long enough.
    fn board_flight(&self, overdue: Option<Number>) -> Boarding {
        let (store, sequence) = (self.cache.store(), self.cache.sequence());
        let subject = &self.subject;
        // Held from before the number is drawn.
        subject.tags(&self.cache);
        subject.cell(&self.cache);
        if self.mode.refresh {
            // Loads that run already may still be joined by those who wait, but not be stored.
            store.supersede(subject.cell(&self.cache), sequence.next());
        }
        let about = || subject.manifest(&self.cache, self.function);
        let start = || sequence.next();
        let flights = self.cache.flights();
        flights.board(&subject.key, about, start, |flight| {
            !self.mode.refresh
                && overdue != Some(flight.start)
                && subject.is_latest(&self.cache, flight.start)
                && flight.is_unbroken()
        })
    }

    /// A flight that landed between this call's look and its boarding left a value: given to all
    /// who boarded since, instead of a second load.
    pub(super) fn landed_meanwhile(
        &self,
        codec: &Kind,
        leader: Option<Leader>,
    ) -> Result<Arc<AnyEntry>, Option<Leader>> {
        let Some(leader) = leader else {
            return Err(None);
        };
        if self.mode.refresh || self.cache.shared().is_some() {
            // What another process or another flight stored, the claim of the lease finds.
            return Err(Some(leader));
        }
        let before = self.found.as_ref().map_or(0, |found| found.start);
        let now = self.cache.clock().now();
        let landed = self
            .cache
            .store()
            .find(&self.subject.key)
            .filter(|entry| entry.start > before && entry.life().is_fresh(now))
            .filter(|entry| codec.can_read(entry));
        match landed {
            Some(entry) => {
                leader.land(Landing::Arrived(Arc::clone(&entry)));
                Ok(entry)
            }
            None => Err(Some(leader)),
        }
    }

    /// Waits for another caller's load, no longer than this caller would wait for its own.
    pub(super) async fn wait(&self, codec: &Kind, ticket: Ticket) -> Waited {
        self.cache.pause(Point::Waiting, &self.subject.key).await;
        let (start, is_loaded) = (ticket.start, ticket.is_loaded());
        let mut landing = pin!(ticket.landing());
        let options = &self.subject.policy.options;
        if let Some(limit) = options.soft_timeout.filter(|_| self.fallback().is_some()) {
            if let Some(landing) = within(limit, landing.as_mut()).await {
                return Waited::Landed(landing);
            }
            if let Some(stale) = self.fall_back() {
                return Waited::Answer(stale);
            }
        }
        let patience = match self.access {
            // The leader itself may have to wait, for a load of another process.
            Access::Seen(_) => PATIENCE.saturating_add(options.lease_wait),
            Access::Apart | Access::Unasked | Access::Blind => PATIENCE,
        };
        let own_limit = options.load_timeout.filter(|limit| *limit <= patience);
        if let Some(limit) = own_limit.filter(|_| self.may_cut(codec)) {
            if let Some(landing) = within(limit, landing.as_mut()).await {
                return Waited::Landed(landing);
            }
            // A load that was in time has not failed because the store is not.
            if self.fallback().is_some() || (self.may_cut(codec) && !is_loaded()) {
                return Waited::Landed(Landing::TimedOut);
            }
        }
        match within(patience, landing).await {
            Some(landing) => Waited::Landed(landing),
            None => Waited::Overdue(start),
        }
    }

    pub(super) fn joined(&self, codec: &Kind, landing: Landing) -> Joined {
        let answer = match landing {
            Landing::Arrived(entry) => {
                // Read again after this caller boarded: tags that were known only after the load
                // may have been invalidated before it came.
                let proven = entry.is_current() && self.subject.is_latest(&self.cache, entry.start);
                if !proven {
                    return Joined::InVain;
                }
                if !codec.can_read(&entry) {
                    return Joined::LoadAlone;
                }
                Some(Given::Entry(entry))
            }
            Landing::Failed(error) => {
                if let Some(stale) = self.fallback_answer() {
                    return Joined::Answer(stale);
                }
                error
                    .filter(|error| codec.can_revive(error))
                    .map(Given::Failed)
            }
            Landing::TimedOut => {
                if let Some(stale) = self.fallback_answer() {
                    return Joined::Answer(stale);
                }
                let limit = self.subject.policy.options.load_timeout.unwrap_or_default();
                codec
                    .can_time_out
                    .then(|| Given::TimedOut(LoadTimeout::new(limit)))
            }
            Landing::Rests => {
                let stale = self.fallback_answer();
                return stale.map_or(Joined::Again, Joined::Answer);
            }
            Landing::Unshared => return Joined::LoadAlone,
            Landing::Gone => return Joined::Again,
            Landing::Overtaken | Landing::Panicked => return Joined::InVain,
        };
        let Some(answer) = answer else {
            return Joined::LoadAlone;
        };
        self.count(Event::Joined);
        self.mode.report.report(|| Report::loaded(Outcome::Joined));
        Joined::Answer(answer)
    }

    /// What was found, if it needs neither a window nor a refresh.
    pub(super) fn fresh(&self) -> Option<Arc<AnyEntry>> {
        let found = self.found.as_ref().filter(|_| !self.mode.refresh);
        let now = self.cache.clock().now();
        found.filter(|found| self.is_fresh(found, now)).cloned()
    }

    fn is_fresh(&self, found: &AnyEntry, now: Moment) -> bool {
        !self.softly && found.life().is_fresh(now)
    }

    pub(super) fn is_refresh(&self) -> bool {
        self.errand != Errand::Answer
    }

    pub(super) fn background_permit(&self) -> Result<Permit, NotSpawned> {
        self.cache.background().permit()
    }

    /// The part of the call that runs behind it: its report has been given.
    pub(super) fn behind(&self) -> Self {
        self.count(Event::Refresh);
        Self {
            mode: Mode::default(),
            errand: Errand::Behind,
            ..self.clone()
        }
    }

    pub(super) fn count(&self, event: Event) {
        self.subject.stats.count(event);
    }
}
