//! The numbers that order loads and invalidations, and the cell that keeps a tag's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};

use super::{Manner, Rare, Tag};
use crate::clock::Moment;
use crate::remote::{Cell, Proof};

/// A place in the order of all loads and invalidations of one cache. No two events share one.
pub(crate) type Number = u64;

/// Draws the numbers.
#[derive(Debug)]
pub(crate) struct Sequence(AtomicU64);

impl Sequence {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    /// Neither what a writer did before it draws nor what a body reads after its load has drawn may
    /// move across the drawing: hence the ordering.
    pub(crate) fn next(&self) -> Number {
        self.0.fetch_add(1, AcqRel)
    }
}

/// How many invalidations and doubts there were, of whatever it be. Each is counted after it is in
/// its cell and before whoever caused it goes on, so what was found unbroken at a count is unbroken
/// for as long as the count stands.
#[derive(Clone, Debug)]
pub(crate) struct Changes(Arc<Count>);

/// On lines of its own: every hit reads it.
#[derive(Debug)]
#[repr(align(128))]
struct Count(AtomicU64);

impl Changes {
    /// Below every count.
    pub(crate) const NONE: u64 = 0;

    pub(crate) fn new() -> Self {
        Self(Arc::new(Count(AtomicU64::new(Self::NONE + 1))))
    }

    /// After the change is where those look who see the count.
    pub(crate) fn count(&self) {
        self.0.0.fetch_add(1, AcqRel);
    }

    /// To be read before what it is to stand for.
    #[inline]
    pub(crate) fn so_far(&self) -> u64 {
        self.0.0.load(Acquire)
    }
}

/// When one tag was last invalidated. Entries hold their tags' cells, so a hit looks nothing up.
pub(crate) struct TagCell {
    name: Arc<str>,
    invalidated: AtomicU64,
    /// When another process may have invalidated it.
    doubted: AtomicU64,
    rare: Rare,
}

impl TagCell {
    pub(super) fn new(name: &str, invalidated: Number, doubted: Number, rare: Rare) -> Self {
        Self {
            name: name.into(),
            invalidated: AtomicU64::new(invalidated),
            doubted: AtomicU64::new(doubted),
            rare,
        }
    }

    /// Its name where processes share it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_named(&self, name: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.name, name) || self.name == *name
    }

    /// What it is called in the shared tier.
    pub(crate) fn shared(&self) -> Cell {
        Cell::Tag(Arc::clone(&self.name))
    }

    /// The user's tag this cell stands for; `None` for the tag of a prefix.
    pub(crate) fn tag(&self) -> Option<Tag> {
        match self.name.strip_prefix('@') {
            None => Some(Tag::from(&*self.name)),
            Some(text) => text.starts_with('@').then(|| Tag::from(text)),
        }
    }

    /// Whether what began to load at `start` may still be served.
    #[inline]
    pub(crate) fn unbroken_since(&self, start: Number) -> bool {
        self.invalidated.load(Acquire) < start
    }

    /// Whether nothing was heard of it since `confirmed` was drawn.
    #[inline]
    pub(crate) fn undoubted_since(&self, confirmed: Number) -> bool {
        self.doubted.load(Acquire) < confirmed
    }

    /// The answer to the latest question stays.
    pub(crate) fn learn(&self, proof: Proof, asked: Number) {
        self.rare.learn(proof, asked);
    }

    /// What is known of its token, if that is not in doubt.
    pub(crate) fn view(&self) -> Option<(Proof, Number)> {
        let view = self.rare.view();
        view.filter(|(_, asked)| self.undoubted_since(*asked))
    }

    pub(super) fn doubt(&self, number: Number) {
        self.doubted.fetch_max(number, Release);
    }

    pub(super) fn doubted(&self) -> Number {
        self.doubted.load(Acquire)
    }

    /// Whether what began to load at `start` may be served, if need be as stale.
    pub(crate) fn softly_since(&self, start: Number, now: Moment) -> bool {
        self.unbroken_since(start) || self.rare.softened(start, now)
    }

    pub(crate) fn rare(&self) -> &Rare {
        &self.rare
    }

    /// Only ever moves forward: of two invalidations at once the later number stays. Under the lock
    /// of the table, so that they come one after the other.
    pub(super) fn invalidate(&self, number: Number, manner: Manner) {
        self.rare.invalidated(manner, number, self.invalidated());
        self.invalidated.fetch_max(number, Release);
    }

    pub(super) fn invalidated(&self) -> Number {
        self.invalidated.load(Acquire)
    }
}

impl fmt::Debug for TagCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagCell")
            .field("invalidated", &self.invalidated())
            .finish_non_exhaustive()
    }
}

/// The cells an answer depends on: the prefix's first.
#[derive(Debug, Default)]
pub(crate) struct TagCells(Vec<Arc<TagCell>>);

impl TagCells {
    pub(crate) fn unbroken_since(&self, start: Number) -> bool {
        self.iter().all(|cell| cell.unbroken_since(start))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<TagCell>> {
        self.0.iter()
    }
}

impl IntoIterator for TagCells {
    type Item = Arc<TagCell>;
    type IntoIter = std::vec::IntoIter<Arc<TagCell>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Arc<TagCell>> for TagCells {
    fn from_iter<I: IntoIterator<Item = Arc<TagCell>>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}
