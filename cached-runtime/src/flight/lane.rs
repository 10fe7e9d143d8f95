//! Loads whose answers cannot be proven to anybody: one at a time per key.
//!
//! Without the store nobody knows what was invalidated elsewhere, so a load that runs is of no use
//! to those who come later. One that has *not begun* is: what it reads, it reads after they came.
//! So for each key one load runs, and all who come meanwhile share the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::arrivals::{Announcer, Arrivals};
use super::{Landing, Ticket};
use crate::background::within;
use crate::key::RawKey;

const SHARDS: usize = 32;

/// The lanes of the keys that are loaded now. Memory follows their number.
#[derive(Debug, Default)]
pub(crate) struct Lanes([Mutex<Shard>; SHARDS]);

type Shard = HashMap<RawKey, Arc<Lane>>;

#[derive(Debug, Default)]
struct Lane {
    /// Held by the load that runs.
    running: Arc<AsyncMutex<()>>,
    /// The load that waits for it.
    next: Mutex<Option<Arc<Arrivals>>>,
}

/// What a caller is told.
#[derive(Debug)]
pub(crate) enum Seat {
    /// Share the load that begins next.
    Share(Ticket),
    /// Lead it, as soon as the running one has ended.
    Lead(NextUp),
}

/// A load that has not begun.
#[derive(Debug)]
pub(crate) struct NextUp {
    place: Place,
    announcer: Option<Announcer>,
}

/// A load that runs. Dropped before it has landed, it lands as [`Landing::Gone`].
#[derive(Debug)]
pub(crate) struct Running {
    announcer: Announcer,
    /// In this order: the next may begin, then the lane may go.
    _turn: OwnedMutexGuard<()>,
    _place: Place,
}

/// A lane that somebody is in. It goes with the last one.
#[derive(Debug)]
struct Place {
    lanes: Arc<Lanes>,
    key: RawKey,
    lane: Arc<Lane>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shard = self.lanes.shard(&self.key);
        // Taken and let go under this lock only, so the count is exact: one is the map's.
        self.lane = Arc::default();
        let empty = shard
            .get(&self.key)
            .is_some_and(|lane| Arc::strong_count(lane) == 1);
        if empty {
            shard.remove(&self.key);
        }
    }
}

impl Lanes {
    pub(crate) fn board(self: &Arc<Self>, key: &RawKey) -> Seat {
        let place = self.place(key);
        let mut next = lock(&place.lane.next);
        if let Some(arrivals) = &*next {
            let arrivals = Arc::clone(arrivals);
            return Seat::Share(Ticket { start: 0, arrivals });
        }
        let (announcer, arrivals) = Announcer::new();
        *next = Some(arrivals);
        drop(next);
        Seat::Lead(NextUp {
            place,
            announcer: Some(announcer),
        })
    }

    fn place(self: &Arc<Self>, key: &RawKey) -> Place {
        let mut shard = self.shard(key);
        Place {
            lanes: Arc::clone(self),
            key: key.clone(),
            lane: Arc::clone(shard.entry(key.clone()).or_default()),
        }
    }

    fn shard(&self, key: &RawKey) -> MutexGuard<'_, Shard> {
        // Other bits than the maps inside take.
        lock(&self.0[(key.hash() >> 32) as usize % SHARDS])
    }
}

impl NextUp {
    /// Waits for its turn, no longer than `limit`. Once it has come nobody can join; without one,
    /// whoever joined boards again.
    pub(crate) async fn begin(mut self, limit: Duration) -> Option<Running> {
        let running = Arc::clone(&self.place.lane.running);
        let turn = within(limit, running.lock_owned()).await?;
        let announcer = self.announcer.take()?;
        *lock(&self.place.lane.next) = None;
        // The lane is there as long as this place is.
        let place = self.place.lanes.place(&self.place.key);
        Some(Running {
            announcer,
            _turn: turn,
            _place: place,
        })
    }
}

impl Drop for NextUp {
    fn drop(&mut self) {
        if self.announcer.is_some() {
            *lock(&self.place.lane.next) = None;
        }
    }
}

impl Running {
    pub(crate) fn land(self, landing: Landing) {
        self.announcer.tell(landing);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn key() -> RawKey {
        RawKey::of_prefix("k")
    }

    fn lead(lanes: &Arc<Lanes>) -> NextUp {
        match lanes.board(&key()) {
            Seat::Lead(next) => next,
            Seat::Share(_) => panic!("another one has not begun"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_runs_is_not_joined_and_the_next_one_is() {
        let lanes = Arc::new(Lanes::default());
        let first = lead(&lanes).begin(SOON).await.expect("nothing runs");
        let next = lead(&lanes);
        let Seat::Share(ticket) = lanes.board(&key()) else {
            panic!("the next has not begun");
        };
        first.land(Landing::TimedOut);
        let next = next.begin(SOON).await.expect("the first has ended");
        drop(lead(&lanes));
        next.land(Landing::Overtaken);
        assert!(matches!(ticket.landing().await, Landing::Overtaken));
        assert!(lanes.0.iter().all(|shard| lock(shard).is_empty()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_before_its_turn_holds_nobody_up() {
        let lanes = Arc::new(Lanes::default());
        let first = lead(&lanes);
        let Seat::Share(ticket) = lanes.board(&key()) else {
            panic!("it has not begun");
        };
        drop(first);
        assert!(matches!(ticket.landing().await, Landing::Gone));
        let running = lead(&lanes).begin(SOON).await;
        // A load that nobody polls: the next one does not wait for ever.
        assert!(lead(&lanes).begin(SOON).await.is_none());
        drop(running);
        assert!(lead(&lanes).begin(SOON).await.is_some());
        assert!(lanes.0.iter().all(|shard| lock(shard).is_empty()));
    }
}
