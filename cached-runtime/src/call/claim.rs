//! One load in all processes: who has the lease loads, the others wait for what it stores.

use std::sync::Arc;
use std::time::Duration;

use crate::background::within;
use crate::flight::{Landing, Leader};
use crate::local::AnyEntry;
use crate::observe::Event;
use crate::outcome::Kind;
use crate::policy::SingleFlight;
use crate::remote::{Ended, How, Waiter};
use crate::shared::{Claimed, Lease, Proofs, Share, Sight};

use super::Call;
use super::given::Given;
use super::meet::Access;
use super::venture::Wished;

/// A message may be lost: who waits looks for itself at least this often.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(1);
/// Two commands a second are the most that a wait costs.
const SHORTEST_SILENCE: Duration = Duration::from_millis(500);
/// Past the end of a lease that was not renewed.
pub(crate) const GRACE: Duration = Duration::from_millis(10);
/// Entries that come and are not valid: after so many looks a caller loads by itself.
pub(crate) const MOST_LOOKS: u32 = 8;

/// On what terms a load runs.
#[derive(Debug)]
pub(crate) enum Terms {
    /// In this process alone: the numbers decide what is stored.
    Apart,
    /// Kept in this process, on the strength of tokens that were current before the load; or kept nowhere, but
    /// for all who wait here, where another process stores.
    Kept(Box<(Share, Sight)>, Proofs),
    /// Stored for all processes under a lease.
    Leased(Box<(Share, Sight)>, Proofs, Lease),
    /// For those only who came before it begins; for nobody but this caller if it does not `queue`
    /// with others of its kind. `storeless`: because the store cannot be used.
    Unshared { queue: bool, storeless: bool },
}

impl Terms {
    /// Whether the source carries what the store would have.
    pub(crate) fn is_storeless(&self) -> bool {
        matches!(
            self,
            Self::Unshared {
                storeless: true,
                ..
            }
        )
    }
}

/// How a caller goes on who needs a load.
pub(super) enum Aboard {
    Load(Terms),
    /// Another process has loaded, or this caller's time is up.
    Answer(Given),
    /// Another process refreshes this already, or has failed to a moment ago.
    Leave(Arc<AnyEntry>),
}

/// Why a load is for nobody else.
#[derive(Clone, Copy)]
enum Why {
    /// The store cannot be used.
    Unusable,
    /// The caller does not want to wait for other processes.
    Impatient,
    /// An answer of just now could not be stored, and the next one cannot either.
    NotStored,
    /// A load was waited for that came to nothing.
    Waited,
}

/// What a wait for another process's load comes to.
enum Abroad {
    /// Ask for the lease again.
    Ask,
    /// There is something to be looked at.
    Look,
    Failed,
    LoadAlone,
    Cut(Given),
}

/// How long to wait for a message. The first time until the lease may be over; later less often
/// than twice a second, however short leases are.
fn pause(left: Duration, polls: u32) -> Duration {
    let shortest = if polls == 0 {
        Duration::ZERO
    } else {
        SHORTEST_SILENCE
    };
    let silence = (left + GRACE).clamp(shortest, LONGEST_SILENCE);
    silence.mul_f64(1.0 + fastrand::f64() / 10.0)
}

