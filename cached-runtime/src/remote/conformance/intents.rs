//! Writes under way, sources that lag, and tokens that were softly replaced.

use std::time::Duration;

use super::Conformance;
use super::process::{A_LITTLE_MORE, IF_NEW, LONG, Process, SHORT, done, entry, only, tag};
use crate::remote::{Cell, CellState, Concluded, How, Intent, Locked, Turn};

/// A token that lives for long, in the place of an intent for a short while.
const LAGGING: Turn = Turn {
    lag: Some(SHORT),
    ..Turn::keeping(LONG)
};
const SOFT: Turn = Turn {
    soft: Some(SHORT),
    ..Turn::keeping(LONG)
};
const HARD: Turn = Turn::keeping(LONG);

async fn intend(process: &Process<'_>, cell: &Cell, life: Duration) -> Intent {
    only(done(process.remote.intend(vec![cell.clone()], life).await))
}

async fn conclude(process: &Process<'_>, cell: &Cell, intent: Intent) -> Concluded {
    let intents = vec![(cell.clone(), intent)];
    only(done(process.remote.conclude(vec![], intents, HARD).await))
}

async fn turn(process: &Process<'_>, cell: &Cell, turn: Turn) {
    done(
        process
            .remote
            .rotate(vec![], vec![cell.clone()], turn)
            .await,
    );
}

fn mark(name: &str) -> Cell {
    Cell::Replaced(name.into())
}

pub(super) async fn an_intent_hides_the_cell_from_everybody(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (there, missing, other) = (tag("intent:there"), tag("intent:new"), tag("intent:other"));
    let before = one.ensure(&there, LONG).await;
    let untouched = one.ensure(&other, LONG).await;
    let cells = vec![there.clone(), missing.clone()];
    let intents = done(one.remote.intend(cells, LONG).await);
    assert_eq!(intents.len(), 2);
    assert!(intents.iter().all(|intent| !intent.overlaps), "{intents:?}");
    assert_ne!(intents[0].token, intents[1].token);
    for cell in [&there, &missing] {
        assert_eq!(two.cell(cell).await, CellState::Intent);
        assert_eq!(
            two.ensure(cell, LONG).await,
            CellState::Intent,
            "not replaced"
        );
    }
    assert_eq!(two.cell(&other).await, untouched);
    let intents = [there.clone(), missing.clone()].into_iter().zip(intents);
    let ended = one.remote.conclude(vec![], intents.collect(), HARD).await;
    assert_eq!(done(ended), [Concluded::Ended; 2]);
    assert_ne!(
        two.proof(&there).await,
        before.proof().unwrap_or_else(|| panic!("no token"))
    );
    two.proof(&missing).await;
}

pub(super) async fn an_invalidation_leaves_an_intent_alone(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("intent:rotated");
    let intent = intend(&one, &cell, LONG).await;
    two.rotate(&cell, LONG).await;
    assert_eq!(two.cell(&cell).await, CellState::Intent);
    turn(&two, &cell, LAGGING).await;
    turn(&two, &cell, SOFT).await;
    assert_eq!(conclude(&one, &cell, intent).await, Concluded::Ended);
    two.proof(&cell).await;
}

pub(super) async fn writes_that_overlap_are_ended_by_none_of_them(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("intent:overlap");
    let first = intend(&one, &cell, SHORT).await;
    let second = intend(&two, &cell, SHORT).await;
    assert!(!first.overlaps && second.overlaps);
    assert_eq!(conclude(&one, &cell, first).await, Concluded::Left);
    assert_eq!(one.cell(&cell).await, CellState::Intent, "the second runs");
    assert_eq!(conclude(&two, &cell, second).await, Concluded::Left);
    assert_eq!(
        one.cell(&cell).await,
        CellState::Intent,
        "the first may run"
    );
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(one.cell(&cell).await, CellState::Missing);
    let third = intend(&two, &cell, SHORT).await;
    assert!(!third.overlaps, "nothing is under way any more");
    assert_eq!(conclude(&two, &cell, third).await, Concluded::Ended);
}

pub(super) async fn a_later_intent_lives_no_shorter(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("intent:longer");
    let first = intend(&one, &cell, LONG).await;
    intend(&two, &cell, SHORT).await;
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(two.cell(&cell).await, CellState::Intent);
    assert_eq!(conclude(&one, &cell, first).await, Concluded::Left);
}

