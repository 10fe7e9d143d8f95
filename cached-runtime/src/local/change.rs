//! Changes of the map: all of them under one lock, and what leaves the map destroyed after it.

use std::hash::Hash;
use std::sync::{Arc, MutexGuard, PoisonError};

use equivalent::Equivalent;

use super::ledger::Ledger;
use super::sought::Slot;
use super::{AnyEntry, Store};

impl Store {
    pub(super) fn change(&self) -> Change<'_> {
        Change {
            ledger: self.ledger(),
            removed: Removed {
                store: self,
                entries: Vec::new(),
            },
        }
    }

    /// Destroys what left the map and is read by nobody any more.
    fn bury(&self, removed: Vec<Arc<AnyEntry>>) {
        let mut buried = self.buried.lock().unwrap_or_else(PoisonError::into_inner);
        if removed.is_empty() && buried.is_empty() {
            return;
        }
        buried.extend(removed);
        let (unread, read) = std::mem::take(&mut *buried)
            .into_iter()
            .partition(|entry| Arc::strong_count(entry) == 1);
        *buried = read;
        drop(buried);
        drop::<Vec<_>>(unread);
    }
}

/// A change of the store: the ledger's lock, and what leaves the map under it.
pub(super) struct Change<'a> {
    /// Declared first, so released first when the change ends; then what was removed is buried.
    pub(super) ledger: MutexGuard<'a, Ledger>,
    removed: Removed<'a>,
}

struct Removed<'a> {
    store: &'a Store,
    entries: Vec<Arc<AnyEntry>>,
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        self.store.bury(std::mem::take(&mut self.entries));
    }
}

impl Change<'_> {
    /// What has left the map, or is about to.
    pub(super) fn removed(&mut self, entries: impl IntoIterator<Item = Arc<AnyEntry>>) {
        self.removed.entries.extend(entries);
    }

    /// Puts an entry where the one with its key is, if there is one.
    pub(super) fn put(&mut self, hash: u64, entry: &Arc<AnyEntry>) {
        let map = self.removed.store.map.pin();
        let slot = || Slot {
            hash,
            entry: Arc::clone(entry),
        };
        let is_there = || {
            let kept = map.get_key_value(&slot());
            kept.is_some_and(|(kept, ())| Arc::ptr_eq(&kept.entry, entry))
        };
        // The map promises the new value, but not the new key, and here the entry is in the key.
        if map.insert(slot(), ()).is_some() && !is_there() {
            map.remove(&slot());
            map.insert(slot(), ());
        }
    }

    pub(super) fn take_out<K: Equivalent<Slot> + Hash>(&mut self, sought: &K) {
        let map = self.removed.store.map.pin();
        if let Some((slot, ())) = map.remove_entry(sought) {
            self.ledger.leave(slot.entry.weight());
            self.removed.entries.push(Arc::clone(&slot.entry));
        }
    }
}