impl Call {
    /// Settles on what terms this caller loads, or finds that it need not.
    ///
    /// It may have asked for the lease already.
    pub(super) async fn claim(
        &mut self,
        codec: &Kind,
        leader: &mut Option<Leader>,
        wished: Option<Wished>,
    ) -> Aboard {
        if matches!(self.access, Access::Unasked) {
            // It was beyond doubt a moment ago.
            self.ask(codec).await;
        }
        let mut seen = match std::mem::take(&mut self.access) {
            Access::Apart => return Aboard::Load(Terms::Apart),
            Access::Unasked | Access::Blind => {
                return self.unshared(codec, leader, Why::Unusable);
            }
            Access::Seen(seen) => seen,
        };
        if !seen.0.holds_entry {
            return self.claim_here(codec, leader, seen).await;
        }
        let options = &self.subject.policy.options;
        let (ttl, mut rest) = (options.lease, options.lease_wait);
        let (mut claimed, waiter) = wished.map_or((None, None), Wished::parts);
        let mut waiter = waiter.unwrap_or_else(|| seen.0.tier.waiter(&seen.0));
        let (mut looks, mut polls, mut failed) = (0, 0, false);
        self.waited_abroad = false;
        loop {
            let claimed = if let Some(claimed) = claimed.take() {
                claimed
            } else {
                waiter.forget();
                let (share, sight) = &mut *seen;
                share.tier.claim(share, sight, self.how(), ttl).await
            };
            match claimed {
                Claimed::Leased(lease, proofs) => {
                    return Aboard::Load(Terms::Leased(seen, proofs, lease));
                }
                Claimed::Refused => return self.unshared(codec, leader, Why::Unusable),
                Claimed::Pass => return self.unshared(codec, leader, Why::NotStored),
                Claimed::Changed => {}
                Claimed::Resting(left) => match self.rests_for(left, leader) {
                    Some(found) => return Aboard::Leave(found),
                    // It has gone meanwhile: this caller asks for more.
                    None if looks < MOST_LOOKS => {
                        looks += 1;
                        continue;
                    }
                    None => return self.unshared(codec, leader, Why::Waited),
                },
                Claimed::Busy(_) if self.is_refresh() => {
                    if let Some(found) = self.found.clone() {
                        return Aboard::Leave(found);
                    }
                    return self.unshared(codec, leader, Why::Waited);
                }
                Claimed::Busy(_) if failed || self.has_waited_enough() => {
                    return self.unshared(codec, leader, Why::Waited);
                }
                Claimed::Busy(_) if !self.waits_abroad() => {
                    return self.beside_others(codec, leader, seen).await;
                }
                Claimed::Busy(left) => {
                    let abroad = self.wait_abroad(codec, left, &mut rest, &mut polls, &mut waiter);
                    match abroad.await {
                        Abroad::Ask => continue,
                        Abroad::Look => {
                            self.vain_waits += 1;
                            self.waited_abroad = true;
                        }
                        Abroad::Failed => {
                            // One attempt of this process's own, at once; if that could not be shared
                            // either, one for each who waits.
                            failed = true;
                            if !codec.can_share
                                && self.fallback().is_none()
                                && let Some(leader) = leader.take()
                            {
                                leader.land(Landing::Unshared);
                            }
                            continue;
                        }
                        Abroad::LoadAlone => return self.unshared(codec, leader, Why::Waited),
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
            self.ask(codec).await;
            // What stands because nobody answered is not proven for those who joined.
            let seen_there = matches!(self.access, Access::Seen(_));
            if let Some(found) = self.fresh().filter(|_| seen_there) {
                return self.arrived(leader, &found);
            }
            match std::mem::take(&mut self.access) {
                Access::Seen(again) if looks < MOST_LOOKS => seen = again,
                _ => return self.unshared(codec, leader, Why::Waited),
            }
        }
    }

    /// The same for an answer that is kept in this process only.
    async fn claim_here(
        &self,
        codec: &Kind,
        leader: &mut Option<Leader>,
        mut seen: Box<(Share, Sight)>,
    ) -> Aboard {
        let (share, sight) = &mut *seen;
        if let Some(entry) = self.kept_meanwhile(codec, share, leader.as_ref()).await {
            return self.arrived(leader, &entry);
        }
        match share.tier.tokens_for(share, sight).await {
            Some(proofs) => Aboard::Load(Terms::Kept(seen, proofs)),
            None => self.unshared(codec, leader, Why::Unusable),
        }
    }

    /// Another process loads, and this caller does not want to wait for that: what it loads is for all of this
    /// process, and the other one stores.
    async fn beside_others(
        &self,
        codec: &Kind,
        leader: &mut Option<Leader>,
        mut seen: Box<(Share, Sight)>,
    ) -> Aboard {
        if leader.is_none() {
            // For this caller alone there is nothing to prove.
            return self.unshared(codec, leader, Why::Impatient);
        }
        let (share, sight) = &mut *seen;
        share.keeps_here(sight);
        match share.tier.tokens_for(share, sight).await {
            Some(proofs) => Aboard::Load(Terms::Kept(seen, proofs)),
            None => self.unshared(codec, leader, Why::Impatient),
        }
    }

    /// An answer that is proven for all who joined is there without a load.
    fn arrived(&self, leader: &mut Option<Leader>, entry: &Arc<AnyEntry>) -> Aboard {
        if let Some(leader) = leader.take() {
            leader.land(Landing::Arrived(Arc::clone(entry)));
        }
        Aboard::Answer(self.joined_answer(entry))
    }

    /// What a flight that landed between this caller's look and its boarding left in this process,
    /// if it is valid still.
    async fn kept_meanwhile(
        &self,
        codec: &Kind,
        share: &Share,
        leader: Option<&Leader>,
    ) -> Option<Arc<AnyEntry>> {
        if self.mode.refresh {
            return None;
        }
        let before = self.found.as_ref().map_or(0, |found| found.start);
        let now = self.cache.clock().now();
        let kept = self.cache.store().find(&self.subject.key)?;
        let usable = kept.start > before && kept.life().is_fresh(now) && codec.can_read(&kept);
        let backing = usable.then(|| kept.backing())??;
        if let Some(leader) = leader {
            leader.close();
        }
        let valid = share.deps.are_in(&backing.proofs) && share.tier.confirm(&backing.proofs).await;
        valid.then_some(kept)
    }

    fn how(&self) -> How {
        if self.mode.refresh {
            How::TakeOver
        } else if self.fallback().is_some() {
            How::IfRested { seen: None }
        } else {
            How::IfFree { seen: None }
        }
    }

    /// A load that proves nothing to those who come later. Whoever joined by now came before it
    /// begins and may share it; but where they have waited for a load already, and a failure could
    /// not be shared, each has an attempt of its own at once.
    fn unshared(&self, codec: &Kind, leader: &mut Option<Leader>, why: Why) -> Aboard {
        let storeless = matches!(why, Why::Unusable);
        if storeless {
            self.count(Event::Unshared);
        }
        let has_waited = match why {
            Why::Waited => true,
            Why::NotStored => self.has_waited_enough(),
            Why::Unusable | Why::Impatient => false,
        };
        let queue = codec.can_share || !has_waited;
        if queue {
            if let Some(leader) = leader {
                leader.close();
            }
        } else if let Some(leader) = leader.take() {
            leader.land(Landing::Unshared);
        }
        Aboard::Load(Terms::Unshared { queue, storeless })
    }

    fn waits_abroad(&self) -> bool {
        self.subject.policy.options.single_flight == SingleFlight::Cluster
    }

    /// Waits for another process's load until it says how it ended, its lease may be over, or this
    /// caller has waited long enough.
    async fn wait_abroad(
        &self,
        codec: &Kind,
        left: Duration,
        rest: &mut Duration,
        polls: &mut u32,
        waiter: &mut Waiter,
    ) -> Abroad {
        let options = &self.subject.policy.options;
        let limit = options.load_timeout.filter(|_| self.may_cut(codec));
        loop {
            if rest.is_zero() {
                return Abroad::LoadAlone;
            }
            let spent = options.lease_wait.saturating_sub(*rest);
            let until_cut = limit.map(|limit| limit.saturating_sub(spent));
            if let Some(limit) = limit
                && until_cut == Some(Duration::ZERO)
                && let Some(answer) = self.instead(codec, limit)
            {
                return Abroad::Cut(answer);
            }
            let until_cut = until_cut.filter(|left| !left.is_zero());
            let pause = pause(left, *polls).min(*rest);
            let pause = pause.min(until_cut.unwrap_or(Duration::MAX));
            match within(pause, waiter.news()).await {
                None => {
                    *rest -= pause;
                    *polls += 1;
                    // One caller of the process asks for all who wait.
                    if waiter.asks() {
                        return Abroad::Ask;
                    }
                }
                Some(Some(Ended::Failed | Ended::NotStored)) => return Abroad::Failed,
                Some(Some(Ended::Filled | Ended::Invalidated) | None) => return Abroad::Look,
            }
        }
    }
}
