//! The pushes, and for how long what they vouch for is trusted.

mod doubts;

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
        watch.need();
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
