//! One load in all processes.

use std::sync::Arc;
use std::time::Duration;

use crate::remote::{
    Cell, EntryName, How, Incarnation, LeaseId, Lock, LockReply, Locked, Release, Waiter,
};

use super::deps::{Proofs, Share, Sight, distinct};
use super::renewal::KeptBy;
use super::wish::{self, GrantingLeases, Wish};
use super::{Shared, token_life};

/// Of a lease that is about to be ended.
const LAST_LIFE: Duration = Duration::from_secs(3);

/// What came of asking for the lease of a key.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// It is ours: load. What may be stored rests on these tokens.
    Leased(Lease, Proofs),
    /// Another process loads, for this long unless it goes on.
    Busy(Duration),
    /// There is an entry that was not there at the look.
    Changed,
    /// What another process loaded just now could not be stored: load, and store nothing.
    Pass,
    /// The last load failed: nothing is to be tried for so long by whoever has something to give.
    Resting(Duration),
    /// The store cannot be used.
    Refused,
}

/// The right to store what is loaded. Dropped before a fill, it is given back, and those who wait
/// are told that the load failed.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) name: EntryName,
    pub(super) id: LeaseId,
    /// The server that granted it: what is stored is valid on no other.
    pub(super) incarnation: Incarnation,
    tier: Arc<Shared>,
    ttl: Duration,
    kept_by: Option<KeptBy>,
    ended: bool,
}

impl Shared {
    pub(crate) fn waiter(&self, share: &Share) -> Waiter {
        self.wake.register(&share.name)
    }

    /// Asks for the lease of a key, and gives tokens to cells that have none.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        share: &Share,
        sight: &mut Sight,
        how: How,
        ttl: Duration,
    ) -> Claimed {
        let mut claimed = self.claim_each(vec![(share, sight, how)], ttl).await;
        claimed.pop().unwrap_or(Claimed::Refused)
    }

    /// The same for many keys, in one trip.
    pub(crate) async fn claim_each(
        self: &Arc<Self>,
        mut wanted: Vec<(&Share, &mut Sight, How)>,
        ttl: Duration,
    ) -> Vec<Claimed> {
        let refused = || wanted.iter().map(|_| Claimed::Refused).collect();
        if !self.may_be_used() || !wish::can_be_kept() {
            return refused();
        }
        let missing = wanted
            .iter()
            .flat_map(|(_, sight, _)| sight.cells.missing());
        let cells = distinct(missing);
        let longest = wanted.iter().map(|(share, ..)| share.longest_life).max();
        let keep = token_life(longest.unwrap_or_default());
        let lock = |(share, sight, how): &(&Share, &mut Sight, How)| Lock {
            entry: share.name.clone(),
            how: match how {
                How::IfFree { .. } => How::IfFree { seen: sight.entry },
                How::IfRested { .. } => How::IfRested { seen: sight.entry },
                by_force => *by_force,
            },
            ttl,
        };
        let locks = wanted.iter().map(lock).collect();
        let Some(reply) = self.lock(locks, cells.clone(), keep).await else {
            return refused();
        };
        let states: Vec<_> = cells.into_iter().zip(reply.cells).collect();
        let answers = wanted.iter_mut().zip(reply.locks);
        let claims = answers.map(|((share, sight, _), (locked, incarnation))| {
            sight.learn(&states);
            match locked {
                Locked::Granted(id) => self.granted(share, sight, (id, incarnation), ttl),
                Locked::Busy(left) => Claimed::Busy(left),
                Locked::Changed => Claimed::Changed,
                Locked::Pass => Claimed::Pass,
                Locked::Resting(left) => Claimed::Resting(left),
            }
        });
        claims.collect()
    }

    async fn lock(
        self: &Arc<Self>,
        locks: Vec<Lock>,
        cells: Vec<Cell>,
        keep: Duration,
    ) -> Option<LockReply> {
        let names = locks.iter().map(|lock| lock.entry.clone()).collect();
        let tier = Arc::clone(self);
        let asked = async move { tier.remote.lock(locks, cells, keep).await };
        Wish::new(self, names, asked).answer().await.ok()
    }

    /// A lease that was granted, which is not renewed yet.
    pub(super) fn lease(
        self: &Arc<Self>,
        share: &Share,
        (id, incarnation): (LeaseId, Incarnation),
        ttl: Duration,
    ) -> Lease {
        Lease {
            name: share.name.clone(),
            id,
            incarnation,
            tier: Arc::clone(self),
            ttl,
            kept_by: None,
            ended: false,
        }
    }

    pub(super) fn granted(
        self: &Arc<Self>,
        share: &Share,
        sight: &Sight,
        granted: (LeaseId, Incarnation),
        ttl: Duration,
    ) -> Claimed {
        let mut lease = self.lease(share, granted, ttl);
        if let Some(proofs) = sight.cells.proofs(&share.deps.known) {
            lease.keep();
            return Claimed::Leased(lease, proofs);
        }
        // A token could not be made: nothing can be stored.
        lease.release(Release::NotStored);
        Claimed::Refused
    }
}

