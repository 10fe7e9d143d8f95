//! Floors: what no read may fall below, from when on, and for whom.
//!
//! When an invalidation has returned `Ok`, the versions that were committed before it began are floors of the rows
//! it names: for its own instance and for answers that the store confirmed from that moment on, for copies in other
//! instances a window later, unless it waited for that. One that is `Pending` is a floor for its own instance. A soft
//! one is none for stale answers until its time is over.

use std::sync::Mutex;
use std::time::Duration;

use super::kinds::{Row, WINDOW};

/// Floors that are older than this hold for everybody.
const SETTLED: Duration = Duration::from_secs(30);

/// Who invalidated, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raise {
    pub(super) instance: usize,
    /// Whether it returned `Ok`.
    pub(super) done: bool,
    /// Whether it waited until nobody is behind.
    pub(super) settled: bool,
    /// For how long stale answers may be older.
    pub(super) soft: Duration,
}

/// Who reads, and what kind of answer it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) instance: usize,
    /// Whether it may rest on a copy that was not confirmed.
    pub(super) behind: bool,
    pub(super) stale: bool,
}

#[derive(Debug)]
pub(super) struct Floors(Vec<Mutex<Floor>>);

#[derive(Debug, Default)]
struct Floor {
    for_all: u64,
    for_one: [u64; super::INSTANCES],
    recent: Vec<(Duration, u64, Raise)>,
}

impl Floors {
    pub(super) fn new() -> Self {
        Self((0..Row::COUNT).map(|_| Mutex::default()).collect())
    }

    pub(super) fn raise(&self, rows: &[(Row, u64)], at: Duration, raise: Raise) {
        for &(row, version) in rows {
            let mut floor = self.of(row);
            floor.recent.push((at, version, raise));
            if floor.recent.len().is_multiple_of(64) {
                floor.settle(at);
            }
        }
    }

    /// For a reader who began at this time.
    pub(super) fn floor(&self, row: Row, at: Duration, view: View) -> u64 {
        let floor = self.of(row);
        let in_force = |(since, _, raise): &&(Duration, u64, Raise)| {
            let here = raise.instance == view.instance;
            let lags = if here || raise.settled || !view.behind {
                Duration::ZERO
            } else {
                WINDOW
            };
            // The store's own timer ends a soft window, and who trusts a copy hears of it later.
            let spared = view.stale && !raise.soft.is_zero() && at < *since + raise.soft + WINDOW;
            (here || raise.done) && *since + lags < at && !spared
        };
        let recent = floor.recent.iter().filter(in_force);
        let recent = recent.map(|(_, version, _)| *version).max();
        let own = floor.for_one[view.instance];
        recent.unwrap_or_default().max(own).max(floor.for_all)
    }

    fn of(&self, row: Row) -> std::sync::MutexGuard<'_, Floor> {
        self.0[row.index()].lock().expect("no panic")
    }
}

impl Floor {
    fn settle(&mut self, now: Duration) {
        let (for_all, for_one) = (&mut self.for_all, &mut self.for_one);
        self.recent.retain(|&(since, version, raise)| {
            if since + SETTLED > now {
                return true;
            }
            let floor = if raise.done {
                &mut *for_all
            } else {
                &mut for_one[raise.instance]
            };
            *floor = version.max(*floor);
            false
        });
    }
}
