//! The loads that this thread is in the middle of.
//!
//! A call inside of the load of its own key, as where a single function is made of the batch form, would
//! wait for its own end, or be given what that load is to replace. It leaves the cache alone instead.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::cache::Cache;
use crate::key::RawKey;

thread_local! {
    /// The outermost first.
    static RUNNING: RefCell<Vec<Load>> = const { RefCell::new(Vec::new()) };
    /// How many they are, for those who only want to know whether there are any: each hit.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A load, and what it loads.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Where its store is: no two caches have one.
    cache: usize,
    /// By their hashes: two keys with one hash could only cost each other a place in the cache.
    keys: Keys,
}

#[derive(Clone, Debug)]
enum Keys {
    One(u64),
    /// Sorted.
    Many(Arc<[u64]>),
}

/// While this is there, a load is polled; also where it panics.
#[derive(Debug)]
pub(crate) struct Inside(());

impl Load {
    pub(crate) fn of(cache: &Cache, key: &RawKey) -> Self {
        Self {
            cache: address(cache),
            keys: Keys::One(key.hash()),
        }
    }

    pub(crate) fn of_each<'a>(cache: &Cache, keys: impl Iterator<Item = &'a RawKey>) -> Self {
        let mut keys: Vec<_> = keys.map(RawKey::hash).collect();
        keys.sort_unstable();
        Self {
            cache: address(cache),
            keys: Keys::Many(keys.into()),
        }
    }

    /// To be held while it is polled.
    pub(crate) fn poll(&self) -> Inside {
        RUNNING.with_borrow_mut(|running| running.push(self.clone()));
        DEPTH.set(DEPTH.get() + 1);
        Inside(())
    }

    fn loads(&self, cache: usize, hash: u64) -> bool {
        self.cache == cache
            && match &self.keys {
                Keys::One(key) => *key == hash,
                Keys::Many(keys) => keys.binary_search(&hash).is_ok(),
            }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        RUNNING.with_borrow_mut(Vec::pop);
    }
}

/// Whether this is inside of any load.
#[inline]
pub(crate) fn is_inside_any() -> bool {
    DEPTH.get() > 0
}

/// Whether this is inside of the load of a key with this hash.
#[cold]
pub(crate) fn is_inside(cache: &Cache, hash: u64) -> bool {
    RUNNING.with_borrow(|running| running.iter().any(|load| load.loads(address(cache), hash)))
}

fn address(cache: &Cache) -> usize {
    std::ptr::from_ref(cache.store()).addr()
}
