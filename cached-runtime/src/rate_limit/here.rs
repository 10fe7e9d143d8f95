//! The buckets of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Moment;
use crate::remote::{Drawn, Level, Pace};

const BAYS: usize = 16;
/// Of one bay: 65,536 in all, some megabytes.
const MOST: usize = 4_096;
/// What a bay holds before it is first looked for what is full again.
const FEW: usize = 64;

/// Which bucket: part of a digest of its names.
pub(super) type BucketId = [u8; 16];

/// What is known of the buckets that are not full, all limiters of one cache together. Where there are
/// too many, those are forgotten that would be full soonest: they lose least by it.
#[derive(Debug)]
pub(crate) struct Buckets {
    bays: [Mutex<Bay>; BAYS],
    most: usize,
}

#[derive(Debug)]
struct Bay {
    levels: HashMap<BucketId, Kept>,
    /// With so many it is looked for what is full again.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    level: Level,
    full_at: u64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Buckets {
    /// With room for so many in each bay.
    pub(super) fn of(most: usize) -> Self {
        let bay = || Bay {
            levels: HashMap::new(),
            sweep_at: FEW.min(most),
        };
        Self {
            bays: std::array::from_fn(|_| Mutex::new(bay())),
            most,
        }
    }

    /// What this process alone decides.
    pub(super) fn draw(&self, id: &BucketId, pace: Pace, parts: u64, now: Moment) -> Drawn {
        let now = micros(now);
        let mut bay = self.bay(id);
        let level = bay.levels.get(id).map(|kept| kept.level);
        let (drawn, level) = pace.draw(level, parts, now);
        if let Some(level) = level {
            bay.keep(id, pace, level, now, self.most);
        }
        drawn
    }

    /// What the store said is missing, so that a store that goes away leaves no full buckets behind. Answers
    /// may overtake each other: the one that leaves less holds.
    pub(super) fn learn(&self, id: &BucketId, pace: Pace, missing: u64, now: Moment) {
        let now = micros(now);
        let mut bay = self.bay(id);
        let level = bay.levels.get(id).map(|kept| kept.level);
        let missing = missing.max(pace.missing(level, now));
        if missing > 0 {
            let level = Level {
                token: pace.token,
                missing,
                at: now,
            };
            bay.keep(id, pace, level, now, self.most);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let bays = self.bays.iter();
        bays.map(|bay| bay.lock().unwrap().levels.len()).sum()
    }

    fn bay(&self, id: &BucketId) -> MutexGuard<'_, Bay> {
        let bay = &self.bays[usize::from(id[0]) % BAYS];
        bay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bay {
    fn keep(&mut self, id: &BucketId, pace: Pace, level: Level, now: u64, most: usize) {
        let full_at = now.saturating_add(pace.time_for(level.missing));
        self.levels.insert(*id, Kept { level, full_at });
        if self.levels.len() <= self.sweep_at {
            return;
        }
        self.levels.retain(|_, kept| kept.full_at > now);
        if self.levels.len() > most {
            // An eighth at once, so that this is not done for each new one.
            let mut ends: Vec<_> = self.levels.values().map(|kept| kept.full_at).collect();
            let (_, &mut end, _) = ends.select_nth_unstable(most / 8);
            self.levels.retain(|_, kept| kept.full_at > end);
        }
        self.sweep_at = (self.levels.len() * 2).clamp(FEW.min(most), most);
    }
}

fn micros(moment: Moment) -> u64 {
    let since = moment.since(Moment::FIRST).as_micros();
    u64::try_from(since).unwrap_or(u64::MAX)
}
