use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::freshness::{Life, Windows};
use crate::key::{Key, RawKey};
use crate::observe::Observatory;
use crate::tags::{Sequence, Tag, TagTable};

use super::{AnyEntry, EntryHead, Limits, Refused, Store};

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
        Self {
            store: Store::new(Limits { entries, bytes }),
            sequence: Sequence::new(),
            tags: TagTable::new(),
            observatory: Observatory::default(),
            clock: Clock::manual(),
        }
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn entry(&self, start: u64, weight: usize, tags: &[&str]) -> Arc<AnyEntry> {
        let life = Life::new(self.now(), TTL, Windows::default(), None, None);
        let tags = tags
            .iter()
            .map(|tag| self.tags.cell(&Tag::from(*tag)))
            .collect();
        let stats = self.observatory.prefix("p");
        Arc::new(EntryHead::new(start, life, Duration::ZERO, weight, tags, stats).with(start))
    }

    fn insert(&self, key: u64, weight: usize) -> Result<u64, Refused> {
        let entry = self.entry(self.sequence.next(), weight, &[]);
        self.store.insert(&raw(key), &entry, self.now())
    }

    fn holds(&self, key: u64) -> bool {
        let key = raw(key);
        self.store
            .open()
            .find(&key, key.hash())
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
                .invalidate(&raw(fastrand::u64(..500)), shelf.sequence.next());
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
        .map(|e| e.weight)
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
        let entry = shelf.entry(shelf.sequence.next(), 0, tags);
        shelf
            .store
            .insert(&raw(key), &entry, shelf.now())
            .expect("stored");
        // All used as often as counts.
        (0..5).for_each(|_| entry.mark_used());
    }
    shelf
        .tags
        .invalidate(&Tag::from("gone"), shelf.sequence.next());
    shelf.insert(100, 0).expect("stored");
    assert!(shelf.store.peek(&raw(5)).is_none());
    assert_eq!((0..10).filter(|key| shelf.holds(*key)).count(), 9);
}

#[test]
fn an_older_load_never_overwrites_a_newer_answer() {
    let shelf = Shelf::new(10, None);
    let (older, newer) = (shelf.sequence.next(), shelf.sequence.next());
    let (older, newer) = (shelf.entry(older, 0, &[]), shelf.entry(newer, 0, &[]));
    shelf
        .store
        .insert(&raw(1), &newer, shelf.now())
        .expect("stored");
    assert_eq!(
        shelf.store.insert(&raw(1), &older, shelf.now()),
        Err(Refused::Overtaken)
    );
}

#[test]
fn a_load_that_began_before_an_invalidation_is_refused() {
    let shelf = Shelf::new(10, None);
    let refused = |spoil: &dyn Fn(&Shelf)| {
        let entry = shelf.entry(shelf.sequence.next(), 0, &["t"]);
        spoil(&shelf);
        shelf.store.insert(&raw(1), &entry, shelf.now()) == Err(Refused::Overtaken)
    };
    assert!(refused(&|shelf| shelf
        .store
        .invalidate(&raw(1), shelf.sequence.next())));
    assert!(refused(&|shelf| shelf
        .store
        .supersede(&raw(1), shelf.sequence.next())));
    assert!(refused(&|shelf| shelf.store.clear(shelf.sequence.next())));
    assert!(refused(&|shelf| shelf
        .tags
        .invalidate(&Tag::from("t"), shelf.sequence.next())));
    assert!(!refused(&|_| {}));
}

#[test]
fn records_of_replaced_entries_do_not_pile_up() {
    let shelf = Shelf::new(100, None);
    for _ in 0..50_000 {
        shelf.insert(fastrand::u64(..50), 0).expect("stored");
    }
    assert!(
        shelf.store.records() <= 2 * 50 + 64 + 1,
        "{}",
        shelf.store.records()
    );
}
