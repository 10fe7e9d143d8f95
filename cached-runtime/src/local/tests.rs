use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::freshness::{Life, Windows};
use crate::key::{Key, RawKey};
use crate::observe::Observatory;
use crate::tags::{Manner, Sequence, Tag, TagCells, TagTable};

use super::{AnyEntry, EntryHead, Limits, Refused, Store};

mod entry;
mod records;

const TTL: Duration = Duration::from_secs(60);

struct Shelf {
    store: Store,
    sequence: Sequence,
    tags: TagTable,
    observatory: Observatory,
    clock: Clock,
}

impl Shelf {
    fn new(entries: usize, bytes: Option<usize>) -> Self {
        let tags = TagTable::new();
        Self {
            store: Store::new(Limits { entries, bytes }, tags.changes().clone()),
            sequence: Sequence::new(),
            tags,
            observatory: Observatory::default(),
            clock: Clock::manual(),
        }
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn entry(&self, key: u64, start: u64, weight: usize, tags: &[&str]) -> Arc<AnyEntry> {
        let life = Life::new(self.now(), TTL, Windows::default(), None, None);
        let tags = tags.iter().map(|tag| self.tags.cell(&Tag::from(*tag)));
        let tags: TagCells = std::iter::once(self.tags.prefix_cell("p"))
            .chain(tags)
            .collect();
        let key = raw(key);
        let home = self.store.home(&key, &self.observatory.prefix("p"), &tags);
        let head = EntryHead::new((&key, home), start, life, Duration::ZERO, weight, tags);
        Arc::new(head.with(start))
    }

    fn store(&self, key: u64, entry: &Arc<AnyEntry>) -> Result<u64, Refused> {
        self.store
            .insert(&raw(key), &self.store.hold(&raw(key)), entry, self.now())
    }

    fn insert(&self, key: u64, weight: usize) -> Result<u64, Refused> {
        let cell = self.store.hold(&raw(key));
        let entry = self.entry(key, self.sequence.next(), weight, &[]);
        self.store.insert(&raw(key), &cell, &entry, self.now())
    }

    fn holds(&self, key: u64) -> bool {
        let key = raw(key);
        self.store
            .open()
            .peek(&key, key.hash())
            .filter(|entry| self.store.is_current(entry))
            .map(AnyEntry::mark_used)
            .is_some()
    }
}

fn raw(key: u64) -> RawKey {
    Key::<u64>::new("p", &(key,))
        .raw()
        .expect("a number is a key")
        .clone()
}

#[test]
fn r19_entries_stay_inside_the_capacity_under_any_load() {
    let shelf = Shelf::new(100, None);
    for i in 0..20_000_u64 {
        shelf
            .insert(fastrand::u64(..500), 0)
            .expect("nothing overtakes it");
        shelf.holds(fastrand::u64(..500));
        if i % 97 == 0 {
            shelf
                .store
                .invalidate(&raw(fastrand::u64(..500)), shelf.sequence.next(), None);
        }
        let (entries, _) = shelf.store.size();
        assert!(entries <= 100, "{entries}");
        if i % 1_000 == 0 {
            let held = (0..500)
                .filter(|key| shelf.store.peek(&raw(*key)).is_some())
                .count();
            assert_eq!(entries, held as u64, "the count is exact");
        }
    }
}

#[test]
fn r19_bytes_stay_inside_the_capacity_under_any_load() {
    let shelf = Shelf::new(usize::MAX, Some(10_000));
    for _ in 0..20_000 {
        let weight = fastrand::usize(1..2_000);
        shelf
            .insert(fastrand::u64(..500), weight)
            .expect("nothing overtakes it");
        let (_, bytes) = shelf.store.size();
        assert!(bytes <= 10_000, "{bytes}");
    }
    let held: usize = (0..500)
        .filter_map(|key| shelf.store.peek(&raw(key)))
        .map(|e| e.weight())
        .sum();
    assert_eq!(shelf.store.size().1, held as u64);
    assert_eq!(shelf.insert(1, 10_001), Err(Refused::TooHeavy));
}

#[test]
fn what_is_in_use_survives_a_scan() {
    let shelf = Shelf::new(100, None);
    for key in 0..50 {
        shelf.insert(key, 0).expect("stored");
        assert!(shelf.holds(key));
    }
    for key in 1_000..11_000 {
        shelf.insert(key, 0).expect("stored");
        if key % 50 == 0 {
            assert!((0..50).filter(|key| shelf.holds(*key)).count() >= 48);
        }
    }
    let left = (0..50).filter(|key| shelf.holds(*key)).count();
    assert!(left >= 48, "{left} of 50 hot keys left");
}

#[test]
fn what_nobody_can_use_leaves_first() {
    let shelf = Shelf::new(10, None);
    for key in 0..10 {
        let tags: &[&str] = if key == 5 { &["gone"] } else { &[] };
        let entry = shelf.entry(key, shelf.sequence.next(), 0, tags);
        shelf.store(key, &entry).expect("stored");
        // All used as often as counts.
        (0..5).for_each(|_| entry.mark_used());
    }
    shelf
        .tags
        .invalidate(&Tag::from("gone"), shelf.sequence.next(), Manner::default());
    shelf.insert(100, 0).expect("stored");
    assert!(shelf.store.peek(&raw(5)).is_none());
    assert_eq!((0..10).filter(|key| shelf.holds(*key)).count(), 9);
}

#[test]
fn an_older_load_never_overwrites_a_newer_answer() {
    let shelf = Shelf::new(10, None);
    let (older, newer) = (shelf.sequence.next(), shelf.sequence.next());
    let (older, newer) = (shelf.entry(1, older, 0, &[]), shelf.entry(1, newer, 0, &[]));
    shelf.store(1, &newer).expect("stored");
    assert_eq!(shelf.store(1, &older), Err(Refused::Overtaken));
}

#[test]
fn a_load_that_began_before_an_invalidation_is_refused() {
    let shelf = Shelf::new(10, None);
    let refused = |spoil: &dyn Fn(&Shelf, u64)| {
        let cell = shelf.store.hold(&raw(1));
        let entry = shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
        spoil(&shelf, shelf.sequence.next());
        shelf.store.insert(&raw(1), &cell, &entry, shelf.now()) == Err(Refused::Overtaken)
    };
    assert!(refused(&|shelf, number| shelf.store.invalidate(
        &raw(1),
        number,
        None
    )));
    assert!(refused(&|shelf, number| shelf
        .store
        .supersede(&shelf.store.hold(&raw(1)), number)));
    assert!(refused(&|shelf, number| shelf
        .store
        .clear(number, Manner::default())));
    assert!(refused(&|shelf, number| shelf.tags.invalidate(
        &Tag::from("t"),
        number,
        Manner::default()
    )));
    assert!(!refused(&|_, _| {}));
}

#[test]
fn what_happens_to_other_keys_refuses_nothing() {
    let shelf = Shelf::new(100_000, None);
    let cell = shelf.store.hold(&raw(0));
    let entry = shelf.entry(0, shelf.sequence.next(), 0, &[]);
    for key in 1..20_000 {
        let other = shelf.store.hold(&raw(key));
        shelf.store.supersede(&other, shelf.sequence.next());
        shelf
            .store
            .invalidate(&raw(key), shelf.sequence.next(), None);
    }
    assert_eq!(
        shelf.store.insert(&raw(0), &cell, &entry, shelf.now()),
        Ok(0)
    );
}

#[test]
fn eviction_ends_although_everything_is_read_all_the_while() {
    let shelf = Shelf::new(2, None);
    shelf.insert(0, 0).expect("stored");
    shelf.insert(1, 0).expect("stored");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert!((0..2).filter(|key| shelf.holds(*key)).count() <= 2);
                }
            });
        }
        for key in 2..2_000 {
            shelf.insert(key, 0).expect("stored");
            shelf.insert(key % 2, 0).expect("stored");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// Shown twice, an entry is verified: the second time nothing it depends on is looked at.
#[test]
fn whatever_is_invalidated_is_seen_by_those_who_no_longer_look_at_what_an_entry_depends_on() {
    type Change = fn(&Shelf, u64);
    let tag: Change = |shelf, number| {
        shelf
            .tags
            .invalidate(&Tag::from("t"), number, Manner::default());
    };
    let prefix: Change = |shelf, number| {
        shelf.tags.invalidate_prefix("p", number, Manner::default());
    };
    let everything: Change = |shelf, number| shelf.store.clear(number, Manner::default());
    for change in [tag, prefix, everything] {
        let shelf = Shelf::new(10, None);
        let entry = shelf.entry(1, shelf.sequence.next(), 0, &["a", "b", "t"]);
        for _ in 0..2 {
            assert!(shelf.store.is_still_current(&entry));
        }
        assert!(entry.is_verified(shelf.store.changes()));
        change(&shelf, shelf.sequence.next());
        assert!(!shelf.store.is_still_current(&entry));
    }
}

/// Of two invalidations at once the one with the earlier number may be done last, after an entry
/// was verified in between: changes are counted, and not told by their numbers.
#[test]
fn an_invalidation_is_seen_although_one_with_a_later_number_was_before() {
    let shelf = Shelf::new(10, None);
    let entry = shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
    let (early, late) = (shelf.sequence.next(), shelf.sequence.next());
    let invalidate = |tag, number| {
        shelf
            .tags
            .invalidate(&Tag::from(tag), number, Manner::default());
    };
    invalidate("other", late);
    for _ in 0..2 {
        assert!(shelf.store.is_still_current(&entry));
    }
    invalidate("t", early);
    assert!(!shelf.store.is_still_current(&entry));
}

/// What is counted while an entry is looked at may be missed by the look.
#[test]
fn an_entry_is_verified_for_the_count_before_the_look() {
    let shelf = Shelf::new(10, None);
    let entry = shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
    let before = shelf.store.changes();
    shelf
        .tags
        .invalidate(&Tag::from("t"), shelf.sequence.next(), Manner::default());
    (0..3).for_each(|_| entry.verify(before));
    assert!(!entry.is_verified(shelf.store.changes()));
}

/// Its line of memory is read by every hit: who invalidates all the while must not have it written
/// all the while.
#[test]
fn an_entry_is_not_written_by_those_who_see_a_change_for_the_first_time() {
    let shelf = Shelf::new(10, None);
    let entry = shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
    for _ in 0..10 {
        shelf.tags.invalidate(
            &Tag::from("other"),
            shelf.sequence.next(),
            Manner::default(),
        );
        assert!(shelf.store.is_still_current(&entry));
        assert!(!entry.is_verified(shelf.store.changes()));
    }
}

#[test]
fn a_thread_that_uses_several_caches_verifies_entries_in_each() {
    let shelves: Vec<_> = (0..3).map(|_| Shelf::new(10, None)).collect();
    let invalidate = |shelf: &Shelf| {
        let number = shelf.sequence.next();
        shelf
            .tags
            .invalidate(&Tag::from("other"), number, Manner::default());
    };
    for (shelf, changes) in shelves.iter().zip(0..) {
        (0..changes).for_each(|_| invalidate(shelf));
    }
    let entry = |shelf: &Shelf| shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
    let entries: Vec<_> = shelves.iter().map(entry).collect();
    for _ in 0..2 {
        for (shelf, entry) in shelves.iter().zip(&entries) {
            assert!(shelf.store.is_still_current(entry));
        }
    }
    for (shelf, entry) in shelves.iter().zip(&entries) {
        assert!(entry.is_verified(shelf.store.changes()));
    }
}

/// Readers on other threads, from the moment an invalidation returned.
#[test]
fn no_thread_finds_an_entry_current_after_its_tag_was_invalidated() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    let shelf = Shelf::new(10, None);
    let broken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let gone = broken.load(SeqCst);
                    if gone == u64::MAX {
                        break;
                    }
                    let key = raw(1);
                    let found = shelf.store.open();
                    let Some(entry) = found.peek(&key, key.hash()) else {
                        continue;
                    };
                    let current = shelf.store.is_still_current(entry);
                    let made = *entry.value::<u64>().expect("a number");
                    assert!(
                        !current || made > gone,
                        "{made} was given after {gone} was gone"
                    );
                }
            });
        }
        for _ in 0..20_000 {
            let entry = shelf.entry(1, shelf.sequence.next(), 0, &["t"]);
            shelf.store(1, &entry).expect("nothing overtakes it");
            for _ in 0..2 {
                shelf.store.is_still_current(&entry);
            }
            shelf
                .tags
                .invalidate(&Tag::from("t"), shelf.sequence.next(), Manner::default());
            broken.store(entry.start, SeqCst);
        }
        broken.store(u64::MAX, SeqCst);
    });
}