pub(super) async fn an_intent_of_a_dead_writer_ends_as_a_missing_cell(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("intent:dead");
    let before = one.ensure(&cell, LONG).await;
    let intent = intend(&one, &cell, SHORT).await;
    // Neither of these makes it live longer.
    two.rotate(&cell, LONG).await;
    assert_eq!(two.ensure(&cell, LONG).await, CellState::Intent);
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(two.cell(&cell).await, CellState::Missing);
    let made = two.ensure(&cell, LONG).await;
    assert_ne!(made, before);
    assert_eq!(conclude(&one, &cell, intent).await, Concluded::Weakened);
    assert_ne!(
        two.cell(&cell).await,
        made,
        "what was stored meanwhile is void"
    );
    two.proof(&cell).await;
}

pub(super) async fn a_write_turns_families_over_when_it_ends(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (family, cell) = (Cell::Family("intent:".into()), tag("intent:family"));
    let before = one.ensure(&family, LONG).await;
    let intent = intend(&one, &cell, LONG).await;
    assert_eq!(two.cell(&family).await, before, "not when it begins");
    let intents = vec![(cell.clone(), intent)];
    let ended = one.remote.conclude(vec![family.clone()], intents, HARD);
    assert_eq!(done(ended.await), [Concluded::Ended]);
    let after = two.proof(&family).await;
    assert_ne!(CellState::Current(after), before);
    // A retry, or the end of a write that was left.
    let (family, none) = (vec![family.clone()], vec![]);
    assert_eq!(done(one.remote.conclude(family, none, HARD).await), []);
    let after_all = two.proof(&Cell::Family("intent:".into())).await;
    assert_ne!(after_all, after);
}

pub(super) async fn three_hundred_intents_go_at_once(suite: &Conformance) {
    let one = suite.process().await;
    let cells: Vec<_> = (0..300).map(|n| tag(&format!("intent:many:{n}"))).collect();
    let odd = intend(&one, &cells[277], LONG).await;
    let intents = done(one.remote.intend(cells.clone(), LONG).await);
    let overlaps = intents.iter().map(|intent| intent.overlaps);
    let overlaps: Vec<_> = overlaps
        .enumerate()
        .filter(|(_, overlaps)| *overlaps)
        .collect();
    assert_eq!(overlaps, [(277, true)], "in the order of the questions");
    assert_ne!(intents[277].token, odd.token);
    let intents = cells.iter().cloned().zip(intents).collect();
    let ended = done(one.remote.conclude(vec![], intents, HARD).await);
    let left = ended
        .iter()
        .enumerate()
        .filter(|(_, ended)| **ended != Concluded::Ended);
    assert_eq!(left.collect::<Vec<_>>(), [(277, &Concluded::Left)]);
    one.proof(&cells[276]).await;
    assert_eq!(one.cell(&cells[277]).await, CellState::Intent);
    assert_eq!(done(one.remote.intend(vec![], LONG).await), []);
    assert_eq!(done(one.remote.conclude(vec![], vec![], HARD).await), []);
}

pub(super) async fn a_lag_leaves_intents_that_end_by_themselves(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (family, cell) = (Cell::Family("lag:".into()), tag("lag:1"));
    let before = one.ensure(&cell, LONG).await;
    one.ensure(&family, LONG).await;
    let (first, then) = (vec![family.clone()], vec![cell.clone()]);
    done(one.remote.rotate(first, then, LAGGING).await);
    for cell in [&family, &cell] {
        assert_eq!(two.cell(cell).await, CellState::Intent, "{cell:?}");
        assert_eq!(two.ensure(cell, LONG).await, CellState::Intent, "{cell:?}");
    }
    // Others neither end it nor shorten it.
    two.rotate(&cell, LONG).await;
    assert_eq!(two.cell(&cell).await, CellState::Intent);
    suite.wait(A_LITTLE_MORE).await;
    for cell in [&family, &cell] {
        assert_eq!(two.cell(cell).await, CellState::Missing, "{cell:?}");
    }
    assert_ne!(two.ensure(&cell, LONG).await, before);
}

pub(super) async fn a_lag_begins_anew_with_each_invalidation(suite: &Conformance) {
    let one = suite.process().await;
    let (long, cell, write) = (tag("lag:long"), tag("lag:again"), tag("lag:write"));
    let longer = Turn {
        lag: Some(LONG),
        ..HARD
    };
    turn(&one, &cell, LAGGING).await;
    turn(&one, &cell, longer).await;
    turn(&one, &long, longer).await;
    turn(&one, &long, LAGGING).await;
    intend(&one, &write, SHORT).await;
    turn(&one, &write, longer).await;
    suite.wait(A_LITTLE_MORE).await;
    for cell in [&cell, &long, &write] {
        assert_eq!(one.cell(cell).await, CellState::Intent, "{cell:?}");
    }
}

