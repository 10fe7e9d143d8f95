use super::*;
use crate::remote::{Cell, EntryName, Part};

fn one(name: &str) -> Read {
    Read {
        entries: vec![(EntryName::new(name), Part::Whole)],
        cells: vec![Cell::Tag("t".into()); 3],
    }
}

/// Everybody who goes alone, and one trip.
fn busy() -> (Reads, Vec<Way>) {
    let reads = Reads::default();
    let ways: Vec<_> = (0..=ALONE).map(|_| reads.way(one("n"))).collect();
    let (trip, alone) = ways.split_last().unwrap();
    assert!(alone.iter().all(|way| matches!(way, Way::Alone(_))));
    assert!(matches!(trip, Way::Trip(_)));
    (reads, ways)
}

#[test]
fn more_go_alone_where_the_kernel_packs_them_together() {
    let reads = Reads::default();
    for (packed, most) in [(false, ALONE), (true, PACKED), (false, ALONE)] {
        reads.pack(packed);
        let ways: Vec<_> = (0..PACKED + 2).map(|_| reads.way(one("n"))).collect();
        let alone = ways.iter().filter(|way| matches!(way, Way::Alone(_)));
        assert_eq!(alone.count(), most);
        let mut traffic = reads.traffic();
        (traffic.alone, traffic.trips) = (0, 0);
        traffic.waiting.clear();
    }
}

#[test]
fn f21_nobody_joins_a_batch_that_was_sealed() {
    let (reads, _ways) = busy();
    let first = reads.seal(Why::Waited);
    let later = reads.way(one("later"));
    assert!(matches!(later, Way::Batch(_)));
    assert_eq!(first.len(), 1);
    let next = reads.seal(Why::Waited);
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].what.entries[0].0.as_str(), "later");
}

#[test]
fn who_comes_after_the_last_batch_starts_a_trip() {
    let (reads, _ways) = busy();
    assert_eq!(reads.seal(Why::Waited).len(), 1);
    assert!(reads.seal(Why::Waited).is_empty());
    assert!(matches!(reads.way(one("n")), Way::Trip(_)));
    assert!(matches!(reads.way(one("n")), Way::Batch(_)));
}

#[test]
fn nobody_goes_alone_while_others_go_together() {
    let (reads, _ways) = busy();
    reads.traffic().alone = 0;
    let joins = reads.way(one("n"));
    assert!(matches!(joins, Way::Batch(_)));
    assert_eq!(reads.seal(Why::Waited).len(), 2);
    assert!(reads.seal(Why::Waited).is_empty());
    assert!(matches!(reads.way(one("n")), Way::Alone(_)));
}

#[test]
fn a_second_batch_goes_as_soon_as_it_is_a_crowd_and_no_third() {
    let (reads, _ways) = busy();
    let mut ways: Vec<_> = (2..CROWD).map(|_| reads.way(one("n"))).collect();
    assert!(ways.iter().all(|way| matches!(way, Way::Batch(_))));
    assert!(matches!(reads.way(one("n")), Way::Trip(_)));
    assert_eq!(reads.seal(Why::Waited).len(), CROWD - 1);
    ways.extend((0..2 * CROWD).map(|_| reads.way(one("n"))));
    assert!(ways.iter().all(|way| matches!(way, Way::Batch(_))));
}

#[test]
fn more_batches_go_side_by_side_where_each_is_full() {
    let (reads, _ways) = busy();
    let mut ways = Vec::new();
    let mut trips = 1;
    for _ in 0..2 * FULL_TRIPS * KEYS {
        let way = reads.way(one("n"));
        let waiting = reads.traffic().waiting.len();
        if matches!(way, Way::Trip(_)) {
            trips += 1;
            assert!(trips == TRIPS || waiting >= KEYS, "{trips} with {waiting}");
            assert_eq!(reads.seal(Why::Waited).len(), waiting.min(KEYS));
        }
        assert_eq!(
            reads.has_full_batch(),
            reads.traffic().waiting.len() >= KEYS
        );
        ways.push(way);
    }
    assert_eq!(trips, FULL_TRIPS);
    // Where fewer wait two are enough, unless they are slow.
    while reads.traffic().waiting.len() >= ENOUGH {
        assert!(!reads.seal(Why::Slow).is_empty());
    }
    ways.push(reads.way(one("n")));
    for left in [3, 2] {
        assert!(reads.seal(Why::Waited).is_empty());
        assert_eq!(reads.traffic().trips, left);
    }
    assert!(!reads.seal(Why::Waited).is_empty());
}

#[test]
fn a_batch_is_bounded_and_those_who_left_are_not_in_it() {
    let (reads, ways) = busy();
    drop(ways);
    let stay: Vec<_> = (0..KEYS + 10).map(|_| reads.way(one("n"))).collect();
    assert_eq!(reads.seal(Why::Slow).len(), KEYS);
    assert_eq!(reads.seal(Why::Slow).len(), 10);
    drop(stay);
}
