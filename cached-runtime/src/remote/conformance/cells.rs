//! Cells: made, rotated, kept and gone.

use std::collections::HashSet;

use super::Conformance;
use super::process::{A_LITTLE_MORE, IF_NEW, LONG, SHORT, done, entry, envelope, tag, wish};
use crate::remote::{Cell, CellState, Fill, Turn};

pub(super) async fn a_cell_that_nobody_made_is_missing(suite: &Conformance) {
    let one = suite.process().await;
    for cell in [
        tag("nobody"),
        Cell::Family("nobody".into()),
        Cell::Key(entry("nobody")),
    ] {
        assert_eq!(one.cell(&cell).await, CellState::Missing, "{cell:?}");
        assert_eq!(one.cell(&cell).await, CellState::Missing, "reading made it");
    }
}

pub(super) async fn ensure_makes_a_cell_once(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("ensured");
    let made = one.ensure(&cell, LONG).await;
    assert!(matches!(made, CellState::Current(_)), "{made:?}");
    assert_eq!(two.ensure(&cell, LONG).await, made);
    assert_eq!(one.ensure(&cell, LONG).await, made);
    assert_eq!(one.cell(&cell).await, made);
}

pub(super) async fn ensure_reads_the_second_list_after_making_the_first(suite: &Conformance) {
    let one = suite.process().await;
    let (made, other) = (tag("ensured:first"), tag("ensured:never"));
    let (cells, then) = (vec![made.clone()], vec![other.clone(), made.clone()]);
    let states = done(one.remote.ensure(cells, then, LONG).await);
    let now = one.cell(&made).await;
    assert_ne!(now, CellState::Missing);
    assert_eq!(states, [now, CellState::Missing, now]);
    assert_eq!(
        one.cell(&other).await,
        CellState::Missing,
        "it is read only"
    );
}

pub(super) async fn all_processes_see_the_same_proof_while_nothing_happens(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (cell, other) = (tag("quiet"), tag("quiet:other"));
    one.ensure(&cell, LONG).await;
    let proof = one.proof(&cell).await;
    assert_eq!(two.proof(&cell).await, proof);
    one.rotate(&other, LONG).await;
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(one.proof(&cell).await, proof);
    assert_eq!(two.proof(&cell).await, proof);
    assert_ne!(two.proof(&other).await, proof);
    assert_eq!(
        suite.process().await.proof(&cell).await,
        proof,
        "who comes later"
    );
}

pub(super) async fn rotate_changes_the_proof_for_everybody(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cells = ["first", "then", "rotated:not"].map(tag);
    for cell in &cells {
        one.ensure(cell, LONG).await;
    }
    let before = one.cells(&cells).await;
    let [first, then, _] = cells.clone();
    done(
        two.remote
            .rotate(vec![first], vec![then], Turn::keeping(LONG))
            .await,
    );
    let after = one.cells(&cells).await;
    assert!(
        after.iter().all(|state| state.proof().is_some()),
        "{after:?}"
    );
    assert_ne!(after[0], before[0], "one of the first list");
    assert_ne!(after[1], before[1], "one of the second list");
    assert_eq!(after[2], before[2], "one that was not rotated");
    assert_eq!(two.cells(&cells).await, after);
}

pub(super) async fn rotate_makes_a_missing_cell(suite: &Conformance) {
    let one = suite.process().await;
    let cell = tag("rotated:new");
    one.rotate(&cell, LONG).await;
    let state = one.cell(&cell).await;
    assert!(matches!(state, CellState::Current(_)), "{state:?}");
    assert_eq!(one.ensure(&cell, LONG).await, state);
}

pub(super) async fn no_proof_comes_back(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("rotated:often");
    let mut seen = HashSet::new();
    for process in [&one, &two].repeat(25) {
        process.rotate(&cell, LONG).await;
        assert!(seen.insert(one.proof(&cell).await), "a proof came back");
    }
    one.rotate(&cell, SHORT).await;
    seen.insert(one.proof(&cell).await);
    suite.wait(A_LITTLE_MORE).await;
    two.ensure(&cell, LONG).await;
    assert!(seen.insert(one.proof(&cell).await), "a proof came back");
}

pub(super) async fn cells_of_different_kinds_do_not_meet(suite: &Conformance) {
    let one = suite.process().await;
    let name = "one:name";
    let kinds = [tag(name), Cell::Family(name.into()), Cell::Key(entry(name))];
    for (at, kind) in kinds.iter().enumerate() {
        one.ensure(kind, LONG).await;
        for later in &kinds[at + 1..] {
            assert_eq!(
                one.cell(later).await,
                CellState::Missing,
                "{later:?} by {kind:?}"
            );
        }
    }
    assert_eq!(one.bytes(&entry(name)).await, None, "a cell is no entry");
    one.store(&entry(name), b"entry").await;
    let before = one.cells(&kinds).await;
    one.rotate(&kinds[0], LONG).await;
    let after = one.cells(&kinds).await;
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
}

