//! What is hidden for a while, or given for a while, in a cache of this process alone: writes under
//! way, sources that lag, soft invalidations. Where processes share a store, it says so.

use std::sync::Arc;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::local::AnyEntry;
use crate::outcome::Kind;
use crate::tags::TagCell;

use super::meet::Access;
use super::{Call, Subject};

impl Call {
    /// What the first look leaves to those who know their options, in a cache of this process alone.
    pub(super) fn look_here(&mut self, codec: &Kind) {
        if !self.cache.is_enabled() {
            return;
        }
        if self.subject.hides_now(&self.cache) {
            (self.found, self.softly, self.access) = (None, false, Access::Blind);
            return;
        }
        let windows = self.subject.policy.options.windows;
        if self.found.is_none() && !windows.longest().is_zero() {
            // Before it finds anything.
            self.subject.cell(&self.cache);
            let (store, now) = (self.cache.store(), self.cache.clock().now());
            self.found = store
                .find_softly(&self.subject.key, now)
                .filter(|entry| codec.can_read(entry));
            self.softly = self.found.is_some();
        }
    }
}

impl Subject {
    /// Whether what began to load then may be older than an invalidation that has returned, or a
    /// write that is under way. In a cache of this process alone: others ask their store.
    pub(super) fn is_hidden<'a>(
        &self,
        cache: &Cache,
        mut tags: impl Iterator<Item = &'a Arc<TagCell>>,
        began: Moment,
    ) -> bool {
        cache.store().hides(&self.key, began) || tags.any(|tag| tag.rare().hides(began))
    }

    /// The same of a load that begins now, as far as its tags are known.
    fn hides_now(&self, cache: &Cache) -> bool {
        let now = cache.clock().now();
        let mut tags = self.tags(cache).iter();
        cache.store().hides(&self.key, now) || tags.any(|tag| tag.rare().hides(now))
    }

    /// Whether an entry that this call found softly invalidated has been invalidated otherwise since.
    pub(super) fn stands(&self, cache: &Cache, found: &AnyEntry, now: Moment) -> bool {
        self.is_unmoved(cache) && cache.store().stands(found, now)
    }
}
