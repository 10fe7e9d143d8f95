//! One load in all processes.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::background::{self, Task};
use crate::remote::{
    Cell, EntryName, How, Incarnation, LeaseId, Lock, LockReply, Locked, Release, Waiter,
};
use tokio::sync::oneshot;

use super::deps::{Proofs, Share, Sight, distinct};
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
    held: Arc<Held>,
    ended: bool,
}

/// The leases of one load. They are renewed together until the last one is dropped.
#[derive(Debug)]
struct Held {
    tier: Arc<Shared>,
    leases: Mutex<Vec<(EntryName, LeaseId)>>,
    renewal: OnceLock<Option<Task>>,
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
        if !self.may_be_used() {
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
        let held = Arc::new(Held {
            tier: Arc::clone(self),
            leases: Mutex::default(),
            renewal: OnceLock::new(),
        });
        let answers = wanted.iter_mut().zip(reply.locks);
        let claims = answers
            .map(|((share, sight, _), (locked, incarnation))| {
                sight.learn(&states);
                match locked {
                    Locked::Granted(id) => held.lease(share, sight, id, incarnation),
                    Locked::Busy(left) => Claimed::Busy(left),
                    Locked::Changed => Claimed::Changed,
                    Locked::Pass => Claimed::Pass,
                    Locked::Resting(left) => Claimed::Resting(left),
                }
            })
            .collect();
        held.keep_renewing(ttl);
        claims
    }

    /// Asks for leases in a task of its own: those that nobody takes because the caller has gone
    /// meanwhile are given back at once.
    async fn lock(
        self: &Arc<Self>,
        locks: Vec<Lock>,
        cells: Vec<Cell>,
        keep: Duration,
    ) -> Option<LockReply> {
        let (answer, asked) = oneshot::channel();
        let names = locks.iter().map(|lock| lock.entry.clone()).collect();
        let tier = Arc::clone(self);
        background::spawn_detached(async move {
            if let Ok(reply) = tier.remote.lock(locks, cells, keep).await {
                // If nobody takes it, it gives back what is in it.
                drop(answer.send(Unclaimed { tier, names, reply }));
            }
        });
        let mut unclaimed = asked.await.ok()?;
        Some(std::mem::take(&mut unclaimed.reply))
    }
}

/// Leases that were granted to a caller who has not taken them yet.
struct Unclaimed {
    tier: Arc<Shared>,
    names: Vec<EntryName>,
    reply: LockReply,
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let granted = self.names.drain(..).zip(self.reply.locks.drain(..));
        let granted = granted.filter_map(|(name, (locked, _))| match locked {
            Locked::Granted(id) => Some((name, id)),
            Locked::Busy(_) | Locked::Changed | Locked::Pass | Locked::Resting(_) => None,
        });
        let granted: Vec<_> = granted.collect();
        if !granted.is_empty() {
            let tier = Arc::clone(&self.tier);
            // Where this cannot be done they run out by themselves.
            background::spawn_detached(async move {
                let _ = tier.remote.release(granted, Release::Failed).await;
            });
        }
    }
}

impl Held {
    fn lease(
        self: &Arc<Self>,
        share: &Share,
        sight: &Sight,
        id: LeaseId,
        incarnation: Incarnation,
    ) -> Claimed {
        let name = share.name.clone();
        self.leases().push((name.clone(), id));
        let lease = Lease {
            name,
            id,
            incarnation,
            held: Arc::clone(self),
            ended: false,
        };
        if let Some(proofs) = sight.cells.proofs(&share.deps.known) {
            return Claimed::Leased(lease, proofs.into());
        }
        // A token could not be made: nothing can be stored.
        lease.release(Release::NotStored);
        Claimed::Refused
    }

    /// R5: at a third of their life, as long as the load runs.
    fn keep_renewing(self: &Arc<Self>, ttl: Duration) {
        if self.leases().is_empty() {
            return;
        }
        let held = Arc::downgrade(self);
        let renewal = background::beside(async move {
            loop {
                background::sleep(ttl / 3).await;
                let Some((tier, leases)) = held
                    .upgrade()
                    .map(|held| (Arc::clone(&held.tier), held.leases().clone()))
                else {
                    return;
                };
                // What cannot be asked for now is asked for again; the leases run on meanwhile.
                let _ = tier.remote.renew(leases, ttl).await;
            }
        });
        self.renewal.get_or_init(|| renewal);
    }

    fn leases(&self) -> MutexGuard<'_, Vec<(EntryName, LeaseId)>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
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
        let tier = Arc::clone(&self.held.tier);
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
        self.forget();
    }

    /// Takes the lease again from whoever has it by now.
    pub(super) async fn take_again(&mut self, how: How) {
        let lock = Lock {
            entry: self.name.clone(),
            how,
            ttl: LAST_LIFE,
        };
        let remote = &self.held.tier.remote;
        let reply = remote.lock(vec![lock], Vec::new(), Duration::ZERO).await;
        if let Some((Locked::Granted(id), incarnation)) =
            reply.ok().and_then(|reply| reply.locks.into_iter().next())
        {
            let mut leases = self.held.leases();
            leases.retain(|(_, old)| *old != self.id);
            leases.push((self.name.clone(), id));
            drop(leases);
            (self.id, self.incarnation) = (id, incarnation);
        }
    }

    fn forget(&mut self) -> bool {
        let held = !std::mem::replace(&mut self.ended, true);
        self.held.leases().retain(|(_, id)| *id != self.id);
        held
    }

    /// One that has run out meanwhile is somebody else's business: the store compares.
    fn give_back(&mut self, why: Release) {
        if self.forget() {
            let tier = Arc::clone(&self.held.tier);
            let name = self.name.clone();
            let lease = vec![(self.name.clone(), self.id)];
            // Where this cannot be done it runs out by itself.
            background::spawn_detached(async move {
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
