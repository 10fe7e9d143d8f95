//! Who leaves when the store is full: S3-FIFO.
//!
//! New keys wait in a small queue, a tenth of the capacity. Who was used by the time they reach
//! its end moves to the main queue; who was not leaves, and is remembered: a key that comes back
//! soon goes to the main queue at once. So a scan passes through the small queue and leaves what
//! is in use alone.
//!
//! Records are never searched for: one whose entry was replaced or removed is recognised by the last
//! bits of its number when its turn comes. Where these are those of a later entry of the same key, that has
//! two records, and may leave with the first of them.

use std::collections::{HashSet, VecDeque};

use super::queue::Queue;
use super::sought::Record;

type Seeded = foldhash::fast::RandomState;

/// How many entries in use one eviction passes over.
const LOOKS: u32 = 64;

/// How much the store may hold; where both are given the tighter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) entries: usize,
    pub(crate) bytes: Option<usize>,
}

/// What a record turned out to stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Replaced or removed: the record stands for nothing.
    Gone,
    /// Expired or invalidated: nobody can use it.
    Useless,
    /// In the store, with this many uses since it was last looked at.
    Used(u8),
}

#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    small: Queue,
    main: Queue,
    /// The places of keys that left the small queue unused, oldest first.
    ghosts: VecDeque<u64>,
    remembered: HashSet<u64>,
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Ledger {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            small: Queue::default(),
            main: Queue::default(),
            ghosts: VecDeque::new(),
            remembered: HashSet::new(),
            entries: 0,
            bytes: 0,
        }
    }

    /// Whether an entry of this weight fits when everything else is gone.
    pub(super) fn can_hold(&self, weight: usize) -> bool {
        self.limits.entries > 0 && self.limits.bytes.is_none_or(|bytes| weight <= bytes)
    }

    pub(super) fn has_room_for(&self, weight: usize) -> bool {
        self.entries < self.limits.entries
            && self
                .limits
                .bytes
                .is_none_or(|bytes| self.bytes + weight <= bytes)
    }

    /// Writes down a new entry. `known`: it replaces one, so its key is in use.
    pub(super) fn enter(&mut self, record: Record, weight: usize, known: bool) {
        self.entries += 1;
        self.bytes += weight;
        let known = known || self.remembered.remove(&record.place());
        let queue = if known {
            &mut self.main
        } else {
            &mut self.small
        };
        queue.push_back(record);
    }

    /// Takes an entry off the counts; its record is found to stand for nothing later.
    pub(super) fn leave(&mut self, weight: usize) {
        self.entries -= 1;
        self.bytes -= weight;
    }

    /// Names the next entry to leave. `standing` tells how a record's entry stands, and takes one
    /// use off those that are in use. Readers may add uses as fast as they are taken off, so after
    /// [`LOOKS`] of them the next entry leaves as it is.
    pub(super) fn next_victim(
        &mut self,
        mut standing: impl FnMut(Record) -> Standing,
    ) -> Option<Record> {
        let mut looks = 0;
        loop {
            let small_is_full = self.small.len() > self.entries / 10;
            let from_small = self.main.is_empty() || (small_is_full && !self.small.is_empty());
            let queue = if from_small {
                &mut self.small
            } else {
                &mut self.main
            };
            let record = queue.pop_front()?;
            looks += 1;
            match standing(record) {
                Standing::Gone => looks -= 1,
                Standing::Useless => return Some(record),
                Standing::Used(uses) if uses == 0 || looks > LOOKS => {
                    if from_small {
                        self.remember(record.place());
                    }
                    return Some(record);
                }
                Standing::Used(_) => self.main.push_back(record),
            }
        }
    }

    /// Drops records that stand for nothing or are there twice, once they are the majority.
    pub(super) fn tidy(&mut self, mut stands: impl FnMut(Record) -> bool) {
        if self.records() > 2 * self.entries + 64 {
            let mut seen = HashSet::with_capacity_and_hasher(self.entries, Seeded::default());
            for queue in [&mut self.main, &mut self.small] {
                queue.retain(|record| stands(record) && seen.insert(record));
            }
        }
    }

    pub(super) fn records(&self) -> usize {
        self.small.len() + self.main.len()
    }

    pub(super) fn forget_everything(&mut self) {
        *self = Self::new(self.limits);
    }

    fn remember(&mut self, place: u64) {
        if self.remembered.insert(place) {
            self.ghosts.push_back(place);
        }
        if self.ghosts.len() > self.limits.entries.min(self.entries.max(16))
            && let Some(oldest) = self.ghosts.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }
}
