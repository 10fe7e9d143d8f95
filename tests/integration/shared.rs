//! Two processes and one store: what one loads the other has, and what one invalidates the other
//! does not serve. The store is the deterministic double; `fleet` and `oracle` use real servers.

use std::sync::Arc;

use cache_aside::remote::DoubleServer;
use cache_aside::{Cache, CacheExt, Key, Outcome, Policy, Tier, cache_aside};

use crate::support::{MINUTE, SECOND, World, until};

/// Processes that share a store and a source.
pub(crate) struct Fleet {
    pub(crate) server: DoubleServer,
    pub(crate) worlds: Vec<World>,
}

impl Fleet {
    pub(crate) async fn of(processes: usize) -> Self {
        let server = DoubleServer::new(7);
        let mut worlds: Vec<World> = Vec::new();
        for _ in 0..processes {
            let first = match worlds.first() {
                Some(world) => world.clone(),
                None => World::new().await,
            };
            let cache = Cache::builder()
                .clock(first.clock.clone())
                .remote(Arc::new(server.connect()))
                .build()
                .await
                .unwrap();
            worlds.push(World { cache, ..first });
        }
        Self { server, worlds }
    }

    /// Time passes for the processes and for the server.
    pub(crate) fn advance(&self, by: std::time::Duration) {
        self.worlds[0].clock.advance(by);
        self.server.advance(by);
    }
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "shared.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "shared.owned", tags = ["owner:{result}"], skip(world), cache = world.cache)]
async fn owned(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "shared.here", remote = false, tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn here(world: &World, id: u64) -> u64 {
    world.load().await
}

#[tokio::test]
async fn what_one_process_loads_the_others_have() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 1).await, 1);
    let (value, report) = item(two, 1).with_cache_report().await;
    assert_eq!(
        (value, report.outcome, report.tier),
        (1, Outcome::Hit, Some(Tier::Remote))
    );
    let (value, report) = item(two, 1).with_cache_report().await;
    assert_eq!(
        (value, report.outcome, report.tier),
        (1, Outcome::Hit, Some(Tier::Local))
    );
    assert_eq!(one.loads(), 1);
}

#[tokio::test]
async fn r8_an_invalidation_anywhere_is_seen_everywhere() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let key = Key::<u64>::new("shared.item", &(1u64,));
    for how in 0..4 {
        let version = one.write();
        let invalidation = match how {
            0 => one.cache.invalidate_tag("item:1"),
            1 => one.cache.invalidate(&key),
            2 => one.cache.invalidate_prefix("shared.item"),
            _ => one.cache.clear(),
        };
        invalidation.await.unwrap();
        assert_eq!(item(two, 1).await, version, "{how}");
        assert_eq!(item(one, 1).await, version, "{how}");
        assert_eq!(item(two, 1).await, version, "{how}");
    }
    assert_eq!(one.loads(), 4);
}

#[tokio::test]
async fn r8_a_load_in_flight_is_not_stored_past_an_invalidation_elsewhere() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let key = Key::<u64>::new("shared.item", &(1u64,));
    for how in 0..4 {
        one.cache.clear().await.unwrap();
        let before = one.loads();
        one.hold();
        let running = one.spawn(|world| async move { item(&world, 1).await });
        one.reached(1).await;
        let version = one.write();
        let invalidation = match how {
            0 => two.cache.invalidate_tag("item:1"),
            1 => two.cache.invalidate(&key),
            2 => two.cache.invalidate_prefix("shared.item"),
            _ => two.cache.clear(),
        };
        invalidation.await.unwrap();
        one.let_go();
        assert_eq!(running.await.unwrap(), version - 1);
        assert_eq!(item(one, 1).await, version, "{how}");
        assert_eq!(item(two, 1).await, version, "{how}");
        assert_eq!(one.loads() - before, 2, "{how}");
        one.forget_reached();
        one.forget_released();
    }
}

#[tokio::test]
async fn r2_one_process_loads_and_the_others_wait() {
    let fleet = Fleet::of(3).await;
    let [one, two, three] = &fleet.worlds[..] else {
        unreachable!()
    };
    one.hold();
    let calls: Vec<_> = [one, two, three]
        .iter()
        .flat_map(|world| {
            (0..50).map(|_| world.spawn(|world| async move { item(&world, 1).await }))
        })
        .collect();
    one.reached(1).await;
    tokio::time::sleep(SECOND / 10).await;
    one.let_go();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(one.loads(), 1);
}

