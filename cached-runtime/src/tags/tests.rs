use crate::clock::Moment;

use super::{Manner, Sequence, Tag, TagTable};

fn tag(text: &str) -> Tag {
    text.into()
}

#[test]
fn an_invalidation_breaks_what_began_before_it_and_nothing_after() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let before = sequence.next();
    let cell = table.cell(&tag("user:1"));
    table.invalidate(&tag("user:1"), sequence.next(), Manner::default());
    let after = sequence.next();
    assert!(!cell.unbroken_since(before));
    assert!(cell.unbroken_since(after));
    assert!(table.cell(&tag("user:2")).unbroken_since(before));
}

#[test]
fn a_late_invalidation_with_an_early_number_changes_nothing() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let (early, late) = (sequence.next(), sequence.next());
    let between = late;
    table.invalidate(&tag("t"), late + 1, Manner::default());
    table.invalidate(&tag("t"), early, Manner::default());
    assert!(!table.cell(&tag("t")).unbroken_since(between));
}

#[test]
fn cells_nobody_holds_are_forgotten_but_not_what_they_knew() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let start = sequence.next();
    table.invalidate(&tag("lost"), sequence.next(), Manner::default());
    for i in 0..100_000 {
        table.cell(&tag(&format!("other:{i}")));
    }
    assert!(table.len() <= 16 * 1_024, "{}", table.len());
    assert!(
        !table.cell(&tag("lost")).unbroken_since(start),
        "a load that began before must be refused"
    );
}

#[test]
fn a_cell_that_is_held_is_never_pruned() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let held = table.cell(&tag("held"));
    for i in 0..100_000 {
        table.cell(&tag(&format!("other:{i}")));
    }
    let start = sequence.next();
    table.invalidate(&tag("held"), sequence.next(), Manner::default());
    assert!(!held.unbroken_since(start));
}

#[test]
fn a_tag_of_the_users_never_meets_the_tag_of_a_prefix() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let (prefix, user) = (table.prefix_cell("user"), table.cell(&tag("@fn:user")));
    let start = sequence.next();
    table.invalidate(&tag("@fn:user"), sequence.next(), Manner::default());
    assert!(prefix.unbroken_since(start) && !user.unbroken_since(start));
    assert_eq!((prefix.tag(), user.tag()), (None, Some(tag("@fn:user"))));
}

#[test]
fn r18_an_invalidation_that_is_overtaken_by_a_soft_one_is_none_the_less_one() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let start = sequence.next();
    let (hard, soft) = (sequence.next(), sequence.next());
    let cell = table.cell(&tag("t"));
    let softly = Manner {
        soft_until: Some(Moment::LAST),
        ..Manner::default()
    };
    table.invalidate(&tag("t"), soft, softly);
    assert!(cell.softly_since(start, Moment::FIRST) && !cell.unbroken_since(start));
    // The number was drawn before, and is applied after it.
    table.invalidate(&tag("t"), hard, Manner::default());
    assert!(!cell.softly_since(start, Moment::FIRST));
}

#[test]
fn a_lag_of_a_tag_that_is_forgotten_counts_for_those_that_are_made_after_it() {
    let (sequence, table) = (Sequence::new(), TagTable::new());
    let lagging = Manner {
        lags_until: Some(Moment::LAST),
        ..Manner::default()
    };
    table.invalidate(&tag("lost"), sequence.next(), lagging);
    for i in 0..100_000 {
        table.cell(&tag(&format!("other:{i}")));
    }
    assert!(table.len() <= 16 * 1_024, "{}", table.len());
    assert!(table.cell(&tag("lost")).rare().hides(Moment::FIRST));
}
