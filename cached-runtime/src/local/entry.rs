//! What the local tier keeps for one key.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::{COARSE_LAG, Moment};
use crate::coherence::Vouched;
use crate::freshness::Life;
use crate::key::RawKey;
use crate::observe::PrefixStats;
use crate::shared::Backing;
use crate::tags::{Changes, Number, TagCell, TagCells};

use super::behind::Behind;
use super::digits::{Micros, Nanos};
use super::home::Home;
use super::more::More;

/// One stored answer, in one piece of memory with its value and, mostly, with its key. The value is
/// typed; stores and flights see it as [`AnyEntry`].
pub(crate) struct Entry<V: ?Sized> {
    /// The number at which its load began: its identity, and what its tags are compared with.
    pub(crate) start: Number,
    /// The count of changes at which it was last found to stand.
    verified: AtomicU64,
    /// Before this moment, even read off the coarse clock, a read has nothing to decide.
    pub(crate) carefree_until: Moment,
    home: Arc<Home>,
    /// The first ones; that of the prefix stands in the home.
    tags: [Option<Arc<TagCell>>; FEW_TAGS],
    /// What few entries have.
    more: Option<Box<More>>,
    /// How long it is fresh, if its life is plain.
    fresh_for: Nanos,
    /// How long the load took.
    cost: Micros,
    uses: AtomicU8,
    shape: Shape,
    key: [u8; SHORT_KEY],
    pub(crate) value: V,
}

pub(crate) type AnyEntry = Entry<dyn Any + Send + Sync>;

/// In one byte: the length of a key that stands in the entry, [`Shape::LONG`] for one that stands in
/// `more`; and above that the [`Backed`].
#[derive(Clone, Copy)]
struct Shape(u8);

/// Whether others can change what an entry depends on.
///
/// It stands in the entry, so that a hit on a copy need not read what backs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backed {
    /// It is of this process alone.
    Not,
    /// It is a copy, trusted as far as those of its cache are in general.
    Ordinarily,
    /// It is a copy that is trusted otherwise.
    Otherwise,
}

impl Shape {
    const LENGTH: u8 = 0x1f;
    const LONG: u8 = Self::LENGTH;
    const ORDINARILY: u8 = 0x20;
    const OTHERWISE: u8 = 0x40;

    #[inline]
    fn key_len(self) -> usize {
        usize::from(self.0 & Self::LENGTH)
    }

    #[inline]
    fn backed(self) -> Backed {
        match self.0 & !Self::LENGTH {
            0 => Backed::Not,
            Self::ORDINARILY => Backed::Ordinarily,
            _ => Backed::Otherwise,
        }
    }

    fn back(&mut self, ordinarily: bool) {
        let backed = if ordinarily {
            Self::ORDINARILY
        } else {
            Self::OTHERWISE
        };
        self.0 = self.0 & Self::LENGTH | backed;
    }
}

/// Stands for the value of a negative answer.
#[derive(Debug)]
pub(crate) struct NotFound;

/// More uses than this make no difference to eviction.
const MOST_USES: u8 = 3;
/// So many tags stand in the entry itself.
const FEW_TAGS: usize = 2;
/// The arguments in a key that stand in the entry itself: what fills its head up.
const SHORT_KEY: usize = 25;
const COUNTS_SEEN: usize = 8;

thread_local! {
    /// The counts of changes that this thread last saw entries not verified at. Several, as a thread
    /// may use several caches, each with a count of its own.
    static LAST_SEEN: [Cell<u64>; COUNTS_SEEN] =
        const { [const { Cell::new(Changes::NONE) }; COUNTS_SEEN] };
}

/// An entry before it has a value.
pub(crate) type EntryHead = Entry<()>;

impl EntryHead {
    /// The home is the one of the key and of the first tag.
    pub(crate) fn new(
        (key, home): (&RawKey, Arc<Home>),
        start: Number,
        life: Life,
        cost: Duration,
        weight: usize,
        tags: TagCells,
    ) -> Self {
        let rest = key.rest();
        let mut short = [0; SHORT_KEY];
        let (key_len, long) = match short.get_mut(..rest.len()) {
            Some(room) => {
                room.copy_from_slice(rest);
                (u8::try_from(rest.len()).unwrap_or(Shape::LONG), None)
            }
            None => (Shape::LONG, Some(rest.into())),
        };
        let mut tags = tags.into_iter();
        if home.cell.is_some() {
            tags.next();
        }
        let first = std::array::from_fn(|_| tags.next());
        let mut head = Self {
            start,
            verified: AtomicU64::new(Changes::NONE),
            carefree_until: life.carefree_until,
            home,
            tags: first,
            more: None,
            fresh_for: Nanos::of(Duration::ZERO),
            cost: Micros::of(cost),
            uses: AtomicU8::new(0),
            shape: Shape(key_len),
            key: short,
            value: (),
        };
        let tags: Box<[_]> = tags.collect();
        if long.is_some() || !tags.is_empty() || weight != 0 {
            let more = head.more();
            (more.key, more.tags, more.weight) = (long, tags, weight);
        }
        head.set_life(life);
        head
    }

    /// An entry of the shared tier: given as it is while it is vouched for; else it is asked there
    /// whether it is valid still.
    pub(crate) fn backed_by(
        mut self,
        backing: Backing,
        vouched: Vouched,
        kept_until: Moment,
    ) -> Self {
        let life = self.life().kept_until(kept_until);
        self.set_life(life);
        self.shape.back(vouched.is_ordinary());
        let behind = Behind::new(backing, kept_until, self.tags());
        self.more().shared = Some(Box::new((behind, vouched)));
        self
    }

