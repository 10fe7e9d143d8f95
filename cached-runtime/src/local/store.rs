//! Reading and writing the local tier.

use std::hash::{BuildHasherDefault, Hash};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use equivalent::Equivalent;
use seize::Collector;

use crate::clock::Moment;
use crate::key::{Ident, RawKey};
use crate::observe::PrefixStats;
use crate::tags::{Changes, Manner, Number, Rare, TagCells};

use super::AnyEntry;
use super::home::{Home, Homes};
use super::key_cell::{KeyCell, KeyCells, Lagging};
use super::ledger::{Ledger, Limits, Standing};
use super::sought::{Hashed, Record, Slot, Sought};

/// Per entry, what `local_capacity_bytes` counts besides key and value.
const OVERHEAD: usize = 120;

/// The entries of one cache in this process.
pub(crate) struct Store {
    pub(super) map: papaya::HashMap<Slot, (), BuildHasherDefault<Hashed>>,
    homes: Homes,
    /// Every write of `map` happens under this lock, so its counts are exact.
    ledger: Mutex<Ledger>,
    /// Written and, for a store, compared under the ledger's lock: a load that began before is
    /// refused, one that was stored before is removed.
    keys: KeyCells,
    /// What left the map and may still be read. Values are destroyed from here, where no lock is
    /// held: their `Drop` may call the cache.
    pub(super) buried: Mutex<Vec<Arc<AnyEntry>>>,
    limits: Limits,
    /// When everything was invalidated.
    cleared: AtomicU64,
    /// What counts invalidations, that of everything included. Read by every hit.
    changes: Changes,
    /// Of everything.
    rare: Rare,
    /// The sources of these keys lag.
    lagging: Lagging,
}

/// Why an entry was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// An invalidation, a `put` or a refresh came after its load began.
    Overtaken,
    /// It is heavier than the whole store.
    TooHeavy,
}

impl Store {
    pub(crate) fn new(limits: Limits, changes: Changes) -> Self {
        Self {
            map: papaya::HashMap::builder()
                .hasher(BuildHasherDefault::default())
                // What leaves is let go as soon as nobody reads it, not in batches per thread.
                .collector(Collector::new().batch_size(1))
                .build(),
            homes: Homes::default(),
            ledger: Mutex::new(Ledger::new(limits)),
            keys: KeyCells::default(),
            buried: Mutex::default(),
            limits,
            cleared: AtomicU64::new(0),
            changes,
            rare: Rare::default(),
            lagging: Lagging::default(),
        }
    }

