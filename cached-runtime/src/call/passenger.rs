//! A caller who finds the load that it needs under way, and joins it at its first look.
//!
//! It writes down no key and makes no options: those of the load would do for it, too, should it
//! have to load by itself. That is so where processes share no store and where the calls of a
//! function with one key have one policy.

use std::fmt;
use std::ptr;
use std::sync::Arc;

use crate::cache::Cache;
use crate::flight::{Flight, Landing};
use crate::key::Ident;
use crate::local::{AnyEntry, Opened};
use crate::observe::Event;
use crate::outcome::Kind;
use crate::pause::Point;
use crate::site::Site;

use super::attempt::Attempt;
use super::found::{PATIENCE, Waited};
use super::look::Call;

pub(crate) struct Passenger {
    cache: Cache,
    flight: Arc<Flight>,
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
        if !function.is_steady() || cache.shared().is_some() || !cache.is_enabled() {
            return None;
        }
        let hash = key.hash().ok()?;
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
            cache: cache.clone(),
            flight,
        })
    }

    /// The answer of the load; or a call that goes on by what has become of it.
    pub(super) async fn wait(self, codec: &Kind) -> Result<Arc<AnyEntry>, Attempt> {
        let Self { cache, flight } = self;
        if let Some(stop) = cache.stop(Point::Waiting, &flight.about.key) {
            stop.await;
        }
        let waited = match flight.landing_within(PATIENCE).await {
            Some(Landing::Arrived(entry))
                if entry.is_current()
                    && cache.store().is_latest(&flight.about.cell, entry.start)
                    && codec.can_read(&entry) =>
            {
                flight.about.stats.count(Event::Joined);
                return Ok(entry);
            }
            Some(landing) => Waited::Landed(landing),
            None => Waited::Overdue(flight.start),
        };
        let call = Call::of_flight(&cache, &flight);
        Err(Attempt::having_waited(call, waited))
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
