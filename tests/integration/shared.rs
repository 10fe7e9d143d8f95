//! Two processes and one store: what one loads the other has, and what one invalidates the other
//! does not serve. The store is the deterministic double; `fleet` and `oracle` use real servers.

use std::sync::Arc;

use cache_aside::codec::{Json, MessagePack, Postcard};
use cache_aside::remote::DoubleServer;
use cache_aside::{
    Cache, CacheExt, Codec, CodecError, ErrorKind, HealthStatus, Key, Outcome, Policy, Tier,
    cache_aside,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{Broken, MINUTE, SECOND, World, until};

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
    assert_eq!(one.cache.stats().invalidations_pending, 1);
    assert_eq!(two.cache.stats().invalidations_pending, 0);
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

/// Writes values as JSON turned round, to be told from all others.
#[derive(Debug)]
struct Reversed;

impl Codec for Reversed {
    const ID: u8 = 200;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = serde_json::to_vec(value).map_err(|_| CodecError::encode("reversed"))?;
        bytes.reverse();
        Ok(bytes)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
        serde_json::from_slice(&bytes).map_err(|_| CodecError::decode("reversed"))
    }
}

async fn what_two_has(
    fleet: &Fleet,
    version: u64,
    policy: Policy<String>,
    value: &str,
) -> (Option<String>, Option<&'static str>) {
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let key = Key::<String>::new("shared.text", &(1u64,)).version(version);
    one.cache
        .put(&key, &value.to_owned(), &policy)
        .await
        .unwrap();
    let load = || async { Err::<String, _>(Broken) };
    let found = two.cache.get_or_load(&key, &policy, load).await.ok();
    let info = two.cache.inspect(&key).await;
    (found, info.and_then(|info| info.codec))
}

#[tokio::test]
async fn every_codec_carries_values_from_process_to_process() {
    let fleet = Fleet::of(2).await;
    let policy = || Policy::ttl(MINUTE);
    let said = "said";
    let text = |codec| (Some(said.to_owned()), Some(codec));
    let named = policy().codec::<String>(MessagePack);
    assert_eq!(
        what_two_has(&fleet, 1, named, said).await,
        text("messagepack")
    );
    let json = policy().codec::<String>(Json);
    assert_eq!(what_two_has(&fleet, 2, json, said).await, text("json"));
    let postcard = policy().codec::<String>(Postcard);
    assert_eq!(
        what_two_has(&fleet, 3, postcard, said).await,
        text("postcard")
    );
    let own = policy().codec::<String>(Reversed);
    assert_eq!(what_two_has(&fleet, 4, own, said).await, text("user"));
}

#[tokio::test]
async fn a_codec_that_does_not_notice_changes_needs_a_version() {
    let fleet = Fleet::of(1).await;
    let world = &fleet.worlds[0];
    let policy = Policy::ttl(MINUTE).codec::<u64>(Postcard).local(false);
    let key = Key::<u64>::new("shared.unversioned", &(1u64,));
    world.cache.put(&key, &1, &policy).await.unwrap();
    assert_eq!(world.cache.get(&key).await, None);
    let key = key.version(1);
    world.cache.put(&key, &1, &policy).await.unwrap();
    assert_eq!(world.cache.get(&key).await, Some(1));
}

#[tokio::test]
async fn large_values_are_compressed_and_too_large_ones_are_not_stored() {
    let fleet = Fleet::of(2).await;
    let long = "again and ".repeat(2_000);
    let small = Policy::ttl(MINUTE).compress_above(1_024).max_size(100_000);
    let found = what_two_has(&fleet, 1, small.clone().codec::<String>(Json), &long).await;
    assert_eq!(found, (Some(long.clone()), Some("json")));
    let largest = fleet.server.largest_entry();
    assert!(
        largest < long.len() / 10,
        "{largest} bytes of {}",
        long.len()
    );
    let tight = small.max_size(1_000).codec::<String>(Json);
    assert_eq!(what_two_has(&fleet, 2, tight, &long).await, (None, None));
}

#[tokio::test]
async fn without_single_flight_processes_load_side_by_side() {
    #[cache_aside(ttl = "1m", prefix = "shared.off", single_flight = off, skip(world), cache = world.cache)]
    async fn off(world: &World, id: u64) -> u64 {
        world.load().await
    }
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    one.hold();
    let calls =
        [one, two, two].map(|world| world.spawn(|world| async move { off(&world, 1).await }));
    one.reached(3).await;
    one.let_go();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_shorter_ttl_of_the_reader_counts() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let key = Key::<u64>::new("shared.ttl", &(1u64,));
    let old = Policy::ttl(MINUTE * 60).jitter(0.0);
    one.cache.put(&key, &1, &old).await.unwrap();
    fleet.advance(MINUTE * 2);
    let new = Policy::ttl(MINUTE).jitter(0.0);
    let load = || async { Ok::<_, Broken>(2) };
    assert_eq!(two.cache.get_or_load(&key, &new, load).await, Ok(2));
}

#[tokio::test]
async fn calls_by_hand_are_send_whatever_their_error_is() {
    fn send<F: Future + Send>(call: F) -> F {
        call
    }
    let fleet = Fleet::of(1).await;
    let cache = &fleet.worlds[0].cache;
    let (key, policy) = (
        Key::<u64>::new("shared.send", &(1u64,)),
        Policy::ttl(MINUTE),
    );
    let load = || async { Ok::<_, Box<dyn std::error::Error>>(1) };
    assert_eq!(
        send(cache.get_or_load(&key, &policy, load)).await.unwrap(),
        1
    );
    let find = || async { Ok::<_, Box<dyn std::error::Error>>(Some(1)) };
    assert_eq!(
        send(cache.find_or_load(&key, &policy, find)).await.unwrap(),
        Some(1)
    );
}

#[tokio::test]
async fn health_says_what_is_wrong_with_the_store() {
    let fleet = Fleet::of(1).await;
    let world = &fleet.worlds[0];
    assert_eq!(world.cache.health().await.status, HealthStatus::Healthy);
    fleet.server.go_down();
    let undone = world.cache.invalidate_tag("t").await.unwrap_err();
    assert_eq!(undone.kind(), ErrorKind::Pending);
    let health = world.cache.health().await;
    assert_eq!(health.status, HealthStatus::Degraded);
    assert_eq!(health.reasons.len(), 2, "{:?}", health.reasons);
    fleet.server.come_up();
    for _ in 0..500 {
        if world.cache.health().await.status == HealthStatus::Healthy {
            return;
        }
        tokio::time::sleep(SECOND / 100).await;
    }
    panic!("{:?}", world.cache.health().await);
}

#[tokio::test]
async fn the_age_of_an_answer_is_that_of_the_store() {
    #[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "shared.aged", skip(world), cache = world.cache)]
    async fn aged(world: &World, id: u64) -> Result<u64, Broken> {
        world.try_load().await
    }
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(aged(one, 1).await, Ok(1));
    one.write();
    fleet.advance(MINUTE);
    assert_eq!(
        aged(two, 1).await,
        Ok(2),
        "the entry is there, and not fresh"
    );
    fleet.advance(MINUTE);
    two.break_down(true);
    let (value, report) = aged(one, 1).with_cache_report().await;
    assert_eq!((value, report.outcome), (Ok(2), Outcome::Stale));
}