    /// Opens the map for one look.
    #[inline]
    pub(crate) fn open(&self) -> Opened<'_> {
        Opened {
            map: self.map.pin(),
        }
    }

    /// The entry of a key, if nothing it depends on was invalidated.
    pub(crate) fn find(&self, key: &RawKey) -> Option<Arc<AnyEntry>> {
        self.peek(key).filter(|entry| self.is_current(entry))
    }

    /// Whether a load of a key that began at `start` is still the one to join and to store.
    pub(crate) fn is_latest(&self, cell: &KeyCell, start: Number) -> bool {
        cell.is_latest(start) && !self.is_cleared_since(start)
    }

    /// Whether nothing an entry depends on was invalidated. Its key is not asked for: an invalidated
    /// key has no entry.
    pub(crate) fn is_current(&self, entry: &AnyEntry) -> bool {
        !self.is_cleared_since(entry.start) && entry.is_current()
    }

    /// The same, mostly without a look at what it depends on: nothing changed since the last one.
    #[inline]
    pub(crate) fn is_still_current(&self, entry: &AnyEntry) -> bool {
        // Before the look: whatever comes in between is not counted.
        let changes = self.changes();
        entry.is_verified(changes) || self.verify(entry, changes)
    }

    /// How many changes there were, see [`Changes`].
    #[inline]
    pub(crate) fn changes(&self) -> u64 {
        self.changes.so_far()
    }

    #[cold]
    fn verify(&self, entry: &AnyEntry, changes: u64) -> bool {
        let current = self.is_current(entry);
        if current {
            entry.verify(changes);
        }
        current
    }

    /// What the entries have in common that a key belongs to, and these tags: the first is that of
    /// the prefix.
    pub(crate) fn home(
        &self,
        key: &RawKey,
        stats: &Arc<PrefixStats>,
        tags: &TagCells,
    ) -> Arc<Home> {
        self.homes.of(key, stats, tags.iter().next())
    }

    /// The entry of a key, if nothing it depends on was invalidated otherwise than softly.
    pub(crate) fn find_softly(&self, key: &RawKey, now: Moment) -> Option<Arc<AnyEntry>> {
        self.peek(key).filter(|entry| self.stands(entry, now))
    }

    /// Whether an entry may be served, if need be as stale.
    pub(crate) fn stands(&self, entry: &AnyEntry, now: Moment) -> bool {
        let start = entry.start;
        let standing = !self.is_cleared_since(start) || self.rare.softened(start, now);
        standing && entry.softly_stands(now)
    }

    pub(crate) fn lags(&self, key: &RawKey, now: Moment, until: Moment) {
        self.lagging.add(key, now, until);
    }

    pub(crate) fn everything_lags(&self, until: Moment) {
        self.rare.lags(until);
    }

    /// Whether what began to load then may be older than an invalidation of key or everything.
    pub(crate) fn hides(&self, key: &RawKey, began: Moment) -> bool {
        self.rare.hides(began) || self.lagging.hides(key, began)
    }

    /// The entry of a key, current or not.
    pub(crate) fn peek(&self, key: &RawKey) -> Option<Arc<AnyEntry>> {
        self.entry(&Sought {
            key,
            hash: key.hash(),
        })
    }

    fn entry<K: Equivalent<Slot> + Hash>(&self, sought: &K) -> Option<Arc<AnyEntry>> {
        let map = self.map.pin();
        let (slot, ()) = map.get_key_value(sought)?;
        Some(Arc::clone(&slot.entry))
    }

    /// Some of the entries that are `wanted`, each with what tells it from a later one.
    pub(crate) fn some(
        &self,
        most: usize,
        wanted: impl Fn(&RawKey, &AnyEntry) -> bool,
    ) -> Vec<(RawKey, Number)> {
        let map = self.map.pin();
        let named = map.iter().filter_map(|(slot, ())| {
            let entry = &*slot.entry;
            let key = RawKey::of_head(entry.home().head.encoded(), entry.key_rest())?;
            wanted(&key, entry).then_some((key, entry.start))
        });
        named.take(most).collect()
    }

    /// Takes hold of what happens to a key from now on.
    pub(crate) fn hold(&self, key: &RawKey) -> Arc<KeyCell> {
        self.keys.hold(key)
    }

    /// Whether everything was invalidated since `start`.
    #[inline]
    pub(crate) fn is_cleared_since(&self, start: Number) -> bool {
        self.cleared.load(Acquire) >= start
    }

    /// What an entry weighs, if weights count here.
    pub(crate) fn weight(&self, key: &RawKey, value: impl FnOnce() -> usize) -> usize {
        match self.limits.bytes {
            Some(_) => value() + key.bytes().len() + OVERHEAD,
            None => 0,
        }
    }

    /// Stores an entry, unless something came between the start of its load and now. Evicts first:
    /// the store is never over its limits. Returns how many were evicted.
    pub(crate) fn insert(
        &self,
        key: &RawKey,
        cell: &KeyCell,
        entry: &Arc<AnyEntry>,
        now: Moment,
    ) -> Result<u64, Refused> {
        let mut change = self.change();
        if !change.ledger.can_hold(entry.weight()) {
            return Err(Refused::TooHeavy);
        }
        let replaced = self.peek(key);
        let overtaken = !self.is_current(entry)
            || !cell.is_latest(entry.start)
            || replaced
                .as_ref()
                .is_some_and(|newer| newer.start > entry.start);
        if overtaken {
            return Err(Refused::Overtaken);
        }
        let known = replaced.is_some();
        if let Some(replaced) = replaced {
            // It stays readable until the new one takes its place.
            change.ledger.leave(replaced.weight());
            change.removed([replaced]);
        }
        let mut evicted = 0;
        let hash = key.hash();
        while !change.ledger.has_room_for(entry.weight()) {
            let standing = |record: Record| {
                if record.is_placed_by(hash) && self.is_of(record, key) {
                    Standing::Gone
                } else {
                    self.take_use(record, now)
                }
            };
            let Some(victim) = change.ledger.next_victim(standing) else {
                break;
            };
            change.take_out(&victim);
            evicted += 1;
        }
        change.ledger.tidy(|record| self.entry(&record).is_some());
        let record = Record::of(hash, entry.start);
        change.ledger.enter(record, entry.weight(), known);
        change.put(hash, entry);
        Ok(evicted)
    }

    /// Removes a key and refuses every load of it that began before `number`.
    /// `lags` is now and until when the source lags: what begins before that is hidden.
    pub(crate) fn invalidate(&self, key: &RawKey, number: Number, lags: Option<(Moment, Moment)>) {
        if let Some((now, until)) = lags {
            self.lagging.add(key, now, until);
        }
        let mut change = self.change();
        // In this order: who finds the entry after reading its cell sees the cell change.
        change.take_out(&Sought {
            key,
            hash: key.hash(),
        });
        if let Some(cell) = self.keys.held(key) {
            cell.invalidate(number);
        }
    }

    /// Removes what a load that began before `start` left, if `outdated` says so.
    pub(crate) fn remove_older(
        &self,
        key: &RawKey,
        start: Number,
        outdated: impl FnOnce(&AnyEntry) -> bool,
    ) {
        let mut change = self.change();
        if self
            .peek(key)
            .is_some_and(|entry| entry.start < start && outdated(&entry))
        {
            change.take_out(&Sought {
                key,
                hash: key.hash(),
            });
        }
    }

    /// Refuses every load of a key that began before `number`; what is stored stays readable.
    pub(crate) fn supersede(&self, cell: &KeyCell, number: Number) {
        let _change = self.change();
        cell.supersede(number);
    }

    /// Invalidates everything. Readers are past it at once; then the memory is given back, unless
    /// something may still be given as stale.
    pub(crate) fn clear(&self, number: Number, manner: Manner) {
        let mut change = self.change();
        self.rare
            .invalidated(manner, number, self.cleared.load(Acquire));
        self.cleared.fetch_max(number, Release);
        self.changes.count();
        if manner.soft_until.is_some() {
            return;
        }
        let map = self.map.pin();
        let entries = map.keys().map(|slot| Arc::clone(&slot.entry));
        change.removed(entries);
        map.clear();
        change.ledger.forget_everything();
    }

    /// Entries and their weight.
    pub(crate) fn size(&self) -> (u64, u64) {
        let ledger = self.ledger();
        (ledger.entries as u64, ledger.bytes as u64)
    }

    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        self.ledger().records()
    }

    /// Whether the entry of a record has this key.
    fn is_of(&self, record: Record, key: &RawKey) -> bool {
        let same = |entry: &AnyEntry| {
            key.is_under(&entry.home().head) && key.goes_on_with(entry.key_rest())
        };
        self.entry(&record).is_some_and(|entry| same(&entry))
    }

    /// How a record's entry stands; one use is taken off it.
    fn take_use(&self, record: Record, now: Moment) -> Standing {
        let Some(entry) = self.entry(&record) else {
            return Standing::Gone;
        };
        if now >= entry.life().usable_until || !self.is_current(&entry) {
            return Standing::Useless;
        }
        let uses = entry.uses();
        entry.set_uses(uses.saturating_sub(1));
        Standing::Used(uses)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A map that is open: what is found in it stays until it is closed.
pub(crate) struct Opened<'a> {
    map: papaya::HashMapRef<'a, Slot, (), BuildHasherDefault<Hashed>, papaya::LocalGuard<'a>>,
}

impl Opened<'_> {
    /// The entry of a key, current or not. It is borrowed: a hit copies what it needs and touches
    /// no reference count.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "what is known of the key then stays in registers, as in the rest of a hit"
    )]
    pub(crate) fn peek<I: Ident>(&self, key: &I, hash: u64) -> Option<&AnyEntry> {
        let sought = Sought { key, hash };
        let (slot, ()) = self.map.get_key_value(&sought)?;
        Some(&*slot.entry)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
