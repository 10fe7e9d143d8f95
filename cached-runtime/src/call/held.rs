//! What happens to the key of a call, from the moment that this concerns it.
//!
//! A key that nobody holds forgets what came over it. So it is held from before the call finds something
//! in this process, asks for something that is kept here or given later, or draws the number of a load.

use std::sync::Arc;

use crate::cache::Cache;
use crate::local::KeyCell;
use crate::tags::Number;

use super::Subject;

/// What happens to a key from some moment on.
#[derive(Clone)]
pub(crate) struct Held {
    cell: Arc<KeyCell>,
    /// When the key had last been invalidated by then.
    seen: Number,
}

impl Held {
    pub(super) fn new(cell: Arc<KeyCell>) -> Self {
        let seen = cell.invalidated();
        Self { cell, seen }
    }
}

impl Subject {
    /// What happens to the key from now on, if not from earlier on.
    pub(crate) fn cell(&self, cache: &Cache) -> &Arc<KeyCell> {
        &self.held(cache).cell
    }

    /// The same, for who must have held it before.
    pub(super) fn held_cell(&self, cache: &Cache) -> &Arc<KeyCell> {
        debug_assert!(self.cell.get().is_some(), "what came over it is forgotten");
        self.cell(cache)
    }

    fn held(&self, cache: &Cache) -> &Held {
        self.cell
            .get_or_init(|| Held::new(cache.store().hold(&self.key)))
    }

    /// Whether the key was not invalidated since it is held.
    pub(super) fn is_unmoved(&self, cache: &Cache) -> bool {
        let held = self.held(cache);
        held.cell.invalidated() == held.seen
    }
}
