//! What happens to a key while loads of it run.

use std::collections::HashMap;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::clock::Moment;
use crate::key::RawKey;
use crate::tags::Number;

const SHARDS: usize = 16;
const FIRST_PRUNE: usize = 64;

/// Held by every load of a key, from before its number is drawn. A key that nobody holds needs
/// none: what is stored is removed, and a load that begins later is newer.
#[derive(Debug, Default)]
pub(crate) struct KeyCell {
    invalidated: AtomicU64,
    /// A `put` or a refresh began, which loads that run already must not overwrite.
    superseded: AtomicU64,
}

impl KeyCell {
    pub(crate) fn unbroken_since(&self, start: Number) -> bool {
        self.invalidated.load(Acquire) < start
    }

    /// Whether a load that began at `start` is still the one to join and to store.
    pub(crate) fn is_latest(&self, start: Number) -> bool {
        self.unbroken_since(start) && self.superseded.load(Acquire) < start
    }

    /// When it was last invalidated: unchanged between two readings, nothing came in between.
    pub(crate) fn invalidated(&self) -> Number {
        self.invalidated.load(Acquire)
    }

    pub(super) fn invalidate(&self, number: Number) {
        self.invalidated.fetch_max(number, Release);
    }

    pub(super) fn supersede(&self, number: Number) {
        self.superseded.fetch_max(number, Release);
    }
}

/// The keys whose sources lag, by hash, and until when.
#[derive(Debug, Default)]
pub(super) struct Lagging {
    /// Whether there was ever one.
    any: AtomicBool,
    keys: Mutex<LaggingKeys>,
}

#[derive(Debug)]
struct LaggingKeys {
    until: HashMap<u64, Moment>,
    /// The last end that was forgotten: counts for loads of all keys that began before it.
    floor: Moment,
    prune_at: usize,
}

impl Default for LaggingKeys {
    fn default() -> Self {
        Self {
            until: HashMap::new(),
            floor: Moment::FIRST,
            prune_at: FIRST_PRUNE,
        }
    }
}

impl Lagging {
    pub(super) fn add(&self, key: &RawKey, now: Moment, until: Moment) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.until.len() >= keys.prune_at {
            let LaggingKeys {
                until: all, floor, ..
            } = &mut *keys;
            all.retain(|_, end| {
                let lags = *end > now;
                if !lags {
                    *floor = (*floor).max(*end);
                }
                lags
            });
            keys.prune_at = (keys.until.len() * 2).max(FIRST_PRUNE);
        }
        let end = keys.until.entry(key.hash()).or_insert(until);
        *end = (*end).max(until);
        self.any.store(true, Release);
    }

    pub(super) fn hides(&self, key: &RawKey, began: Moment) -> bool {
        self.any.load(Acquire) && {
            let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let end = keys.until.get(&key.hash());
            began < keys.floor || end.is_some_and(|end| began < *end)
        }
    }
}

/// The cells of the keys that are held, by hash: two keys with one hash could only cost each other
/// a store, and 64 bits keep that from happening.
#[derive(Debug, Default)]
pub(super) struct KeyCells {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    cells: HashMap<u64, Weak<KeyCell>, foldhash::fast::RandomState>,
    prune_at: usize,
}

impl KeyCells {
    pub(super) fn hold(&self, key: &RawKey) -> Arc<KeyCell> {
        let mut shard = self.shard(key);
        if let Some(cell) = shard.cells.get(&key.hash()).and_then(Weak::upgrade) {
            return cell;
        }
        if shard.cells.len() >= shard.prune_at.max(FIRST_PRUNE) {
            shard.cells.retain(|_, cell| cell.strong_count() > 0);
            shard.prune_at = shard.cells.len() * 2;
        }
        let cell = Arc::default();
        shard.cells.insert(key.hash(), Arc::downgrade(&cell));
        cell
    }

    /// The cell of a key, if anybody holds it.
    pub(super) fn held(&self, key: &RawKey) -> Option<Arc<KeyCell>> {
        self.shard(key)
            .cells
            .get(&key.hash())
            .and_then(Weak::upgrade)
    }

    fn shard(&self, key: &RawKey) -> MutexGuard<'_, Shard> {
        let index = (key.hash() >> 16) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
