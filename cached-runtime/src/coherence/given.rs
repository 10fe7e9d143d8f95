//! Whether a copy is given as it is.

use crate::cache::Cache;
use crate::local::AnyEntry;

use super::Trust;

impl Cache {
    /// Whether an entry is current and may be given without asking the store. `asked` is what its
    /// reader allows.
    #[inline]
    pub(crate) fn stands_for(&self, entry: &AnyEntry, asked: Trust) -> bool {
        if entry.vouched.is_apart() {
            return self.store().is_current(entry);
        }
        self.stands_for_shared(entry, asked)
    }

    /// Apart from the hit in a cache of one process, which needs none of it.
    #[inline(never)]
    fn stands_for_shared(&self, entry: &AnyEntry, asked: Trust) -> bool {
        let (now, trust) = (self.clock().sharp(), entry.vouched.trust().min(asked));
        !self.store().is_cleared_since(entry.start)
            && self
                .watch()
                .vouches(&entry.vouched, (&entry.tags, entry.start), now, trust)
    }

    /// The same while the store gives no answer: its pushes may have been silent for a while, too.
    pub(crate) fn vouches_while_down(&self, entry: &AnyEntry, asked: Trust) -> bool {
        let (now, trust) = (self.clock().now(), entry.vouched.trust().min(asked));
        if trust == Trust::NONE {
            return false;
        }
        let trust = trust.max(self.local_on_down());
        self.watch()
            .vouches(&entry.vouched, (&entry.tags, entry.start), now, trust)
    }
}
