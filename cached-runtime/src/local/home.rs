//! What the entries of one function have in common, kept once for all of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::key::{Head, RawKey};
use crate::observe::PrefixStats;
use crate::tags::TagCell;

const FIRST_PRUNE: usize = 1_024;

/// What the entries of one function have in common, in one cache.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) head: Head,
    pub(crate) stats: Arc<PrefixStats>,
    /// The tag of the prefix.
    pub(crate) cell: Option<Arc<TagCell>>,
}

/// The homes of one cache. Few, and kept; those of prefixes that are made from data are let go.
#[derive(Debug, Default)]
pub(super) struct Homes(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    homes: HashMap<Box<[u8]>, Arc<Home>, foldhash::quality::RandomState>,
    prune_at: usize,
}

impl Homes {
    /// The home of a key's entries, all of which count for `stats` and carry the tag of `cell`.
    pub(super) fn of(
        &self,
        key: &RawKey,
        stats: &Arc<PrefixStats>,
        cell: Option<&Arc<TagCell>>,
    ) -> Arc<Home> {
        let head = key.head();
        let fits = |home: &Arc<Home>| {
            let same_cell = match (&home.cell, cell) {
                (Some(its), Some(cell)) => Arc::ptr_eq(its, cell),
                (its, cell) => its.is_none() && cell.is_none(),
            };
            same_cell && Arc::ptr_eq(&home.stats, stats)
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.homes.get(head).cloned();
        drop(known);
        if let Some(home) = found.filter(fits) {
            return home;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let found = known.homes.get(head).cloned();
        if let Some(home) = found.filter(fits) {
            return home;
        }
        if known.homes.len() >= known.prune_at.max(FIRST_PRUNE) {
            known.homes.retain(|_, home| Arc::strong_count(home) > 1);
            known.prune_at = known.homes.len() * 2;
        }
        let home = Arc::new(Home {
            head: Head::new(head),
            stats: Arc::clone(stats),
            cell: cell.cloned(),
        });
        known.homes.insert(head.into(), Arc::clone(&home));
        home
    }
}
