//! Flights by key.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::Cache;
use crate::key::RawKey;
use crate::local::{AnyEntry, KeyCell};
use crate::observe::PrefixStats;
use crate::outcome::SharedError;
use crate::policy::AnyPolicy;
use crate::site::Site;
use crate::tags::{Number, TagCell};

use super::arrivals::{Announcer, Arrivals, Wait};

const SHARDS: usize = 32;

/// The loads that run now.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
}

/// By the hash of the key: two keys with one hash could only cost each other a load.
type Shard = HashMap<u64, Arc<Flight>, foldhash::fast::RandomState>;

/// A load on its way, as newcomers see it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) about: Manifest,
    /// The number at which the load began.
    pub(crate) start: Number,
    arrivals: Arc<Arrivals>,
}

/// What a load is about.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Whose load it is: who waits needs no count of its own on that.
    pub(crate) cache: Cache,
    pub(crate) key: RawKey,
    pub(crate) cell: Arc<KeyCell>,
    /// The tags that are known before the load.
    pub(crate) tags: Arc<[Arc<TagCell>]>,
    pub(crate) stats: Arc<PrefixStats>,
    pub(crate) policy: Arc<AnyPolicy>,
    /// The function that loads, if its calls with one key have one policy.
    pub(crate) function: Option<&'static Site>,
}

/// How a load ended, for those who waited.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// The value is proven: nothing it depends on was invalidated before it landed.
    Arrived(Arc<AnyEntry>),
    /// An invalidation came in between: start over.
    Overtaken,
    /// The body failed; the error, where it can be shared.
    Failed(Option<SharedError>),
    TimedOut,
    /// It was not tried, because the last try has failed: who has an older answer gives that.
    Rests,
    /// Its answer is for its leader only: whoever waits loads by itself.
    Unshared,
    /// The leader was dropped: whoever waits may be the next.
    Gone,
    /// The body panicked.
    Panicked,
}

/// What a caller is told when it boards.
#[derive(Debug)]
pub(crate) enum Boarding {
    Lead(Leader),
    Join(Ticket),
}

/// Loads for everybody. Dropped before it lands, it lands as [`Landing::Gone`].
#[derive(Debug)]
pub(crate) struct Leader {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    announcer: Announcer,
}

/// Waits for a landing.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The number of the flight.
    pub(crate) start: Number,
    pub(super) arrivals: Arc<Arrivals>,
}

impl Flights {
    /// Joins the flight of a key if there is one that is still `current`; else leads a new one,
    /// which takes the old one's place for all who come later. `start` is drawn under the lock:
    /// whoever joins arrived after it.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: &RawKey,
        about: impl FnOnce() -> Manifest,
        start: impl FnOnce() -> Number,
        current: impl FnOnce(&Flight) -> bool,
    ) -> Boarding {
        let mut shard = self.shard(key.hash());
        let slot = shard.entry(key.hash());
        if let Slot::Occupied(flight) = &slot
            && flight.get().about.key == *key
            && current(flight.get())
        {
            return Boarding::Join(flight.get().ticket());
        }
        let (announcer, arrivals) = Announcer::new();
        let flight = Arc::new(Flight {
            about: about(),
            start: start(),
            arrivals,
        });
        slot.insert_entry(Arc::clone(&flight));
        Boarding::Lead(Leader {
            flights: Arc::clone(self),
            flight,
            announcer,
        })
    }

    /// The flight of a key that need not be written down, if there is one to `join`.
    pub(crate) fn find(
        &self,
        hash: u64,
        join: impl FnOnce(&Flight) -> bool,
    ) -> Option<Arc<Flight>> {
        let shard = self.shard(hash);
        shard.get(&hash).filter(|flight| join(flight)).cloned()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // Other bits than the maps inside take.
        let index = (hash >> 32) as usize % SHARDS;
        lock(&self.shards[index])
    }
}

impl Flight {
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket {
            start: self.start,
            arrivals: Arc::clone(&self.arrivals),
        }
    }

    /// Whether no tag that is known of it was invalidated since it began.
    pub(crate) fn is_unbroken(&self) -> bool {
        let mut tags = self.about.tags.iter();
        tags.all(|tag| tag.unbroken_since(self.start))
    }
}

impl AsRef<Arrivals> for Flight {
    fn as_ref(&self) -> &Arrivals {
        &self.arrivals
    }
}

impl Leader {
    /// The number at which the load began.
    pub(crate) fn start(&self) -> Number {
        self.flight.start
    }

    /// Nobody can join any more.
    ///
    /// In a process by itself it is called after the value was stored: a newcomer finds the flight
    /// or the value, so it never loads once more what has just been loaded. Where a store has to
    /// prove the value, it is called before the store is asked: what is proven then is so for all
    /// who joined. Newcomers ask the store themselves.
    pub(crate) fn close(&self) {
        let hash = self.flight.about.key.hash();
        let mut shard = self.flights.shard(hash);
        if shard
            .get(&hash)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            shard.remove(&hash);
        }
    }

    /// The body has ended.
    pub(crate) fn loaded(&self) {
        self.announcer.loaded();
    }

    /// Ends the flight.
    pub(crate) fn land(self, landing: Landing) {
        self.close();
        self.announcer.tell(landing);
    }
}

/// Nobody joins it any more, and then those who wait are told.
impl Drop for Leader {
    fn drop(&mut self) {
        self.close();
    }
}

impl Ticket {
    /// Asks, at any time, whether the body has ended.
    pub(crate) fn is_loaded(&self) -> impl Fn() -> bool + use<> {
        let arrivals = Arc::clone(&self.arrivals);
        move || arrivals.is_loaded()
    }

    pub(crate) async fn landing(self) -> Landing {
        // Without patience it is waited for until it is there.
        Wait::new(self.arrivals, None)
            .await
            .unwrap_or(Landing::Gone)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
