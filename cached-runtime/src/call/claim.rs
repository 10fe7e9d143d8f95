//! One load in all processes: who has the lease loads, the others wait for what it stores.

use std::sync::Arc;
use std::time::Duration;

use crate::background::within;
use crate::flight::{Landing, Leader};
use crate::local::AnyEntry;
use crate::observe::Event;
use crate::outcome::Codec;
use crate::policy::SingleFlight;
use crate::remote::{Ended, How, Waiter};
use crate::shared::{Claimed, Lease, Proofs, Share, Sight};

use super::meet::Access;
use super::{Miss, Subject};

/// A message may be lost: who waits looks for itself at least this often.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(1);
/// Past the end of a lease that was not renewed.
pub(crate) const GRACE: Duration = Duration::from_millis(10);
/// Entries that come and are not valid: after so many looks a caller loads by itself.
const MOST_LOOKS: u32 = 8;

/// On what terms a load runs.
#[derive(Debug)]
pub(crate) enum Terms {
    /// In this process alone: the numbers decide what is stored.
    Apart,
    /// Kept in this process, on the strength of tokens that were current before the load.
    Kept(Box<(Share, Sight)>, Proofs),
    /// Stored for all processes under a lease.
    Leased(Box<(Share, Sight)>, Proofs, Lease),
    /// For this caller alone.
    Unshared,
}

/// How a caller goes on who needs a load.
pub(super) enum Aboard<R> {
    Load(Terms),
    /// Another process has loaded, or this caller's time is up.
    Answer(R),
    /// Another process refreshes this already.
    Leave(Arc<AnyEntry>),
}

/// What a wait for another process's load comes to.
enum Abroad<R> {
    /// Ask for the lease again.
    Ask,
    /// There is something to be looked at.
    Look,
    Failed,
    LoadAlone,
    Cut(R),
}

impl<R, T, E> Miss<R, T, E> {
    /// Settles on what terms this caller loads, or finds that it need not.
    pub(super) async fn claim(
        &mut self,
        codec: &Codec<R, T, E>,
        leader: &mut Option<Leader>,
    ) -> Aboard<R> {
        let mut seen = match std::mem::take(&mut self.access) {
            Access::Apart => return Aboard::Load(Terms::Apart),
            Access::Blind => return self.unshared(leader),
            Access::Seen(seen) => seen,
        };
        if !seen.0.holds_entry {
            let (share, sight) = &mut *seen;
            if let Some(entry) = self.kept_meanwhile(codec, share, leader.as_ref()).await {
                return self.arrived(codec, leader, &entry);
            }
            return match share.tier.tokens_for(share, sight).await {
                Some(proofs) => Aboard::Load(Terms::Kept(seen, proofs)),
                None => self.unshared(leader),
            };
        }
        let options = &self.subject.policy.options;
        let (ttl, mut rest) = (options.lease, options.lease_wait);
        let mut waiter = seen.0.tier.waiter(&seen.0);
        let (mut looks, mut failed) = (0, false);
        loop {
            waiter.forget();
            let (share, sight) = &mut *seen;
            match share.tier.claim(share, sight, self.how(), ttl).await {
                Claimed::Leased(lease, proofs) => {
                    return Aboard::Load(Terms::Leased(seen, proofs, lease));
                }
                Claimed::Refused => return self.unshared(leader),
                Claimed::Changed => {}
                Claimed::Busy(_) if self.is_refresh() => {
                    if let Some(found) = self.found.clone() {
                        return Aboard::Leave(found);
                    }
                    return self.unshared(leader);
                }
                Claimed::Busy(_) if failed || self.hurry => return self.unshared(leader),
                Claimed::Busy(left) => {
                    match self.wait_abroad(codec, left, &mut rest, &mut waiter).await {
                        Abroad::Ask => continue,
                        Abroad::Look => {}
                        Abroad::Failed => {
                            // One attempt of this process's own, at once.
                            failed = true;
                            continue;
                        }
                        Abroad::LoadAlone => return self.unshared(leader),
                        Abroad::Cut(answer) => {
                            self.count(Event::LoadTimeout);
                            if let Some(leader) = leader.take() {
                                leader.land(Landing::TimedOut);
                            }
                            return Aboard::Answer(answer);
                        }
                    }
                }
            }
            looks += 1;
            if let Some(leader) = leader {
                // From here on nobody joins: what is proven next is proven for all who did.
                leader.close();
            }
            self.meet(codec).await;
            if let Some(found) = self.fresh() {
                return self.arrived(codec, leader, &found);
            }
            match std::mem::take(&mut self.access) {
                Access::Seen(again) if looks < MOST_LOOKS => seen = again,
                _ => return self.unshared(leader),
            }
        }
    }