#[tokio::test]
async fn tags_of_results_invalidate_in_all_processes() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(owned(one, 1).await, 1);
    assert_eq!(owned(two, 1).await, 1);
    assert_eq!(
        one.loads(),
        1,
        "a cold key with a tag of its result is stored at once"
    );
    one.write();
    two.cache.invalidate_tag("owner:1").await.unwrap();
    assert_eq!(owned(one, 1).await, 2);
    assert_eq!(owned(two, 1).await, 2);
    assert_eq!(one.loads(), 2);
}

#[tokio::test]
async fn an_answer_of_this_process_only_is_invalidated_from_elsewhere() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let key = Key::<u64>::new("shared.here", &(1u64,));
    assert_eq!(
        (here(one, 1).await, here(one, 1).await, here(two, 1).await),
        (1, 1, 1)
    );
    assert_eq!(one.loads(), 2);
    one.write();
    two.cache.invalidate(&key).await.unwrap();
    assert_eq!(here(one, 1).await, 2);
    one.write();
    two.cache.invalidate_tag("item:1").await.unwrap();
    assert_eq!(here(one, 1).await, 3);
    assert_eq!(here(one, 1).await, 3);
}

#[tokio::test]
async fn by_hand_the_store_is_read_and_written() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let policy = Policy::ttl(MINUTE).tags(["hand"]);
    let keys: Vec<_> = (0..3u64)
        .map(|id| Key::<u64>::new("shared.hand", &(id,)))
        .collect();
    one.cache.put(&keys[0], &10, &policy).await.unwrap();
    one.cache.put(&keys[2], &12, &policy).await.unwrap();
    let before = fleet.server.trips();
    assert_eq!(two.cache.get_many(&keys).await, [Some(10), None, Some(12)]);
    assert!(fleet.server.trips() - before <= 2);
    assert_eq!(two.cache.get(&keys[0]).await, Some(10));
    one.cache.invalidate_tag("hand").await.unwrap();
    assert_eq!(two.cache.get_many(&keys).await, [None, None, None]);

    let place = one.cache.reserve(&keys[1], &policy).await.unwrap();
    assert!(place.fill(&11).await.unwrap());
    assert_eq!(two.cache.get(&keys[1]).await, Some(11));
    let place = one.cache.reserve(&keys[1], &policy).await.unwrap();
    two.cache.invalidate_tag("hand").await.unwrap();
    assert!(!place.fill(&99).await.unwrap());
    assert_eq!(two.cache.get(&keys[1]).await, None);
}

#[tokio::test]
async fn an_answer_lives_as_long_as_its_ttl_in_all_processes() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 1).await, 1);
    one.write();
    fleet.advance(SECOND * 59);
    assert_eq!(item(two, 1).await, 1);
    fleet.advance(SECOND);
    assert_eq!(item(two, 1).await, 2);
    assert_eq!(item(one, 1).await, 2);
}

#[tokio::test]
async fn a_lock_has_one_holder_in_all_processes() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let lease = one.cache.lock("report").await.unwrap();
    assert!(two.cache.try_lock("report").await.unwrap().is_none());
    assert!(one.cache.try_lock("report").await.unwrap().is_none());
    assert!(lease.is_held());
    lease.release().await.unwrap();
    let lease = two.cache.try_lock("report").await.unwrap().unwrap();
    drop(lease);
    let free = || async { one.cache.try_lock("report").await.unwrap().is_some() };
    for _ in 0..1_000 {
        if free().await {
            return;
        }
        tokio::time::sleep(SECOND / 1_000).await;
    }
    panic!("a lock that was dropped is still held");
}

#[tokio::test]
async fn r12_a_store_that_is_gone_costs_loads_and_nothing_else() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 1).await, 1);
    fleet.server.go_down();
    let version = one.write();
    assert!(one.cache.invalidate_tag("item:1").await.is_err());
    assert_eq!(item(one, 1).await, version);
    fleet.server.come_up();
    assert_eq!(item(one, 1).await, version);
    until("the invalidation is done", || {
        one.cache.stats().total.unshared > 0
    })
    .await;
    for _ in 0..200 {
        tokio::time::sleep(SECOND / 100).await;
        if item(two, 1).await == version {
            return;
        }
    }
    panic!("an invalidation that was owed was never done");
}
