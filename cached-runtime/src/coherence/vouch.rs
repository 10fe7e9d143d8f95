//! Which copies are beyond doubt.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use crate::clock::Moment;
use crate::defect::Defect;
use crate::remote::{Cell, CellState, EntryName, Incarnation, Proof};
use crate::tags::{Number, TagCell};

use super::Trust;
use super::watch::{Link, PLACES, Watch};

/// When and for how long an entry of this process is given without a question.
#[derive(Debug)]
pub(crate) struct Vouched {
    /// Drawn before the store was last asked about it.
    confirmed: AtomicU64,
    trust: Trust,
    /// Whether that is how far copies of its cache are trusted in general.
    ordinary: bool,
    /// Where pushes about its key leave their mark.
    place: u32,
}

impl Watch {
    /// Of an entry of which `number`, if any, was drawn before the store was asked, and which
    /// `server` confirmed. I10: another server than the one whose pushes are heard confirms
    /// nothing.
    pub(crate) fn vouch(
        &self,
        entry: &EntryName,
        trust: Trust,
        confirmed: Option<(Number, Incarnation)>,
    ) -> Vouched {
        Vouched {
            confirmed: AtomicU64::new(self.counted(confirmed)),
            trust,
            ordinary: trust == self.trust(),
            place: self.place(entry),
        }
    }

    /// The store was asked about an entry once more.
    pub(crate) fn confirm(&self, vouched: &Vouched, confirmed: Option<(Number, Incarnation)>) {
        let number = self.counted(confirmed);
        vouched.confirmed.fetch_max(number, Release);
    }

    /// I9: whether an entry that began to load at `start` and rests on `tags` is current and may be
    /// given without a question, at a moment not after now.
    pub(crate) fn vouches<'a>(
        &self,
        vouched: &Vouched,
        (tags, start): (impl Iterator<Item = &'a Arc<TagCell>>, Number),
        now: Moment,
        trust: Trust,
    ) -> bool {
        // The horizon is read first: whatever was told before it was moved is seen below.
        self.is_within(now, trust) && self.is_beyond_doubt(vouched, tags, start)
    }

    /// Whether the last sign of life of the pushes is recent enough. To be asked before anything
    /// that pushes change is read.
    #[inline]
    pub(crate) fn is_within(&self, now: Moment, trust: Trust) -> bool {
        let horizon = self.horizon.load();
        trust != Trust::NONE && (now < horizon.plus(trust.0) || Defect::NoHorizon.is_on())
    }

    /// Whether nothing was invalidated or pushed that concerns the entry.
    pub(crate) fn is_beyond_doubt<'a>(
        &self,
        vouched: &Vouched,
        mut tags: impl Iterator<Item = &'a Arc<TagCell>>,
        start: Number,
    ) -> bool {
        let confirmed = vouched.confirmed.load(Acquire);
        confirmed > self.epoch.load(Acquire)
            && self
                .keys
                .get(vouched.place as usize)
                .is_some_and(|mark| mark.load(Acquire) < confirmed)
            && tags.all(|cell| cell.unbroken_since(start) && cell.undoubted_since(confirmed))
    }

    /// Before the store is asked.
    pub(crate) fn asking(&self) -> Number {
        self.sequence.next()
    }

    /// What was read in a cell; views are used where remote hits may rest on them.
    pub(crate) fn learn(&self, cell: &Cell, state: CellState, asked: (Number, Incarnation)) {
        if let (Cell::Tag(name), CellState::Current(proof)) = (cell, state) {
            let number = self.counted(Some(asked));
            self.tags.cell_named(name).learn(proof, number);
        }
    }

    /// The token in a cell, if it is known without a question.
    pub(crate) fn view(&self, cell: &Cell) -> Option<(Proof, Number)> {
        let mut views = self.views(std::iter::once(cell), self.clock.now());
        views.next().flatten()
    }

    /// The same of each cell, for a reader who came no later than `now`.
    pub(crate) fn views<'a>(
        &self,
        cells: impl Iterator<Item = &'a Cell>,
        now: Moment,
    ) -> impl Iterator<Item = Option<(Proof, Number)>> {
        // In the order of `vouches`.
        let trusted = self.is_within(now, self.trust());
        let epoch = self.epoch.load(Acquire);
        cells.map(move |cell| match cell {
            Cell::Tag(name) if trusted => {
                let view = self.tags.view_of(name);
                view.filter(|(_, number)| *number > epoch)
            }
            _ => None,
        })
    }

    /// Zero if it does not count.
    fn counted(&self, confirmed: Option<(Number, Incarnation)>) -> Number {
        let Some((number, server)) = confirmed else {
            return 0;
        };
        if Defect::ReplyOverPush.is_on() {
            return self.sequence.next();
        }
        match *self.link() {
            Link::Followed { incarnation, .. } if incarnation == server => number,
            _ => 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "any part of the hash will do"
    )]
    pub(super) fn place(&self, entry: &EntryName) -> u32 {
        self.hasher.hash_one(entry) as u32 % PLACES as u32
    }
}

impl Vouched {
    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    pub(crate) fn is_ordinary(&self) -> bool {
        self.ordinary
    }
}
