//! Leases are renewed as long as their loads run (R5): by one task for all that have one life and
//! whose loads run on one runtime, which begins with the first and ends when there are none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Shared;
use crate::background::{self, RuntimeId, within};
use crate::remote::{EntryName, LeaseId};

/// So many rounds are there in the life of a lease. It is renewed in each second one: at a third of
/// its life, and for the first time not later than that.
const ROUNDS: u32 = 6;

/// Nothing is waited for under the lock, and no other is taken.
#[derive(Debug, Default)]
pub(super) struct Renewals(Mutex<Keepers>);

#[derive(Debug, Default)]
struct Keepers {
    all: Vec<Keeper>,
    /// The number of the last one.
    last: u64,
}

/// Who renews.
#[derive(Debug)]
struct Keeper {
    number: u64,
    runtime: RuntimeId,
    ttl: Duration,
    leases: HashMap<LeaseId, Kept, foldhash::fast::RandomState>,
}

#[derive(Debug)]
struct Kept {
    name: EntryName,
    /// Since it was granted or renewed.
    rounds: u32,
}

/// Names who renews a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptBy(u64);

/// The task of a keeper. However it ends, others begin with another one.
struct Duty {
    tier: Weak<Shared>,
    number: u64,
}

impl Renewals {
    /// From now on, a lease that was granted just now is renewed; `None` without a runtime.
    pub(super) fn keep(
        &self,
        tier: &Arc<Shared>,
        (name, lease): (&EntryName, LeaseId),
        ttl: Duration,
    ) -> Option<KeptBy> {
        let runtime = background::runtime()?;
        let kept = Kept {
            name: name.clone(),
            rounds: 0,
        };
        let mut keepers = self.keepers();
        let same = |keeper: &&mut Keeper| keeper.runtime == runtime && keeper.ttl == ttl;
        if let Some(keeper) = keepers.all.iter_mut().find(same) {
            keeper.leases.insert(lease, kept);
            return Some(KeptBy(keeper.number));
        }
        keepers.last += 1;
        let number = keepers.last;
        keepers.all.push(Keeper {
            number,
            runtime,
            ttl,
            leases: [(lease, kept)].into_iter().collect(),
        });
        drop(keepers);
        let duty = Duty {
            tier: Arc::downgrade(tier),
            number,
        };
        background::spawn_detached(duty.go(ttl));
        // The load is next, which may block its thread.
        background::hand_over();
        Some(KeptBy(number))
    }

    /// It has ended.
    pub(super) fn forget(&self, KeptBy(number): KeptBy, lease: LeaseId) {
        let mut keepers = self.keepers();
        let keeper = keepers
            .all
            .iter_mut()
            .find(|keeper| keeper.number == number);
        if let Some(keeper) = keeper {
            keeper.leases.remove(&lease);
        }
    }

    /// Those whose turn it is; `None` if there are none at all, and then this keeper is gone.
    fn round(&self, number: u64) -> Option<Vec<(EntryName, LeaseId)>> {
        let mut keepers = self.keepers();
        let at = keepers
            .all
            .iter()
            .position(|keeper| keeper.number == number)?;
        let leases = &mut keepers.all[at].leases;
        if leases.is_empty() {
            keepers.all.swap_remove(at);
            return None;
        }
        let due = leases.iter_mut().filter_map(|(lease, kept)| {
            kept.rounds = (kept.rounds + 1) % 2;
            (kept.rounds == 0).then(|| (kept.name.clone(), *lease))
        });
        Some(due.collect())
    }

    fn dismiss(&self, number: u64) {
        let mut keepers = self.keepers();
        keepers.all.retain(|keeper| keeper.number != number);
    }

    fn keepers(&self) -> MutexGuard<'_, Keepers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Duty {
    async fn go(self, ttl: Duration) {
        let round = ttl / ROUNDS;
        loop {
            background::sleep(round).await;
            let Some(tier) = self.tier.upgrade() else {
                return;
            };
            let Some(due) = tier.renewals.round(self.number) else {
                return;
            };
            if !due.is_empty() {
                // What cannot be asked for now is asked for again; the leases run on meanwhile.
                let _ = within(round, tier.remote.renew(due, ttl)).await;
            }
        }
    }
}

/// Its runtime may end before its leases do: whoever runs on another one begins anew.
impl Drop for Duty {
    fn drop(&mut self) {
        if let Some(tier) = self.tier.upgrade() {
            tier.renewals.dismiss(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::HomeRuntime;
    use crate::clock::Clock;
    use crate::remote::double::Op;
    use crate::remote::{Double, DoubleServer, Watch};

    const TTL: Duration = Duration::from_secs(3);

    fn tier() -> (Arc<Shared>, Arc<Double>) {
        let way = Arc::new(DoubleServer::new(5).connect());
        let remote = Arc::clone(&way) as Arc<dyn crate::remote::Remote>;
        let watch = Arc::new(Watch::recording());
        (
            Shared::new(remote, watch, Clock::manual(), None, HomeRuntime::default()),
            way,
        )
    }

    fn keep(tier: &Arc<Shared>, number: u8) -> KeptBy {
        let name = EntryName::new(number.to_string());
        let lease = LeaseId([number; 8]);
        let kept_by = tier.renewals.keep(tier, (&name, lease), TTL);
        kept_by.expect("a runtime")
    }

    #[tokio::test(start_paused = true)]
    async fn r5_all_leases_are_renewed_together_before_a_third_of_their_life_has_passed() {
        let (tier, way) = tier();
        let kept: Vec<_> = (0..5).map(|number| keep(&tier, number)).collect();
        assert_eq!(tier.renewals.keepers().all.len(), 1);
        for thirds in 1..4 {
            background::sleep(TTL / 3).await;
            tokio::task::yield_now().await;
            assert_eq!(way.count(Op::Renew), thirds);
        }
        for (number, kept_by) in (0..5).zip(kept) {
            tier.renewals.forget(kept_by, LeaseId([number; 8]));
        }
        background::sleep(TTL).await;
        assert_eq!(way.count(Op::Renew), 3, "they have ended");
        assert!(
            tier.renewals.keepers().all.is_empty(),
            "and so has the task"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn r5_a_lease_that_comes_later_is_not_renewed_later() {
        let (tier, way) = tier();
        keep(&tier, 0);
        background::sleep(TTL / 4).await;
        keep(&tier, 1);
        background::sleep(TTL / 3).await;
        let renewed = |number: u8| {
            let keepers = tier.renewals.keepers();
            keepers.all[0].leases[&LeaseId([number; 8])].rounds
        };
        assert_eq!((way.count(Op::Renew), renewed(1)), (2, 0));
    }

    #[test]
    fn a_runtime_that_ends_takes_no_others_with_it() {
        let runtime = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_time().build().expect("a runtime")
        };
        let ((tier, way), first, second) = (tier(), runtime(), runtime());
        first.block_on(async { keep(&tier, 0) });
        let later = second.block_on(async { keep(&tier, 1) });
        drop(first);
        let left = tier
            .renewals
            .keepers()
            .all
            .iter()
            .map(|keeper| keeper.number)
            .collect::<Vec<_>>();
        assert_eq!(left, [later.0]);
        second.block_on(async {
            tokio::time::pause();
            background::sleep(TTL / 2).await;
        });
        assert_eq!(way.count(Op::Renew), 1);
    }
}