pub(super) async fn a_write_that_ends_leaves_a_lag(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (ended, gone) = (tag("lag:ended"), tag("lag:gone"));
    // A lag is no write: what comes after it overlaps with nothing.
    turn(&one, &ended, LAGGING).await;
    let mut intents = Vec::new();
    for cell in [&ended, &gone] {
        let intent = intend(&one, cell, LONG).await;
        assert!(!intent.overlaps);
        intents.push((cell.clone(), intent));
    }
    // As if the second had been lost, and the tag invalidated since.
    intents[1].1.token[9] ^= 1;
    let other = intend(&two, &tag("lag:other"), LONG).await;
    assert_ne!(other.token, intents[1].1.token);
    let turn = LAGGING;
    let concluded = done(one.remote.conclude(vec![], intents.clone(), turn).await);
    assert_eq!(concluded, [Concluded::Ended, Concluded::Left]);
    assert_eq!(two.cell(&ended).await, CellState::Intent);
    let again = done(one.remote.conclude(vec![], intents, HARD).await);
    assert_eq!(again[0], Concluded::Weakened, "a lag is nobody's intent");
    assert_eq!(two.cell(&ended).await, CellState::Intent, "and it stays");
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(two.cell(&ended).await, CellState::Missing);
}

pub(super) async fn a_key_is_not_leased_while_its_source_lags(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let key = entry("lag:key");
    one.store(&key, b"old").await;
    let held = one.granted(&entry("lag:held"), IF_NEW, LONG).await;
    let entries = vec![key.clone(), entry("lag:held")];
    done(two.remote.remove(entries, LAGGING).await);
    assert_eq!(one.bytes(&key).await, None);
    assert!(!one.fill(&entry("lag:held"), held, b"old").await);
    for how in [IF_NEW, How::TakeOver, How::Replace] {
        assert_eq!(one.lock(&key, how, LONG).await, Locked::Pass, "{how:?}");
    }
    assert_eq!(one.cell(&Cell::Key(key.clone())).await, CellState::Intent);
    // One without a lag does not end it.
    one.remove(&key).await;
    assert_eq!(one.lock(&key, IF_NEW, LONG).await, Locked::Pass);
    assert_eq!(one.cell(&Cell::Key(key.clone())).await, CellState::Intent);
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(one.cell(&Cell::Key(key.clone())).await, CellState::Missing);
    one.store(&key, b"new").await;
}

pub(super) async fn a_soft_turn_shows_the_token_it_replaced(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (cell, never) = (tag("soft:1"), tag("soft:never"));
    let before = one.ensure(&cell, LONG).await;
    assert_eq!(one.cell(&mark("soft:1")).await, CellState::Missing);
    done(
        one.remote
            .rotate(vec![], vec![cell.clone(), never], SOFT)
            .await,
    );
    assert_ne!(two.cell(&cell).await, before);
    two.proof(&cell).await;
    assert_eq!(two.cell(&mark("soft:1")).await, before);
    assert_eq!(two.cell(&mark("soft:never")).await, CellState::Missing);
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(two.cell(&mark("soft:1")).await, CellState::Missing);
    two.proof(&cell).await;
}

pub(super) async fn whatever_is_not_soft_ends_what_was(suite: &Conformance) {
    let one = suite.process().await;
    let names = ["soft:hard", "soft:lag", "soft:write", "soft:twice"];
    for name in names {
        one.ensure(&tag(name), LONG).await;
        turn(&one, &tag(name), SOFT).await;
        assert_ne!(one.cell(&mark(name)).await, CellState::Missing);
    }
    let [hard, lag, write, twice] = names;
    turn(&one, &tag(hard), HARD).await;
    turn(&one, &tag(lag), LAGGING).await;
    let intent = intend(&one, &tag(write), LONG).await;
    for name in [hard, lag, write] {
        assert_eq!(one.cell(&mark(name)).await, CellState::Missing, "{name}");
    }
    // Nor does it mark what a write hides, and what is behind that.
    turn(&one, &tag(write), SOFT).await;
    assert_eq!(conclude(&one, &tag(write), intent).await, Concluded::Ended);
    assert_eq!(one.cell(&mark(write)).await, CellState::Missing);
    // Of two, the later one counts.
    let between = one.cell(&tag(twice)).await;
    turn(&one, &tag(twice), SOFT).await;
    assert_eq!(one.cell(&mark(twice)).await, between);
}
