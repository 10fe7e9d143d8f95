//! A caller who finds the load that it needs under way, and joins it at its first look.
//!
//! It writes down no key and makes no options: those of the load would do for it, too, should it
//! have to load by itself. That is so where processes share no store and where the calls of a
//! function with one key have one policy.

use std::fmt;
use std::ptr;
use std::task::{Context, Poll, ready};

use crate::cache::Cache;
use crate::flight::{Flight, Landing, Wait};
use crate::key::Ident;
use crate::local::{AnyEntry, Opened};
use crate::nesting;
use crate::observe::Event;
use crate::pause::{Point, Stop};
use crate::site::Site;

use super::attempt::Attempt;
use super::found::{PATIENCE, Waited};
use super::look::Call;

pub(super) struct Passenger {
    stop: Option<Stop>,
    wait: Wait<Flight>,
}

impl Passenger {
    /// Joins what `function` loads for this key, if nothing here could be given instead. A write that
    /// is under way has broken what it concerns, and its load began before that.
    pub(super) fn board<I: Ident>(
        function: &'static Site,
        cache: &Cache,
        key: &I,
        store: &Opened<'_>,
    ) -> Option<Self> {
        if cache.shared().is_some() || !cache.is_enabled() {
            return None;
        }
        let hash = key.hash().ok()?;
        if nesting::is_inside(cache, hash) {
            return None;
        }
        let found = store.peek(key, hash);
        let flight = cache.flights().find(hash, |flight| {
            let about = &flight.about;
            let is_it =
                |other: &Site| ptr::eq(function, other) && key.goes_on_with(about.key.rest());
            about.function.is_some_and(is_it)
                && found.is_none_or(|found| of_no_use(cache, flight, found))
                && cache.store().is_latest(&about.cell, flight.start)
                && flight.is_unbroken()
        })?;
        flight.about.stats.count(Event::Miss);
        Some(Self {
            stop: cache.stop(Point::Waiting, &flight.about.key),
            wait: Wait::new(flight, Some(PATIENCE)),
        })
    }

    /// Ready when the load has ended, or was waited for long enough.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(stop) = &mut self.stop {
            ready!(stop.as_mut().poll(context));
            self.stop = None;
        }
        self.wait.poll_over(context)
    }

    /// Then: the answer of the load, if that has one that nothing has come over since.
    pub(super) fn answer(&self) -> Option<&AnyEntry> {
        let about = &self.wait.at().about;
        let Some(Landing::Arrived(entry)) = self.wait.landing() else {
            return None;
        };
        let store = about.cache.store();
        let proven = store.is_still_current(entry) && about.cell.is_latest(entry.start);
        proven.then_some(entry)
    }

    /// It was this caller's.
    pub(super) fn was_answered(&self) {
        self.wait.at().about.stats.count(Event::Joined);
    }

    /// A call that goes on by what has become of the load.
    pub(super) fn go_on(self) -> Attempt {
        let flight = self.wait.at();
        let waited = match self.wait.landing() {
            Some(landing) => Waited::Landed(landing.clone()),
            None => Waited::Overdue(flight.start),
        };
        Attempt::having_waited(Call::of_flight(flight), waited)
    }
}

/// Whether an entry cannot be an answer, now or while its successor is loaded.
fn of_no_use(cache: &Cache, flight: &Flight, found: &AnyEntry) -> bool {
    let windows = flight.about.policy.options.windows;
    windows.longest().is_zero()
        && !(found.life().is_fresh(cache.clock().now()) && cache.store().is_current(found))
}

impl fmt::Debug for Passenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passenger").finish_non_exhaustive()
    }
}