impl GrantingLeases for LockReply {
    fn outcomes(&self) -> impl Iterator<Item = Locked> {
        self.locks.iter().map(|(locked, _)| *locked)
    }
}

impl Lease {
    /// Nothing is stored; those who wait are told why. Done behind the caller.
    pub(crate) fn release(mut self, why: Release) {
        self.give_back(why);
    }

    /// Ends it without an entry, and takes away the older one: nobody is given that after the
    /// answer which is not stored. Whether those who waited may have this answer: nothing it
    /// depends on, the key among that, was invalidated until now.
    pub(crate) async fn decline(mut self, sight: &Sight, proofs: Option<&Proofs>) -> bool {
        let tier = Arc::clone(&self.tier);
        let lease = vec![(self.name.clone(), self.id)];
        let renewed = tier.remote.renew(lease, LAST_LIFE).await;
        let in_force = renewed.is_ok_and(|renewed| renewed == [true]);
        if in_force && sight.entry.is_some() {
            self.take_again(How::Replace).await;
        }
        let proven = match proofs {
            Some(proofs) if in_force => tier.confirm(proofs).await,
            _ => false,
        };
        self.release(Release::NotStored);
        proven
    }

    /// It has ended by itself, with a fill.
    pub(super) fn end(mut self) {
        self.ended = true;
        self.forget();
    }

    /// Takes the lease again from whoever has it by now.
    pub(super) async fn take_again(&mut self, how: How) {
        let lock = Lock {
            entry: self.name.clone(),
            how,
            ttl: LAST_LIFE,
        };
        let remote = &self.tier.remote;
        let reply = remote.lock(vec![lock], Vec::new(), Duration::ZERO).await;
        if let Some((Locked::Granted(id), incarnation)) =
            reply.ok().and_then(|reply| reply.locks.into_iter().next())
        {
            self.forget();
            (self.id, self.incarnation) = (id, incarnation);
            self.keep();
        }
    }

    /// It is renewed from now on.
    fn keep(&mut self) {
        let lease = (&self.name, self.id);
        self.kept_by = self.tier.renewals.keep(&self.tier, lease, self.ttl);
    }

    /// It is not renewed any more.
    fn forget(&mut self) {
        if let Some(kept_by) = self.kept_by.take() {
            self.tier.renewals.forget(kept_by, self.id);
        }
    }

    /// One that has run out meanwhile is somebody else's business: the store compares.
    fn give_back(&mut self, why: Release) {
        self.forget();
        if !std::mem::replace(&mut self.ended, true) {
            let tier = Arc::clone(&self.tier);
            let name = self.name.clone();
            let lease = vec![(self.name.clone(), self.id)];
            let home = tier.home.clone();
            // Where this cannot be done it runs out by itself.
            home.run_behind(async move {
                let _ = tier.remote.release(lease, why).await;
                // Those of this process who found it taken by this process are not told by others.
                // It may have been lost before, and another one be in force: they see for themselves.
                tier.wake.look(&name);
            });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.give_back(Release::Failed);
    }
}
