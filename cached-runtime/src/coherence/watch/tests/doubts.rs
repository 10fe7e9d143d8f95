//! What is in doubt, and what settles it (I10).

use super::*;

#[test]
fn i10_a_push_puts_in_doubt_and_a_later_question_settles() {
    for push in [tag("t"), key("k")] {
        let desk = Desk::following();
        let copy = desk.copy("k", &["s", "t"]);
        let others = [desk.copy("other", &["s"]), desk.copy("third", &[])];
        assert!(desk.gives(&copy));
        let before = desk.ask();
        desk.watch.changed(&push);
        assert!(!desk.gives(&copy), "{push:?}");
        desk.confirm(&copy, before, HERE);
        assert!(!desk.gives(&copy), "asked before the push: {push:?}");
        desk.confirm(&copy, desk.ask(), HERE);
        assert!(desk.gives(&copy), "{push:?}");
        desk.confirm(&copy, before, HERE);
        assert!(desk.gives(&copy), "a late answer takes nothing back");
        assert!(others.iter().all(|other| desk.gives(other)), "{push:?}");
    }
}

/// The reply of a load may come after the push that made it old.
#[test]
fn i10_a_copy_that_was_asked_for_before_a_push_is_made_in_doubt() {
    for push in [tag("t"), key("k")] {
        let desk = Desk::following();
        let asked = desk.ask();
        desk.watch.changed(&push);
        assert!(!desk.gives(&desk.kept("k", &["t"], asked)), "{push:?}");
        assert!(desk.gives(&desk.copy("k", &["t"])), "{push:?}");
    }
}

#[test]
fn i10_a_tag_that_nobody_held_begins_with_the_doubt() {
    let desk = Desk::following();
    let asked = desk.ask();
    desk.watch.changed(&tag("unheld"));
    let cell = desk.tags.cell(&Tag::from("unheld"));
    assert!(!cell.undoubted_since(asked));
    assert!(cell.undoubted_since(desk.ask()));
}

#[test]
fn i10_what_forgotten_tags_knew_of_doubts_is_kept() {
    let desk = Desk::following();
    let asked = desk.ask();
    let held = desk.tags.cell(&Tag::from("lost"));
    desk.watch.changed(&tag("lost"));
    drop(held);
    for other in 0..100_000 {
        desk.tags
            .cell(&Tag::from(format!("other:{other}").as_str()));
    }
    let again = desk.tags.cell(&Tag::from("lost"));
    assert!(!again.undoubted_since(asked), "the doubt was forgotten");
}

#[test]
fn i10_keys_that_share_a_place_share_doubts() {
    let desk = Desk::following();
    let first = desk.watch.place(&entry("k"));
    let mut names = (0..1_000_000).map(|number| format!("other:{number}"));
    let same = names.find(|name| desk.watch.place(&entry(name)) == first);
    let same = same.unwrap();
    let apart = names.find(|name| desk.watch.place(&entry(name)) != first);
    let copies = [desk.copy("k", &[]), desk.copy(&same, &[])];
    let apart = desk.copy(&apart.unwrap(), &[]);
    desk.watch.changed(&key(&same));
    assert!(copies.iter().all(|copy| !desk.gives(copy)));
    assert!(desk.gives(&apart));
}

#[test]
fn i10_who_begins_to_follow_doubts_what_was_confirmed_before() {
    let desk = Desk::new(Some(Coherence::Bounded(WINDOW)));
    let never = desk.copy("never", &[]);
    let asked = desk.ask();
    desk.watch.begin(HERE);
    desk.beat();
    let late = desk.kept("late", &[], asked);
    assert!(!desk.gives(&never) && !desk.gives(&late));
    let copy = desk.copy("k", &[]);
    desk.watch.end("it broke");
    let asked = desk.ask();
    desk.watch.begin(HERE);
    desk.beat();
    assert!(!desk.gives(&copy), "what came in between is not known");
    desk.confirm(&copy, asked, HERE);
    assert!(!desk.gives(&copy), "asked while nobody followed");
    desk.confirm(&copy, desk.ask(), HERE);
    assert!(desk.gives(&copy));
}