    /// An answer that is proven for all who joined is there without a load.
    fn arrived(
        &self,
        codec: &Codec<R, T, E>,
        leader: &mut Option<Leader>,
        entry: &Arc<AnyEntry>,
    ) -> Aboard<R> {
        if let Some(leader) = leader.take() {
            leader.land(Landing::Arrived(Arc::clone(entry)));
        }
        Aboard::Answer(self.answer(codec, entry))
    }

    /// What a flight that landed between this caller's look and its boarding left in this process,
    /// if it is valid still.
    async fn kept_meanwhile(
        &self,
        codec: &Codec<R, T, E>,
        share: &Share,
        leader: Option<&Leader>,
    ) -> Option<Arc<AnyEntry>> {
        if self.mode.refresh {
            return None;
        }
        let before = self.found.as_ref().map_or(0, |found| found.start);
        let now = self.cache.clock().now();
        let kept = self.cache.store().find(&self.subject.key)?;
        let usable =
            kept.start > before && kept.life.is_fresh(now) && Subject::can_read(codec, &kept);
        let backing = kept.backing.as_ref().filter(|_| usable)?;
        if let Some(leader) = leader {
            leader.close();
        }
        let valid = share.deps.are_in(&backing.proofs) && share.tier.confirm(&backing.proofs).await;
        valid.then_some(kept)
    }

    fn how(&self) -> How {
        if self.mode.refresh {
            How::TakeOver
        } else {
            How::IfFree { seen: None }
        }
    }

    /// Whoever waits for this caller loads by itself, at once.
    fn unshared(&self, leader: &mut Option<Leader>) -> Aboard<R> {
        self.count(Event::Unshared);
        if let Some(leader) = leader.take() {
            leader.land(Landing::Unshared);
        }
        Aboard::Load(Terms::Unshared)
    }

    /// Waits for another process's load until it says how it ended, its lease may be over, or this
    /// caller has waited long enough.
    async fn wait_abroad(
        &self,
        codec: &Codec<R, T, E>,
        left: Duration,
        rest: &mut Duration,
        waiter: &mut Waiter,
    ) -> Abroad<R> {
        let options = &self.subject.policy.options;
        if options.single_flight != SingleFlight::Cluster || rest.is_zero() {
            return Abroad::LoadAlone;
        }
        let spent = options.lease_wait.saturating_sub(*rest);
        let limit = options.load_timeout.filter(|_| self.may_cut(codec));
        let until_cut = limit.map(|limit| limit.saturating_sub(spent));
        if let Some(limit) = limit
            && until_cut == Some(Duration::ZERO)
            && let Some(answer) = self.instead(codec, limit)
        {
            return Abroad::Cut(answer);
        }
        let silence = (left + GRACE).min(LONGEST_SILENCE);
        let silence = silence.mul_f64(1.0 + fastrand::f64() / 10.0);
        let pause = silence.min(*rest).min(until_cut.unwrap_or(Duration::MAX));
        match within(pause, waiter.news()).await {
            None => {
                *rest -= pause;
                Abroad::Ask
            }
            Some(Some(Ended::Failed | Ended::NotStored)) => Abroad::Failed,
            Some(Some(Ended::Filled | Ended::Invalidated) | None) => Abroad::Look,
        }
    }
}
