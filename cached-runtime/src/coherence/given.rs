//! Whether a copy is given as it is.

use crate::cache::Cache;
use crate::local::AnyEntry;

use super::{Trust, Vouched};

impl Cache {
    /// Whether an entry is current and may be given without asking the store. `asked` is what its
    /// reader allows.
    #[inline]
    pub(crate) fn stands_for(&self, entry: &AnyEntry, asked: Trust) -> bool {
        match entry.vouched() {
            None => self.store().is_still_current(entry),
            Some(vouched) => self.stands_for_shared(entry, vouched, asked),
        }
    }

    /// Apart from the hit in a cache of one process, which needs none of it.
    #[inline(never)]
    fn stands_for_shared(&self, entry: &AnyEntry, vouched: &Vouched, asked: Trust) -> bool {
        let (now, trust) = (self.clock().sharp(), vouched.trust().min(asked));
        // The horizon is read first: whatever was told before it was moved has been counted.
        if !self.watch().is_within(now, trust) {
            return false;
        }
        let changes = self.store().changes();
        entry.is_verified(changes) || self.verify_shared(entry, vouched, changes)
    }

    #[cold]
    fn verify_shared(&self, entry: &AnyEntry, vouched: &Vouched, changes: u64) -> bool {
        let stands = !self.store().is_cleared_since(entry.start)
            && self
                .watch()
                .is_beyond_doubt(vouched, entry.tags(), entry.start);
        if stands {
            entry.verify(changes);
        }
        stands
    }

    /// The same while the store gives no answer: its pushes may have been silent for a while, too.
    pub(crate) fn vouches_while_down(&self, entry: &AnyEntry, asked: Trust) -> bool {
        let own = entry.vouched().map_or(Trust::FOREVER, Vouched::trust);
        let (now, trust) = (self.clock().now(), own.min(asked));
        let Some(vouched) = entry.vouched().filter(|_| trust != Trust::NONE) else {
            return false;
        };
        let trust = trust.max(self.local_on_down());
        self.watch()
            .vouches(vouched, (entry.tags(), entry.start), now, trust)
    }
}
