//! A look for a key that may well have no entry: it asks for the lease along with it.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::deps::Share;
use super::glimpse::{Glimpse, Glimpsed};
use super::wish::{self, GrantingLeases, Wish};
use super::{Claimed, Shared, Sight, token_life};
use crate::clock::Moment;
use crate::remote::{CellState, Fault, Locked, ReadOrLock, Reading, Release};

/// What came of it.
#[expect(
    clippy::large_enum_variant,
    reason = "handed over once, by who made it"
)]
pub(crate) enum Ventured {
    /// As if it had only looked.
    Looked(Glimpsed),
    /// There is no entry. What is known of what answers depend on is from before the lease was given.
    Asked((Share, Sight), Claimed),
}

impl Shared {
    /// A [`Glimpse`] that asks for the lease of a key without an entry, in the same trip.
    pub(crate) async fn venture(
        self: &Arc<Self>,
        share: Share,
        since: Moment,
        ttl: Duration,
    ) -> Ventured {
        if !self.may_be_used() {
            return Ventured::Looked(Glimpsed::NoAnswer);
        }
        let glimpse = Glimpse::new(share);
        let Some(entry) = glimpse.whole().filter(|_| wish::can_be_kept()).cloned() else {
            return Ventured::Looked(only_look(glimpse, since).await);
        };
        let share = glimpse.share();
        let (names, cells) = (vec![entry.clone()], glimpse.cells());
        let (tier, keep) = (Arc::clone(self), token_life(share.longest_life));
        let asked = async move { tier.remote.read_or_lock(entry, ttl, cells, keep).await };
        let reply = match Wish::new(self, names, asked).answer().await {
            Ok(reply) => reply,
            // It cannot be written: there may be something to be read.
            Err(Fault::Refused(_)) => {
                return Ventured::Looked(only_look(glimpse, since).await);
            }
            Err(fault) => return Ventured::Looked(glimpse.told(Err(fault), since)),
        };
        let claimed = match reply.locked {
            Locked::Granted(id) => {
                let (sight, from) = (
                    glimpse.of_nothing(&reply.cells, since),
                    reply.entry.incarnation,
                );
                // A write that is under way hides what depends on these cells.
                if !reply.cells.contains(&CellState::Intent) {
                    let claimed = self.granted(share, &sight, (id, from), ttl);
                    return Ventured::Asked((glimpse.into_share(), sight), claimed);
                }
                self.lease(share, (id, from), ttl).release(Release::Failed);
                None
            }
            Locked::Changed => None,
            Locked::Busy(left) => Some(Claimed::Busy(left)),
            Locked::Pass => Some(Claimed::Pass),
            Locked::Resting(left) => Some(Claimed::Resting(left)),
        };
        if let Some(claimed) = claimed {
            let sight = glimpse.of_nothing(&reply.cells, since);
            return Ventured::Asked((glimpse.into_share(), sight), claimed);
        }
        let reading = Reading {
            incarnation: Some(reply.entry.incarnation),
            entries: iter::once(reply.entry).collect(),
            cells: reply.cells.into(),
        };
        Ventured::Looked(glimpse.told(Ok(reading), since))
    }
}

async fn only_look(glimpse: Glimpse, since: Moment) -> Glimpsed {
    let Some(reply) = glimpse.ask() else {
        return Glimpsed::NoAnswer;
    };
    let reading = reply.await;
    glimpse.told(reading, since)
}

impl GrantingLeases for ReadOrLock {
    fn outcomes(&self) -> impl Iterator<Item = Locked> {
        iter::once(self.locked)
    }
}
