//! Whether a copy is given as it is.

use crate::cache::Cache;
use crate::clock::Moment;
use crate::local::{AnyEntry, Backed};

use super::{Trust, Vouched};

impl Cache {
    /// Whether an entry is current and may be given without asking the store. `asked` is what its
    /// reader allows.
    pub(crate) fn stands_for(&self, entry: &AnyEntry, asked: Trust) -> bool {
        self.stands_at(self.clock().sharp(), entry, asked)
    }

    /// When a hit looks: one reading is enough for all that it decides. Where there are copies, their
    /// trust must not outlive its time, so the reading is sharp.
    #[inline]
    pub(crate) fn hit_time(&self) -> Moment {
        match self.shared() {
            None => self.clock().coarse(),
            Some(_) => self.clock().sharp(),
        }
    }

    /// The same as [`stands_for`](Self::stands_for), for a reader who came no later than `now`, a
    /// [`hit_time`](Self::hit_time).
    #[inline]
    pub(crate) fn stands_at(&self, now: Moment, entry: &AnyEntry, asked: Trust) -> bool {
        match entry.backed() {
            Backed::Not => self.store().is_still_current(entry),
            Backed::Ordinarily => {
                self.stands_for_shared(now, entry, self.watch().trust().min(asked))
            }
            Backed::Otherwise => self.stands_otherwise(now, entry, asked),
        }
    }

    #[inline(never)]
    fn stands_otherwise(&self, now: Moment, entry: &AnyEntry, asked: Trust) -> bool {
        let own = entry.vouched().map_or(Trust::NONE, Vouched::trust);
        self.stands_for_shared(now, entry, own.min(asked))
    }

    /// Apart from the hit in a cache of one process, which needs none of it.
    #[inline(never)]
    fn stands_for_shared(&self, now: Moment, entry: &AnyEntry, trust: Trust) -> bool {
        // The horizon is read first: whatever was told before it was moved has been counted.
        if !self.watch().is_within(now, trust) {
            return false;
        }
        let changes = self.store().changes();
        entry.is_verified(changes) || self.verify_shared(entry, changes)
    }

    #[cold]
    fn verify_shared(&self, entry: &AnyEntry, changes: u64) -> bool {
        let beyond_doubt = |vouched| {
            let watch = self.watch();
            watch.is_beyond_doubt(vouched, entry.tags(), entry.start)
        };
        let stands = !self.store().is_cleared_since(entry.start)
            && entry.vouched().is_some_and(beyond_doubt);
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
