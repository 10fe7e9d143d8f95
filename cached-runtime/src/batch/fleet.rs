//! A batch where processes share: one look for all, one claim for all, one fill for all.
//!
//! Invariant: a batch never waits for another process while it holds a lease whose load has not
//! ended. So two batches that want each other's keys do not wait for each other.

use std::time::Duration;

use super::{Answers, BatchMiss, Each, Missing, key_of};
use crate::background::{join_all, within};
use crate::call::{
    Access, GRACE, LONGEST_SILENCE, Loading, MOST_LOOKS, Stored, Terms, VAIN_WAITS, meet_each,
};
use crate::clock::Moment;
use crate::mode::Tier;
use crate::observe::Event;
use crate::outcome::BatchCodec;
use crate::pause::Point;
use crate::remote::{Ended, How, Waiter};
use crate::shared::Claimed;

/// An element that another process loads.
pub(super) struct Abroad<K, M: Answers> {
    missing: Missing<K, M>,
    waiter: Waiter,
    left: Duration,
    failed: bool,
}

type Elements<C, M> = Vec<Missing<<C as Each>::Key, M>>;
type Foreign<C, M> = Vec<Abroad<<C as Each>::Key, M>>;

impl<C: Each + ?Sized, M: Answers> BatchMiss<C, M> {
    /// Asks the shared tier for all that is missing, in one trip.
    pub(super) async fn meet<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Elements<C, M>,
    ) -> Elements<C, M> {
        if self.mode.bypass || self.cache.shared().is_none() {
            return missing;
        }
        let (mut asked, mut left) = if missing.iter().all(|missing| missing.keyed) {
            (missing, Vec::new())
        } else {
            missing.into_iter().partition(|missing| missing.keyed)
        };
        let mut closely = self.mode.refresh;
        while !asked.is_empty() {
            let sought = asked.iter_mut();
            let sought = sought.map(|missing| (&missing.subject, missing.found.take()));
            let kind = &codec.element.kind;
            let met = meet_each(&self.cache, kind, sought.collect(), closely).await;
            let (mut unread, now) = (Vec::new(), self.cache.clock().now());
            for (mut missing, met) in asked.into_iter().zip(met) {
                match met {
                    Ok(met) => {
                        // What was softly invalidated is for single calls.
                        missing.found = met.found.filter(|_| !met.softly);
                        (missing.tier, missing.access) = (met.tier, met.access);
                        left.push(missing);
                    }
                    Err(stored) => unread.extend(self.take_stored(codec, missing, &stored, now)),
                }
            }
            // They are looked at once more, and then no answer is taken as it is.
            (asked, closely) = (unread, true);
        }
        left
    }

    /// Takes an answer as it is in the store; the element is left if it cannot be read.
    fn take_stored<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Missing<C::Key, M>,
        stored: &Stored,
        now: Moment,
    ) -> Option<Missing<C::Key, M>> {
        let Some(value) = stored.answer(&codec.element) else {
            return Some(missing);
        };
        let hit = value.as_ref().map_or(Event::Negative, |_| Event::Hit);
        missing.subject.stats.count(hit);
        missing.subject.stats.count(Event::RemoteHit);
        self.origin.note(Tier::Remote, now.since(stored.born));
        self.hits
            .extend(value.map(|value| (missing.map_key, value)));
        None
    }

    /// Settles on what terms each element is loaded. Those that another process loads are left for
    /// later, if this one `may_wait`; those that rest there are given as they are.
    pub(super) async fn claim<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Elements<C, M>,
        may_wait: bool,
    ) -> (Elements<C, M>, Foreign<C, M>) {
        let (mut ours, mut abroad) = (Vec::new(), Vec::new());
        let (cache, refresh) = (self.cache.clone(), self.mode.refresh);
        let how = |missing: &Missing<C::Key, M>| {
            if refresh {
                How::TakeOver
            } else if missing.older(&cache).is_some() {
                How::IfRested { seen: None }
            } else {
                How::IfFree { seen: None }
            }
        };
        let Some(tier) = cache.shared() else {
            return (missing, abroad);
        };
        let mut wanted = Vec::new();
        for mut missing in missing {
            match std::mem::take(&mut missing.access) {
                Access::Apart => ours.push(missing),
                // One that was fresh a moment ago, or nothing is known of it.
                Access::Unasked | Access::Blind => {
                    missing.stay_unshared(true);
                    ours.push(missing);
                }
                Access::Seen(seen) => wanted.push((missing, seen)),
            }
        }
        let (holding, mut kept): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(_, seen)| seen.0.holds_entry);

        let seen = kept.iter_mut().map(|(_, seen)| {
            let (share, sight) = &mut **seen;
            (&*share, sight)
        });
        let proofs = tier.tokens_for_each(seen.collect()).await;
        for ((mut missing, seen), proofs) in kept.into_iter().zip(proofs) {
            match proofs {
                Some(proofs) => missing.terms = Terms::Kept(seen, proofs),
                None => missing.stay_unshared(true),
            }
            ours.push(missing);
        }

        let Some((first, _)) = holding.first() else {
            return (ours, abroad);
        };
        let ttl = first.subject.policy.options.lease;
        let mut holding: Vec<_> = holding
            .into_iter()
            .map(|(missing, seen)| {
                // Registered before the lease is asked for: its end is not missed.
                let waiter = tier.waiter(&seen.0);
                (missing, seen, waiter)
            })
            .collect();
        let wanted = holding.iter_mut().map(|(missing, seen, _)| {
            let (share, sight) = &mut **seen;
            (&*share, sight, how(missing))
        });
        let claims = tier.claim_each(wanted.collect(), ttl).await;
        for ((mut missing, seen, waiter), claimed) in holding.into_iter().zip(claims) {
            let left = match claimed {
                Claimed::Leased(lease, proofs) => {
                    missing.terms = Terms::Leased(seen, proofs, lease);
                    ours.push(missing);
                    continue;
                }
                Claimed::Busy(left) if may_wait => left,
                Claimed::Changed if may_wait => Duration::ZERO,
                Claimed::Refused => {
                    missing.stay_unshared(true);
                    ours.push(missing);
                    continue;
                }
                Claimed::Resting(left) => {
                    if let Some(mut missing) = self.rests_for(codec, missing, left) {
                        missing.stay_unshared(false);
                        ours.push(missing);
                    }
                    continue;
                }
                Claimed::Busy(_) | Claimed::Changed | Claimed::Pass => {
                    missing.stay_unshared(false);
                    ours.push(missing);
                    continue;
                }
            };
            abroad.push(Abroad {
                missing,
                waiter,
                left,
                failed: false,
            });
        }
        (ours, abroad)
    }

    /// Waits for what other processes load. What they do not store in time is left to this one; or what
    /// is given because that takes longer than the load may.
    pub(super) async fn wait_abroad<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        mut abroad: Foreign<C, M>,
    ) -> Result<Elements<C, M>, R> {
        if abroad.is_empty() {
            return Ok(Vec::new());
        }
        let limits = abroad
            .iter()
            .filter_map(|abroad| abroad.missing.subject.policy.options.load_timeout);
        let (mut until_cut, limit) = (limits.clone().min(), limits.min().unwrap_or_default());
        let waits = abroad
            .iter()
            .map(|abroad| abroad.missing.subject.policy.options.lease_wait);
        let mut rest = waits.min().unwrap_or_default();
        let (mut idle, mut vain_waits) = (0, 0);
        loop {
            let busy = abroad.iter().filter(|abroad| !abroad.left.is_zero());
            let soonest = busy.map(|abroad| abroad.left).min();
            if let Some(left) = soonest {
                let pause = (left + GRACE).min(LONGEST_SILENCE).min(rest);
                let pause = pause.min(until_cut.unwrap_or(pause));
                let busy = abroad.iter_mut().filter(|abroad| !abroad.left.is_zero());
                let news = busy.map(|abroad| async {
                    let news = abroad.waiter.news().await;
                    abroad.failed |= matches!(news, Some(Ended::Failed | Ended::NotStored));
                });
                match within(pause, join_all(news.collect())).await {
                    None => {
                        rest -= pause;
                        until_cut = until_cut.map(|left| left.saturating_sub(pause));
                    }
                    Some(_) => vain_waits += 1,
                }
                if until_cut.take_if(|left| left.is_zero()).is_some() {
                    let waiting = abroad.iter().map(|abroad| &abroad.missing);
                    if let Some(answer) = self.instead(codec, waiting, limit) {
                        for abroad in &abroad {
                            abroad.missing.subject.stats.count(Event::LoadTimeout);
                        }
                        self.rest(abroad.into_iter().map(|abroad| abroad.missing), true);
                        return Err(answer);
                    }
                }
            } else {
                idle += 1;
            }
            let failed: Vec<bool> = abroad.iter().map(|abroad| abroad.failed).collect();
            let enough = idle >= MOST_LOOKS || vain_waits >= VAIN_WAITS;
            let give_up = rest.is_zero() || failed.contains(&true) || enough;
            let missing = abroad.into_iter().map(|abroad| abroad.missing).collect();
            let missing = self.meet(codec, missing).await;
            let missing = self.take_fresh(codec, missing, Event::Joined);
            let (mut ours, still) = self.claim(codec, missing, !give_up).await;
            if ours.is_empty() && !still.is_empty() {
                abroad = still;
                continue;
            }
            // What is ours now must not wait for the rest.
            ours.extend(still.into_iter().map(|mut abroad| {
                abroad.missing.stay_unshared(false);
                abroad.missing
            }));
            return Ok(ours);
        }
    }

    /// Stores what the body returned for the elements it was asked for; what it did not return is
    /// a negative answer, where the load was this process's own. Anything else it returned is
    /// dropped, or the answer would depend on what was cached.
    pub(super) async fn land<R, E>(
        &mut self,
        codec: &BatchCodec<R, M, E>,
        missing: Elements<C, M>,
        (mut loaded, loading): (M, Loading),
    ) {
        self.cache.pause(Point::Loaded, key_of(&missing)).await;
        let values: Vec<_> = missing
            .iter()
            .map(|missing| loaded.take(&missing.map_key))
            .collect();
        let (element, cache) = (&codec.element.kind, &self.cache);
        self.count_loads(&missing, Event::Load);
        let mut landing: Vec<_> = missing.into_iter().zip(values).collect();
        let (mut packing, mut keeping) = (Vec::new(), Vec::new());
        for (missing, value) in &mut landing {
            if !missing.keyed || self.mode.bypass {
                continue;
            }
            let subject = &missing.subject;
            cache.back_off().end(&subject.key);
            let value = value.as_ref().map(codec.element.value);
            match std::mem::replace(&mut missing.terms, Terms::Apart) {
                Terms::Apart => drop(subject.keep(cache, element, value, &loading)),
                Terms::Unshared { .. } => subject.stats.count(Event::NotStored),
                Terms::Kept(seen, proofs) => {
                    let answer = subject.loaded(cache, element, value, &loading);
                    keeping.push(async move {
                        subject
                            .keep_with_tokens(cache, element, &seen, proofs, answer)
                            .await;
                    });
                }
                Terms::Leased(seen, proofs, lease) => {
                    let answer = subject.loaded(cache, element, value, &loading);
                    packing.push((subject, seen, proofs, lease, answer));
                }
            }
        }
        join_all(keeping).await;
        let packing: Vec<_> = packing
            .into_iter()
            .map(|(subject, seen, proofs, lease, answer)| async move {
                let (share, sight) = &*seen;
                let cargo = subject
                    .pack(element, (share, sight), (proofs, lease), &answer)
                    .await;
                match cargo {
                    Ok(cargo) => Some((subject, cargo, answer)),
                    Err((proofs, lease)) => {
                        subject.not_kept(cache, answer.start);
                        lease.decline(sight, proofs.as_ref()).await;
                        None
                    }
                }
            })
            .collect();
        let packed: Vec<_> = join_all(packing).await.into_iter().flatten().collect();
        let (mut cargo, mut answers) = (Vec::new(), Vec::new());
        for (subject, packed, answer) in packed {
            cargo.push(packed);
            answers.push((subject, answer));
        }
        if let Some(tier) = cache.shared().filter(|_| !cargo.is_empty()) {
            let asked = cache.asking();
            let stored = tier.fill(cargo).await;
            for ((subject, answer), stored) in answers.iter().zip(stored) {
                subject.shipped(cache, element, stored, answer, asked);
            }
        }
        let answers = landing
            .into_iter()
            .filter_map(|(missing, value)| Some((missing.map_key, value?)));
        self.hits.extend(answers);
    }
}

impl<K, M: Answers> Missing<K, M> {
    /// A batch has one body and queues with nobody.
    fn stay_unshared(&mut self, storeless: bool) {
        if storeless {
            self.subject.stats.count(Event::Unshared);
        }
        self.terms = Terms::Unshared {
            queue: false,
            storeless,
        };
    }
}
