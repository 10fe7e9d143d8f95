//! Flights by key.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::key::RawKey;
use crate::local::AnyEntry;
use crate::outcome::SharedError;
use crate::tags::{Number, TagCell};

const SHARDS: usize = 32;

/// The loads that run now.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
}

type Shard = HashMap<RawKey, Flight>;

/// A load on its way, as newcomers see it.
#[derive(Debug)]
pub(crate) struct Flight {
    /// The number at which the load began.
    pub(crate) start: Number,
    /// The tags that are known before the load.
    pub(crate) tags: Arc<[Arc<TagCell>]>,
    landing: watch::Receiver<Landing>,
}

/// How a load ended, for those who waited.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    Aloft,
    /// The body has ended in time, and the store is asked what may become of its answer.
    Loaded,
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

impl Landing {
    /// Whether nothing else will come.
    fn is_over(&self) -> bool {
        !matches!(self, Self::Aloft | Self::Loaded)
    }
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
    key: RawKey,
    pub(crate) start: Number,
    landing: watch::Sender<Landing>,
}

/// Waits for a landing.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The number of the flight.
    pub(crate) start: Number,
    pub(super) landing: watch::Receiver<Landing>,
}

impl Flights {
    /// Joins the flight of a key if there is one that is still `current`; else leads a new one,
    /// which takes the old one's place for all who come later. `start` is drawn under the lock:
    /// whoever joins arrived after it.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: &RawKey,
        tags: &Arc<[Arc<TagCell>]>,
        start: impl FnOnce() -> Number,
        current: impl FnOnce(&Flight) -> bool,
    ) -> Boarding {
        let mut shard = self.shard(key);
        let slot = shard.entry(key.clone());
        if let Slot::Occupied(flight) = &slot
            && current(flight.get())
        {
            let Flight { start, landing, .. } = flight.get();
            return Boarding::Join(Ticket {
                start: *start,
                landing: landing.clone(),
            });
        }
        let start = start();
        let (sender, landing) = watch::channel(Landing::Aloft);
        let flight = Flight {
            start,
            tags: Arc::clone(tags),
            landing,
        };
        slot.insert_entry(flight);
        let flights = Arc::clone(self);
        Boarding::Lead(Leader {
            flights,
            key: key.clone(),
            start,
            landing: sender,
        })
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: &RawKey) -> MutexGuard<'_, Shard> {
        // Other bits than the maps inside take.
        let index = (key.hash() >> 32) as usize % SHARDS;
        lock(&self.shards[index])
    }
}

impl Leader {
    /// Nobody can join any more.
    ///
    /// In a process by itself it is called after the value was stored: a newcomer finds the flight
    /// or the value, so it never loads once more what has just been loaded. Where a store has to
    /// prove the value, it is called before the store is asked: what is proven then is so for all
    /// who joined. Newcomers ask the store themselves.
    pub(crate) fn close(&self) {
        let mut shard = self.flights.shard(&self.key);
        if shard
            .get(&self.key)
            .is_some_and(|flight| flight.start == self.start)
        {
            shard.remove(&self.key);
        }
    }

    /// The body has ended.
    pub(crate) fn loaded(&self) {
        self.landing.send_replace(Landing::Loaded);
    }

    /// Ends the flight.
    pub(crate) fn land(self, landing: Landing) {
        self.close();
        self.landing.send_replace(landing);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.close();
        self.landing.send_if_modified(|landing| {
            let unfinished = !landing.is_over();
            if unfinished {
                let panicked = std::thread::panicking();
                *landing = if panicked {
                    Landing::Panicked
                } else {
                    Landing::Gone
                };
            }
            unfinished
        });
    }
}

impl Ticket {
    /// Asks, at any time, whether the body has ended.
    pub(crate) fn is_loaded(&self) -> impl Fn() -> bool + use<> {
        let landing = self.landing.clone();
        move || !matches!(*landing.borrow(), Landing::Aloft)
    }

    pub(crate) async fn landing(mut self) -> Landing {
        // The sender never goes without a word; `Gone` is only what would be true if it did.
        match self.landing.wait_for(Landing::is_over).await {
            Ok(landing) => landing.clone(),
            Err(_) => Landing::Gone,
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
