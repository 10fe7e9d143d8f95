//! The second look of a call that will find nothing, most likely: it leads the load of its key already,
//! and asks for the lease in the same trip.

use std::sync::Arc;

use crate::flight::Leader;
use crate::mode::Tier;
use crate::observe::Event;
use crate::outcome::Kind;
use crate::policy::SingleFlight;
use crate::remote::Waiter;
use crate::shared::{Claimed, Share, Ventured};

use super::Call;
use super::found::Turn;
use super::given::Stored;
use super::look::Errand;
use super::meet::{Access, Met};

/// What came of asking the shared tier.
pub(super) enum Meeting {
    /// The answer, if it can be read.
    Stored(Stored),
    /// What it has is told.
    Told,
    /// It has nothing, and the lease was asked for already.
    Asked(Leader, Wished),
}

/// A wish for a lease, and what came of it.
pub(super) struct Wished {
    pub(super) claimed: Claimed,
    /// From before the store was asked: the end of another process's load is not missed.
    pub(super) waiter: Waiter,
}

impl Wished {
    pub(super) fn parts(self) -> (Option<Claimed>, Option<Waiter>) {
        (Some(self.claimed), Some(self.waiter))
    }
}

impl Call {
    /// This key's part in the shared tier, where a look at that will find nothing, most likely, and
    /// is to be followed by a load for all processes.
    fn expects_nothing(&self, codec: &Kind) -> Option<Share> {
        let tier = self.cache.shared().filter(|_| self.cache.is_enabled())?;
        let closely = self.mode.refresh || self.mode.bypass || self.reads_closely;
        if closely || !self.may_venture() {
            return None;
        }
        Some(self.subject.share(&self.cache, tier, codec)).filter(Share::is_plain)
    }

    /// Whether it is better to ask for the lease as well.
    pub(super) fn may_venture(&self) -> bool {
        self.subject.stats.expects_nothing()
            && self.found.is_none()
            && self.errand == Errand::Answer
            && self.subject.policy.options.single_flight == SingleFlight::Cluster
    }

    /// Asks the shared tier for an answer, or else for the lease; `None` where it only looks.
    pub(super) async fn venture(&mut self, codec: &Kind) -> Option<Meeting> {
        let share = self.expects_nothing(codec)?;
        // Others who come join before they have looked. Where there is something they look then.
        let Turn::Load(Some(leader)) = self.board(None) else {
            return None;
        };
        let waiter = share.tier.waiter(&share);
        let (asked, ttl) = (self.cache.asking(), self.subject.policy.options.lease);
        let tier = Arc::clone(&share.tier);
        let ventured = tier.venture(share, asked.at, ttl).await;
        let looked = match ventured {
            Ventured::Asked(seen, claimed) => {
                self.subject.stats.looked(false);
                self.count(Event::Miss);
                self.tier = Tier::Remote;
                self.access = Access::Seen(Box::new(seen));
                return Some(Meeting::Asked(leader, Wished { claimed, waiter }));
            }
            Ventured::Looked(looked) => looked,
        };
        drop((leader, waiter));
        Some(match self.glimpsed(codec, looked, None, asked) {
            Ok(met) => self.has_met(met, true),
            Err(further) => self.asks_further(codec, *further).await,
        })
    }

    /// Takes over what the shared tier has told; `blank` if this process had nothing.
    pub(super) fn has_met(&mut self, met: Result<Met, Stored>, blank: bool) -> Meeting {
        let told = match met {
            Ok(met) => met,
            Err(stored) => {
                self.subject.stats.looked(true);
                return Meeting::Stored(stored);
            }
        };
        let found = told.found.is_some();
        if blank && (found || matches!(told.access, Access::Seen(_))) {
            self.subject.stats.looked(found);
        }
        (self.found, self.tier, self.access) = (told.found, told.tier, told.access);
        self.softly = told.softly;
        // From before a load that may follow.
        self.subject.tags(&self.cache);
        Meeting::Told
    }
}
