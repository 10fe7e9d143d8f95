//! Look-ups that ask for the lease where they find nothing.

use super::Conformance;
use super::process::{IF_NEW, LONG, Process, done, entry, if_seen, tag};
use crate::remote::{Cell, CellState, Ended, EntryName, Locked, ReadOrLock, Release};

async fn open(process: &Process<'_>, entry: &EntryName, cells: &[Cell]) -> ReadOrLock {
    let asked = process
        .remote
        .read_or_lock(entry.clone(), LONG, cells.to_vec(), LONG);
    let opened = done(asked.await);
    assert_eq!(opened.cells.len(), cells.len(), "each cell has a state");
    opened
}

pub(super) async fn who_reads_or_locks_is_given_what_is_there(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (entry, made, missing) = (entry("open:there"), tag("open:made"), tag("open:missing"));
    let state = one.ensure(&made, LONG).await;
    let stored = one.store(&entry, b"value").await;
    let opened = open(&two, &entry, &[made, missing.clone()]).await;
    let bytes = opened.entry.bytes.as_deref();
    assert_eq!(bytes, one.bytes(&entry).await.as_deref());
    assert_eq!(opened.entry.incarnation, one.incarnation().await);
    assert_eq!(opened.locked, Locked::Changed);
    assert_eq!(opened.cells, [state, CellState::Missing]);
    assert_eq!(one.cell(&missing).await, CellState::Missing, "it was made");
    // Nobody holds its lease.
    one.granted(&entry, if_seen(stored), LONG).await;
}

pub(super) async fn who_reads_or_locks_has_the_lease_where_nothing_is(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (entry, made, missing) = (entry("open:free"), tag("free:made"), tag("free:missing"));
    let state = one.ensure(&made, LONG).await;
    let opened = open(&two, &entry, &[missing.clone(), made]).await;
    assert_eq!(opened.entry.bytes, None);
    let Locked::Granted(lease) = opened.locked else {
        panic!("a lease that should be granted is {:?}", opened.locked);
    };
    assert_eq!(opened.cells, [one.cell(&missing).await, state]);
    assert!(matches!(opened.cells[0], CellState::Current(_)));
    one.busy(&entry).await;
    assert!(two.fill(&entry, lease, b"value").await, "whose lease it is");
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"value"[..]));
}

pub(super) async fn who_reads_or_locks_in_vain_is_told_when_it_ends(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("open:busy");
    let mut waiter = two.waits_for(&entry);
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    let opened = open(&two, &entry, &[tag("open:cell")]).await;
    let Locked::Busy(left) = opened.locked else {
        panic!("a lease that should be busy is {:?}", opened.locked);
    };
    assert!(left <= LONG && left > LONG / 2, "{left:?} of {LONG:?}");
    one.release(&entry, lease, Release::NotStored).await;
    assert_eq!(waiter.heard().await, Ended::NotStored);
    let opened = open(&two, &entry, &[]).await;
    assert_eq!(opened.locked, Locked::Pass);
}

pub(super) async fn who_reads_or_locks_has_no_lease_while_a_cell_is_hidden(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (entry, cell, other) = (entry("open:hidden"), tag("open:intent"), tag("open:other"));
    done(one.remote.intend(vec![cell.clone()], LONG).await);
    let opened = open(&two, &entry, &[other, cell]).await;
    assert_eq!((opened.entry.bytes, opened.locked), (None, Locked::Changed));
    assert_eq!(opened.cells[1], CellState::Intent);
    one.granted(&entry, IF_NEW, LONG).await;
}