    /// A plain life ends a little sooner, so that few digits say how long it is.
    fn set_life(&mut self, life: Life) {
        if self.more.is_none() && life.is_plain() {
            self.fresh_for = Nanos::of(life.fresh_until.since(life.born));
            let shorter = Life::plain(life.born, life.born.after(self.fresh_for.duration()));
            self.carefree_until = shorter.carefree_until;
            if self.life() == shorter {
                return;
            }
        }
        self.carefree_until = life.carefree_until;
        let more = self.more();
        (more.born, more.fresh_until, more.usable_until) =
            (life.born, life.fresh_until, life.usable_until);
    }

    fn more(&mut self) -> &mut More {
        let life = self.life();
        self.more.get_or_insert_with(|| Box::new(More::new(life)))
    }

    pub(crate) fn with<V: 'static>(self, value: V) -> Entry<V> {
        let Self {
            start,
            verified,
            carefree_until,
            home,
            tags,
            more,
            fresh_for,
            cost,
            uses,
            shape,
            key,
            value: (),
        } = self;
        Entry {
            start,
            verified,
            carefree_until,
            home,
            tags,
            more,
            fresh_for,
            cost,
            uses,
            shape,
            key,
            value,
        }
    }
}

impl<V: ?Sized> Entry<V> {
    /// What the entries of its function have in common.
    #[inline]
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// What comes after the head of its key.
    #[inline]
    pub(crate) fn key_rest(&self) -> &[u8] {
        match self.key.get(..self.shape.key_len()) {
            Some(key) => key,
            None => self.long_key(),
        }
    }

    fn long_key(&self) -> &[u8] {
        let key = self.more.as_ref().and_then(|more| more.key.as_deref());
        key.unwrap_or_default()
    }

    #[inline]
    pub(crate) fn stats(&self) -> &PrefixStats {
        &self.home.stats
    }

    pub(crate) fn life(&self) -> Life {
        match &self.more {
            None => {
                let fresh_until = self.carefree_until.after(COARSE_LAG);
                Life::plain(fresh_until.before(self.fresh_for.duration()), fresh_until)
            }
            Some(more) => Life {
                born: more.born,
                fresh_until: more.fresh_until,
                usable_until: more.usable_until,
                carefree_until: self.carefree_until,
            },
        }
    }

    /// How long the load took.
    pub(crate) fn cost(&self) -> Duration {
        self.cost.duration()
    }

    pub(crate) fn weight(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.weight)
    }

    /// The prefix's own cell, then one per tag.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &Arc<TagCell>> {
        let more = self.more.as_ref().map(|more| more.tags.iter());
        let first = self.home.cell.iter().chain(self.tags.iter().flatten());
        first.chain(more.into_iter().flatten())
    }

    pub(crate) fn behind(&self) -> Option<&Behind> {
        let (behind, _) = self.more.as_ref()?.shared.as_deref()?;
        Some(behind)
    }

    /// What it depends on in the store, put together for whoever asks there.
    pub(crate) fn backing(&self) -> Option<Backing> {
        Some(self.behind()?.backing(self.tags()))
    }

    #[inline]
    pub(crate) fn backed(&self) -> Backed {
        self.shape.backed()
    }

    /// When and for how long it is given without a question; `None`: nobody else can change it.
    #[inline]
    pub(crate) fn vouched(&self) -> Option<&Vouched> {
        let (_, vouched) = self.more.as_ref()?.shared.as_deref()?;
        Some(vouched)
    }

    /// Whether none of its tags was invalidated since its load began.
    pub(crate) fn is_current(&self) -> bool {
        self.tags().all(|cell| cell.unbroken_since(self.start))
    }

    /// Whether none of its tags was invalidated otherwise than softly.
    pub(crate) fn softly_stands(&self, now: Moment) -> bool {
        self.tags().all(|cell| cell.softly_since(self.start, now))
    }

    /// Whether it was found to stand, and nothing has changed since. `changes` was read before.
    #[inline]
    pub(crate) fn is_verified(&self, changes: u64) -> bool {
        self.verified.load(Relaxed) == changes
    }

    /// It stands, as was found after the count was read.
    ///
    /// Written down only where nothing changed since this thread last wanted to: whoever
    /// invalidates all the while has entries looked at, and not written, all the while.
    pub(crate) fn verify(&self, changes: u64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let place = changes as usize % COUNTS_SEEN;
        if LAST_SEEN.with(|seen| seen[place].replace(changes)) == changes {
            self.verified.store(changes, Relaxed);
        }
    }

    /// Marks a use for eviction. Writes at most three times between two looks of the ledger, so a
    /// hot entry's cache line stays shared.
    #[inline]
    pub(crate) fn mark_used(&self) {
        let uses = self.uses.load(Relaxed);
        if uses < MOST_USES {
            self.uses.store(uses + 1, Relaxed);
        }
    }

    pub(super) fn uses(&self) -> u8 {
        self.uses.load(Relaxed)
    }

    pub(super) fn set_uses(&self, uses: u8) {
        self.uses.store(uses, Relaxed);
    }
}

impl AnyEntry {
    #[inline]
    pub(crate) fn value<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    #[inline]
    pub(crate) fn holds(&self, value: TypeId) -> bool {
        self.value.type_id() == value
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.holds(TypeId::of::<NotFound>())
    }
}

impl<V: ?Sized> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("start", &self.start)
            .field("life", &self.life())
            .finish_non_exhaustive()
    }
}
