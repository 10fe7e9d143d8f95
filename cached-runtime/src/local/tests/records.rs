//! What the ledger keeps of entries.

use std::sync::Arc;

use super::super::sought::Record;
use super::{Shelf, raw};

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

/// A record has the last bits of an entry's number only.
#[test]
fn an_entry_whose_number_ends_like_that_of_the_one_before_takes_its_place() {
    let shelf = Shelf::new(10, None);
    for round in 0..500 {
        let start = 7 + (round << Record::BITS);
        let entry = shelf.entry(1, start, 0, &[]);
        shelf.store(1, &entry).expect("stored");
        let found = shelf.store.peek(&raw(1)).expect("there");
        assert!(Arc::ptr_eq(&found, &entry), "round {round}");
        assert_eq!(shelf.store.size(), (1, 0));
        assert!(shelf.store.records() <= 2 + 64 + 1);
    }
    for key in 2..100 {
        shelf.insert(key, 0).expect("stored");
        assert!(shelf.store.size().0 <= 10);
    }
}