#[test]
fn i10_what_is_answered_while_nobody_follows_confirms_nothing() {
    let desk = Desk::following();
    let copy = desk.copy("k", &[]);
    desk.watch.changed(&key("k"));
    desk.watch.end("it broke");
    desk.confirm(&copy, desk.ask(), HERE);
    assert!(!desk.gives(&copy) && !desk.gives(&desk.copy("other", &[])));
}

#[test]
fn i10_another_server_than_the_one_that_is_followed_confirms_nothing() {
    let desk = Desk::following();
    let copy = desk.copy("k", &[]);
    desk.watch.changed(&key("k"));
    desk.confirm(&copy, desk.ask(), THERE);
    assert!(!desk.gives(&copy));
    desk.watch.confirm(&copy.vouched, None);
    assert!(!desk.gives(&copy), "nobody knows which server");
    let trust = desk.watch.coherence().trust();
    let vouched = desk
        .watch
        .vouch(&entry("x"), trust, Some((desk.ask(), THERE)));
    let tags = TagCells::default();
    assert!(!desk.gives(&Kept { vouched, tags }));
    desk.watch.begin(THERE);
    desk.beat();
    desk.confirm(&copy, desk.ask(), THERE);
    assert!(desk.gives(&copy));
}

#[test]
fn i10_everything_may_have_changed() {
    for how in 0..2 {
        let desk = Desk::following();
        let copies = [desk.copy("k", &["t"]), desk.copy("other", &[])];
        let asked = desk.ask();
        match how {
            0 => desk.watch.changed_everything(),
            _ => desk.watch.changed(&namespace_cell()),
        }
        for copy in &copies {
            assert!(!desk.gives(copy));
            desk.confirm(copy, asked, HERE);
            assert!(!desk.gives(copy));
            desk.confirm(copy, desk.ask(), HERE);
            assert!(desk.gives(copy));
        }
    }
    let desk = Desk::new(Some(Coherence::Bounded(WINDOW)));
    desk.watch.changed_everything();
    assert!(
        !desk.gives(&desk.copy("k", &[])),
        "before pushes are followed"
    );
}

/// A push draws its number before it leaves its mark: a view that is read in between is no younger
/// than the question that told it.
#[test]
fn i10_what_rests_on_a_view_counts_from_when_that_was_asked() {
    let desk = Desk::following();
    let cell = Cell::Tag("t".into());
    let asked = (desk.watch.asking(), HERE);
    let proof = crate::remote::Proof::new(&[0; 16], HERE);
    let state = crate::remote::CellState::Current(proof);
    desk.watch.learn(&cell, state, asked);
    let push = desk.sequence.next();
    let (_, number) = desk.watch.view(&cell).expect("there is no mark yet");
    desk.tags.doubt("t", push);
    assert!(!desk.tags.cell_named("t").undoubted_since(number));
}

/// Those who found a copy beyond doubt look again only when something was counted.
#[test]
fn whatever_puts_a_copy_in_doubt_is_counted() {
    let desk = Desk::following();
    let counted = |change: &dyn Fn()| {
        let before = desk.tags.changes().so_far();
        change();
        desk.tags.changes().so_far() > before
    };
    let _held = desk.tags.cell(&Tag::from("held"));
    assert!(counted(&|| desk.watch.changed(&tag("held"))));
    assert!(counted(&|| desk.watch.changed(&tag("not held"))));
    assert!(counted(&|| desk.watch.changed(&key("k"))));
    assert!(counted(&|| desk.watch.changed(&namespace_cell())));
    assert!(counted(&|| desk.watch.changed_everything()));
    assert!(counted(&|| desk.watch.begin(HERE)));
}
