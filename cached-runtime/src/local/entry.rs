//! What the local tier keeps for one key.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Moment;
use crate::coherence::Vouched;
use crate::freshness::Life;
use crate::observe::PrefixStats;
use crate::shared::Backing;
use crate::tags::{Number, TagCells};

/// One stored answer. The value is typed; stores and flights see it as [`AnyEntry`].
pub(crate) struct Entry<V: ?Sized> {
    /// The number at which its load began: its identity, and what its tags are compared with.
    pub(crate) start: Number,
    pub(crate) life: Life,
    /// How long the load took.
    pub(crate) cost: Duration,
    pub(crate) weight: usize,
    /// The prefix's own cell, then one per tag.
    pub(crate) tags: TagCells,
    pub(crate) stats: Arc<PrefixStats>,
    /// What makes it an entry of the shared tier.
    pub(crate) backing: Option<Box<Backing>>,
    pub(crate) vouched: Vouched,
    uses: AtomicU8,
    /// That of the value, so that a hit asks for it without a call.
    type_id: TypeId,
    pub(crate) value: V,
}

pub(crate) type AnyEntry = Entry<dyn Any + Send + Sync>;

/// Stands for the value of a negative answer.
#[derive(Debug)]
pub(crate) struct NotFound;

/// More uses than this make no difference to eviction.
const MOST_USES: u8 = 3;

/// An entry before it has a value.
pub(crate) type EntryHead = Entry<()>;

impl EntryHead {
    pub(crate) fn new(
        start: Number,
        life: Life,
        cost: Duration,
        weight: usize,
        tags: TagCells,
        stats: Arc<PrefixStats>,
    ) -> Self {
        Self {
            start,
            life,
            cost,
            weight,
            tags,
            stats,
            backing: None,
            vouched: Vouched::apart(),
            uses: AtomicU8::new(0),
            type_id: TypeId::of::<()>(),
            value: (),
        }
    }

    /// An entry of the shared tier: given as it is while it is vouched for; else it is asked there
    /// whether it is valid still.
    pub(crate) fn backed_by(
        mut self,
        backing: Backing,
        vouched: Vouched,
        kept_until: Moment,
    ) -> Self {
        self.life = self.life.kept_until(kept_until);
        self.vouched = vouched;
        self.backing = Some(Box::new(Backing {
            kept_until,
            ..backing
        }));
        self
    }

    pub(crate) fn with<V: 'static>(self, value: V) -> Entry<V> {
        let Self {
            start,
            life,
            cost,
            weight,
            tags,
            stats,
            backing,
            vouched,
            uses,
            type_id: _,
            value: (),
        } = self;
        Entry {
            start,
            life,
            cost,
            weight,
            tags,
            stats,
            backing,
            vouched,
            uses,
            type_id: TypeId::of::<V>(),
            value,
        }
    }
}

impl<V: ?Sized> Entry<V> {
    /// Whether none of its tags was invalidated since its load began.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.tags.unbroken_since(self.start)
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
        self.type_id == value
    }

    #[inline]
    pub(crate) fn is_negative(&self) -> bool {
        self.holds(TypeId::of::<NotFound>())
    }
}

impl<V: ?Sized> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("start", &self.start)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}
