use super::*;
use crate::clock::Span;
use crate::coherence::{Trust, Vouched};
use crate::remote::EntryName;
use crate::tags::{Tag, TagCells};

const WINDOW: Duration = Duration::from_secs(1);
const HERE: Incarnation = Incarnation(1);
const THERE: Incarnation = Incarnation(2);

/// A watch and what a cache has beside it.
struct Desk {
    watch: Watch,
    clock: Clock,
    sequence: Arc<Sequence>,
    tags: Arc<TagTable>,
}

/// A copy, and what it rests on.
struct Kept {
    vouched: Vouched,
    tags: TagCells,
}

impl Desk {
    fn new(coherence: Option<Coherence>) -> Self {
        let (sequence, tags) = (Arc::new(Sequence::new()), Arc::new(TagTable::new()));
        let clock = Clock::manual();
        // A clock that has just begun knows that there was nothing before.
        clock.advance(WINDOW * 10);
        let watch = Watch::new(
            coherence,
            Arc::clone(&sequence),
            Arc::clone(&tags),
            clock.clone(),
        );
        Self {
            watch,
            clock,
            sequence,
            tags,
        }
    }

    /// One that follows, and has heard that it does.
    fn following() -> Self {
        let desk = Self::new(Some(Coherence::Bounded(WINDOW)));
        desk.watch.begin(HERE);
        desk.beat();
        desk
    }

    fn beat(&self) {
        self.watch.heard(self.watch.beat());
    }

    fn ask(&self) -> Number {
        self.sequence.next()
    }

    /// A copy that rests on `tags`, and was confirmed by an answer to `asked`.
    fn kept(&self, key: &str, tags: &[&str], asked: Number) -> Kept {
        let trust = self.watch.coherence().trust();
        Kept {
            vouched: self.watch.vouch(&entry(key), trust, Some((asked, HERE))),
            tags: tags
                .iter()
                .map(|tag| self.tags.cell(&Tag::from(*tag)))
                .collect(),
        }
    }

    /// One that was asked for just now.
    fn copy(&self, key: &str, tags: &[&str]) -> Kept {
        self.kept(key, tags, self.ask())
    }

    fn confirm(&self, copy: &Kept, asked: Number, server: Incarnation) {
        self.watch.confirm(&copy.vouched, Some((asked, server)));
    }

    fn gives(&self, copy: &Kept) -> bool {
        let trust = copy.vouched.trust();
        self.watch.vouches(
            &copy.vouched,
            (copy.tags.iter(), 1),
            self.clock.now(),
            trust,
        )
    }
}

fn entry(name: &str) -> EntryName {
    EntryName::new(name)
}

fn tag(name: &str) -> Cell {
    Cell::Tag(name.into())
}

fn key(name: &str) -> Cell {
    Cell::Key(entry(name))
}

#[test]
fn i9_a_copy_is_given_until_the_window_after_the_last_beat_is_over() {
    let desk = Desk::following();
    let copy = desk.copy("k", &["t"]);
    let trusted = WINDOW * 199 / 200;
    let nearly = trusted.saturating_sub(Duration::from_nanos(1));
    desk.clock.advance(nearly);
    assert!(desk.gives(&copy));
    desk.clock.advance(Duration::from_nanos(1));
    assert!(!desk.gives(&copy));
    desk.beat();
    assert!(desk.gives(&copy), "what was not doubted is given again");
}

/// A beat vouches for the moment at which it was taken, however late it is heard.
#[test]
fn i9_a_beat_counts_from_when_it_was_taken() {
    let desk = Desk::following();
    let copy = desk.copy("k", &[]);
    desk.clock.advance(WINDOW);
    let beat = desk.watch.beat();
    desk.clock.advance(WINDOW);
    desk.watch.heard(beat);
    assert!(!desk.gives(&copy));
    let (early, late) = (desk.watch.beat(), {
        desk.clock.advance(WINDOW / 2);
        desk.watch.beat()
    });
    desk.watch.heard(late);
    desk.watch.heard(early);
    desk.clock.advance(WINDOW * 9 / 10);
    assert!(desk.gives(&copy), "an earlier beat takes nothing back");
}

