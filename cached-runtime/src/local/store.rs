//! Reading and writing the local tier.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use equivalent::Equivalent;

use crate::clock::Moment;
use crate::key::{Ident, RawKey};
use crate::tags::Number;

use super::AnyEntry;
use super::ledger::{Ledger, Limits, Record, Standing};

/// Keys of in-flight loads are told apart by this many marks; two keys that share one can only
/// cost each other a store.
const MARKS: usize = 2_048;

/// Per entry, what `local_capacity_bytes` counts besides key and value.
const OVERHEAD: usize = 120;

/// The entries of one cache in this process.
pub(crate) struct Store {
    map: papaya::HashMap<RawKey, Arc<AnyEntry>, BuildHasherDefault<Hashed>>,
    /// Every write of `map` happens under this lock, so its counts are exact.
    ledger: Mutex<Ledger>,
    /// By the hash of a key. Written and, for a store, compared under the ledger's lock: a load that
    /// began before is refused, one that was stored before is removed.
    marks: Box<[Mark]>,
    limits: Limits,
    /// When everything was invalidated. Read by every hit.
    cleared: AtomicU64,
}

/// What happened last to the keys that share this mark.
#[derive(Debug, Default)]
struct Mark {
    invalidated: AtomicU64,
    /// A `put` or a refresh began, which loads that run already must not overwrite.
    superseded: AtomicU64,
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
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            map: papaya::HashMap::with_hasher(BuildHasherDefault::default()),
            ledger: Mutex::new(Ledger::new(limits)),
            marks: (0..MARKS).map(|_| Mark::default()).collect(),
            limits,
            cleared: AtomicU64::new(0),
        }
    }

    /// Opens the map for one look.
    #[inline(always)]
    pub(crate) fn open(&self) -> Opened<'_> {
        Opened {
            store: self,
            guard: self.map.guard(),
        }
    }

    /// The entry of a key, if nothing it depends on was invalidated.
    pub(crate) fn find(&self, key: &RawKey) -> Option<Arc<AnyEntry>> {
        let current =
            |entry: &Arc<AnyEntry>| entry.start > self.cleared.load(Acquire) && entry.is_current();
        self.peek(key).filter(current)
    }

    /// The entry of a key, current or not.
    pub(crate) fn peek(&self, key: &RawKey) -> Option<Arc<AnyEntry>> {
        self.map.pin().get(key).cloned()
    }

    /// Whether neither the key nor the namespace was invalidated since `start`.
    pub(crate) fn unbroken_since(&self, key: &RawKey, start: Number) -> bool {
        self.cleared.load(Acquire) < start && self.mark(key).invalidated.load(Acquire) < start
    }

    /// Whether a load that began at `start` is still the one to join and to store.
    pub(crate) fn is_latest(&self, key: &RawKey, start: Number) -> bool {
        self.unbroken_since(key, start) && self.mark(key).superseded.load(Acquire) < start
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
        entry: &Arc<AnyEntry>,
        now: Moment,
    ) -> Result<u64, Refused> {
        let mut ledger = self.ledger();
        if !ledger.can_hold(entry.weight) {
            return Err(Refused::TooHeavy);
        }
        let map = self.map.pin();
        let replaced = map.get(key);
        let overtaken = !self.is_latest(key, entry.start)
            || !entry.is_current()
            || replaced.is_some_and(|newer| newer.start > entry.start);
        if overtaken {
            return Err(Refused::Overtaken);
        }
        if let Some(replaced) = replaced {
            // It stays readable until the new one takes its place.
            ledger.leave(replaced.weight);
        }
        let mut evicted = 0;
        while !ledger.has_room_for(entry.weight) {
            let standing = |record: &Record| {
                if record.key == *key {
                    Standing::Gone
                } else {
                    self.take_use(record, now)
                }
            };
            let Some(victim) = ledger.next_victim(standing) else {
                break;
            };
            self.take_out(&mut ledger, &victim);
            evicted += 1;
        }
        ledger.tidy(|record| self.stands_for(record).is_some());
        ledger.enter(key.clone(), entry.start, entry.weight, replaced.is_some());
        map.insert(key.clone(), Arc::clone(entry));
        Ok(evicted)
    }

    /// Removes a key and refuses every load of it that began before `number`.
    pub(crate) fn invalidate(&self, key: &RawKey, number: Number) {
        let mut ledger = self.ledger();
        self.mark(key).invalidated.fetch_max(number, Release);
        self.take_out(&mut ledger, key);
    }

    /// Refuses every load of a key that began before `number`; what is stored stays readable.
    pub(crate) fn supersede(&self, key: &RawKey, number: Number) {
        let _ledger = self.ledger();
        self.mark(key).superseded.fetch_max(number, Release);
    }

    /// Invalidates everything. Readers are past it at once; then the memory is given back.
    pub(crate) fn clear(&self, number: Number) {
        self.cleared.fetch_max(number, Release);
        let mut ledger = self.ledger();
        self.map.pin().clear();
        ledger.forget_everything();
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

    fn take_out(&self, ledger: &mut Ledger, key: &RawKey) {
        if let Some(entry) = self.map.pin().remove(key) {
            ledger.leave(entry.weight);
        }
    }

    fn stands_for(&self, record: &Record) -> Option<Arc<AnyEntry>> {
        self.peek(&record.key)
            .filter(|entry| entry.start == record.start)
    }

    /// How a record's entry stands; one use is taken off it.
    fn take_use(&self, record: &Record, now: Moment) -> Standing {
        let Some(entry) = self.stands_for(record) else {
            return Standing::Gone;
        };
        if now >= entry.life.usable_until || !entry.is_current() {
            return Standing::Useless;
        }
        let uses = entry.uses();
        entry.set_uses(uses.saturating_sub(1));
        Standing::Used(uses)
    }

    fn mark(&self, key: &RawKey) -> &Mark {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let index = key.hash() as usize % MARKS;
        &self.marks[index]
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A map that is open: what is found in it stays until it is closed.
pub(crate) struct Opened<'a> {
    store: &'a Store,
    guard: papaya::LocalGuard<'a>,
}

impl Opened<'_> {
    /// The entry of a key, if it is there and nothing it depends on was invalidated. It is
    /// borrowed: a hit copies what it needs and touches no reference count.
    #[inline(always)]
    pub(crate) fn find<I: Ident>(&self, key: &I, hash: u64) -> Option<&AnyEntry> {
        let entry = self.store.map.get(&Sought { key, hash }, &self.guard)?;
        let current = entry.start > self.store.cleared.load(Acquire) && entry.is_current();
        current.then_some(&**entry)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// A key that is compared part by part with the stored ones, without being encoded.
struct Sought<'a, I> {
    key: &'a I,
    hash: u64,
}

impl<I> Hash for Sought<'_, I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<I: Ident> Equivalent<RawKey> for Sought<'_, I> {
    #[inline]
    fn equivalent(&self, stored: &RawKey) -> bool {
        stored.hash() == self.hash && self.key.matches(stored.bytes())
    }
}

/// Keys bring their hash along.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("a key hashes as one u64, not as {} bytes", bytes.len());
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