pub(super) async fn a_cell_ends_with_its_life(suite: &Conformance) {
    let one = suite.process().await;
    let cells = ["ends:ensured", "ends:rotated", "ends:locked", "ends:not"].map(tag);
    let [ensured, rotated, locked, longer] = &cells;
    let free = vec![wish(&entry("ends"), IF_NEW, LONG)];
    for cell in [rotated, longer] {
        one.ensure(cell, LONG).await;
    }
    one.ensure(ensured, SHORT).await;
    one.rotate(rotated, SHORT).await;
    done(one.remote.lock(free, vec![locked.clone()], SHORT).await);
    // A token that is there keeps its life.
    one.ensure(ensured, LONG).await;
    let states = one.cells(&cells).await;
    assert!(!states.contains(&CellState::Missing), "{states:?}");
    suite.wait(A_LITTLE_MORE).await;
    let states = one.cells(&cells).await;
    assert_eq!(states[..3], [CellState::Missing; 3]);
    assert_ne!(states[3], CellState::Missing);
}

pub(super) async fn lock_makes_missing_cells(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (cell, other) = (tag("locked:there"), tag("locked:missing"));
    let there = one.ensure(&cell, LONG).await;
    let lock = || vec![wish(&entry("locked:cells"), IF_NEW, LONG)];
    let cells = vec![other.clone(), cell.clone()];
    let reply = done(one.remote.lock(lock(), cells.clone(), LONG).await);
    assert!(matches!(reply.cells[0], CellState::Current(_)), "{reply:?}");
    assert_eq!(reply.cells[1], there);
    assert_eq!(two.cells(&cells).await, reply.cells);
    // Also where the lease is not granted.
    let cells = vec![tag("locked:busy"), cell];
    let reply = done(two.remote.lock(lock(), cells.clone(), LONG).await);
    assert!(matches!(reply.cells[0], CellState::Current(_)), "{reply:?}");
    assert_eq!(one.cells(&cells).await, reply.cells);
}

pub(super) async fn fill_reads_cells_and_makes_none(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (cell, never) = (tag("filled:there"), tag("filled:missing"));
    one.ensure(&cell, LONG).await;
    let entry = entry("filled:cells");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    two.rotate(&cell, LONG).await;
    let now = two.cell(&cell).await;
    for stored in [true, false] {
        let envelope = envelope(lease, b"");
        let (entry, life) = (entry.clone(), LONG);
        let fill = Fill {
            entry,
            lease,
            envelope,
            life,
        };
        let cells = vec![cell.clone(), never.clone()];
        let reply = done(one.remote.fill(vec![fill], cells, LONG).await);
        assert_eq!(reply.fills[0].stored, stored, "a lease fills once");
        assert_eq!(reply.cells, [now, CellState::Missing]);
    }
    assert_eq!(
        one.cell(&never).await,
        CellState::Missing,
        "it is read only"
    );
}

pub(super) async fn fill_keeps_a_cell_for_longer_and_never_shorter(suite: &Conformance) {
    let one = suite.process().await;
    let cells = ["kept:short", "kept:not", "kept:long"].map(tag);
    let [short, ends, long] = &cells;
    one.ensure(short, SHORT).await;
    one.ensure(ends, SHORT).await;
    one.ensure(long, LONG).await;
    for (name, cell, keep) in [("kept:1", short, LONG), ("kept:2", long, SHORT)] {
        let entry = entry(name);
        let lease = one.granted(&entry, IF_NEW, LONG).await;
        let fill = Fill {
            entry,
            lease,
            envelope: envelope(lease, b""),
            life: LONG,
        };
        let before = one.cell(cell).await;
        let reply = done(one.remote.fill(vec![fill], vec![cell.clone()], keep).await);
        assert_eq!(reply.cells, [before], "a longer life is no other token");
    }
    suite.wait(A_LITTLE_MORE).await;
    let states = one.cells(&cells).await;
    assert_ne!(states[0], CellState::Missing, "kept for longer");
    assert_eq!(states[1], CellState::Missing, "not kept");
    assert_ne!(states[2], CellState::Missing, "kept for as long as before");
}

pub(super) async fn remove_rotates_the_cell_of_a_key_that_has_one(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (with, without) = (entry("removed:with"), entry("removed:without"));
    let cells = [
        Cell::Key(with.clone()),
        Cell::Key(without.clone()),
        Cell::Key(entry("removed:other")),
        tag("removed:with"),
    ];
    for at in [0, 2, 3] {
        one.ensure(&cells[at], LONG).await;
    }
    let before = one.cells(&cells).await;
    done(
        two.remote
            .remove(vec![with, without], Turn::keeping(LONG))
            .await,
    );
    let after = one.cells(&cells).await;
    assert!(matches!(after[0], CellState::Current(_)), "{after:?}");
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1], CellState::Missing, "none is made");
    assert_eq!(after[2..], before[2..], "cells of others stay");
}