#[test]
fn i9_a_silent_line_ends_trust_and_a_lost_one_does_not_hurry_it() {
    let desk = Desk::following();
    let copy = desk.copy("k", &[]);
    desk.watch.end("it broke");
    assert!(
        desk.gives(&copy),
        "no longer and no shorter than in silence"
    );
    desk.beat();
    desk.clock.advance(WINDOW);
    assert!(!desk.gives(&copy));
    desk.beat();
    assert!(!desk.gives(&copy), "who does not follow hears nothing");
    assert_eq!(desk.watch.shortcoming().as_deref(), Some("it broke"));
}

#[test]
fn i9_a_beat_of_an_earlier_line_moves_nothing() {
    let desk = Desk::new(Some(Coherence::Bounded(WINDOW)));
    let never = desk.watch.beat();
    desk.watch.begin(HERE);
    let copy = desk.copy("k", &[]);
    desk.watch.heard(never);
    assert!(!desk.gives(&copy), "taken before pushes were followed");
    let earlier = desk.watch.beat();
    desk.watch.end("it broke");
    desk.watch.heard(earlier);
    assert!(!desk.gives(&copy));
    desk.watch.begin(HERE);
    let copy = desk.copy("k", &[]);
    desk.watch.heard(earlier);
    assert!(!desk.gives(&copy), "taken on the line before this one");
    desk.beat();
    assert!(desk.gives(&copy));
}

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

#[test]
fn families_concern_no_copy() {
    let desk = Desk::following();
    let copy = desk.copy("t", &["t"]);
    for name in ["t", "*", "t:"] {
        desk.watch.changed(&Cell::Family(name.into()));
    }
    assert!(desk.gives(&copy));
}

#[test]
fn where_there_is_no_store_nothing_is_followed_and_nothing_in_doubt() {
    let desk = Desk::new(None);
    assert!(!desk.watch.is_wanted());
    desk.watch.begin(HERE);
    desk.beat();
    desk.watch.changed(&key("k"));
    assert!(!desk.gives(&desk.copy("k", &[])), "a copy of no store");
}

#[test]
fn a_strict_cache_trusts_nothing() {
    let desk = Desk::new(Some(Coherence::Strict));
    desk.watch.begin(HERE);
    desk.beat();
    assert!(!desk.watch.is_wanted() && !desk.gives(&desk.copy("k", &[])));
}

/// What a reader allows may be less than what the entry has.
#[test]
fn the_window_is_that_of_the_reader() {
    let desk = Desk::following();
    let copy = desk.copy("k", &[]);
    desk.clock.advance(WINDOW / 2);
    let gives = |trust| {
        let now = desk.clock.now();
        desk.watch
            .vouches(&copy.vouched, (copy.tags.iter(), 1), now, trust)
    };
    assert!(gives(Coherence::Bounded(WINDOW).trust()));
    assert!(!gives(Coherence::Bounded(WINDOW / 2).trust()));
    assert!(!gives(Trust::NONE));
}

#[test]
fn trust_is_the_window_less_what_clocks_may_be_off() {
    let nanos = |coherence: Coherence| coherence.trust().0;
    let millis = |millis: u128| Span::of_nanos(millis * 1_000_000);
    // A fast clock shows that this is over before a slow one shows the end of the window.
    assert_eq!(
        nanos(Coherence::Bounded(Duration::from_secs(1))),
        millis(995)
    );
    assert_eq!(
        nanos(Coherence::Bounded(Duration::from_millis(200))),
        millis(199)
    );
    // One that cannot be kept is none.
    assert_eq!(
        nanos(Coherence::Bounded(Duration::from_millis(99))),
        Span::NONE
    );
    assert_eq!(nanos(Coherence::Strict), Span::NONE);
    // Forever is for what nobody else can change.
    assert!(nanos(Coherence::Bounded(Duration::MAX)) < Span::FOREVER);
    assert!(Trust::NONE < Coherence::default().trust());
    assert!(Coherence::default().trust() < Trust::FOREVER);
}

#[test]
fn beats_come_four_times_in_a_window_within_reason() {
    let interval = |millis| {
        let window = Duration::from_millis(millis);
        Desk::new(Some(Coherence::Bounded(window))).watch.interval()
    };
    let expected = [(100, 25), (400, 100), (1_000, 250), (60_000, 250)];
    for (window, beat) in expected {
        assert_eq!(interval(window), Duration::from_millis(beat), "{window}");
    }
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
