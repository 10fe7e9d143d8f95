//! What is stored and what is not: R17, R19.

use std::sync::Arc;

use cache_aside::{Cache, Clock, ErrorKind, Key, Policy, SingleFlight, cache_aside};

use crate::support::{Broken, MINUTE, World};

#[cache_aside(ttl = "1m", cache_if = |version| version % 2 == 0, prefix = "storing.even", key(), cache = world.cache)]
async fn even(world: &World) -> Result<u64, Broken> {
    world.try_load().await
}

#[tokio::test]
async fn r17_a_value_that_cache_if_refuses_is_returned_and_not_stored() {
    let world = World::new().await;
    assert_eq!(even(&world).await, Ok(1));
    assert_eq!(even(&world).await, Ok(1));
    assert_eq!(world.loads(), 2);
    world.write();
    assert_eq!(even(&world).await, Ok(2));
    assert_eq!(even(&world).await, Ok(2));
    assert_eq!(world.loads(), 3);
    assert_eq!(world.cache.stats().prefixes["storing.even"].not_stored, 2);
}

#[tokio::test]
async fn r17_an_error_is_returned_and_not_stored() {
    let world = World::new().await;
    world.write();
    world.break_down(true);
    assert_eq!(even(&world).await, Err(Broken));
    world.break_down(false);
    assert_eq!(even(&world).await, Ok(2));
    let stats = world.cache.stats();
    assert_eq!((stats.total.load_errors, stats.total.stored), (1, 1));
}

#[cache_aside(ttl = "1m", max_size = "1KiB", prefix = "storing.small", skip(world), cache = world.cache)]
async fn small(world: &World, length: usize) -> Vec<u8> {
    world.load().await;
    vec![7; length]
}

#[cache_aside(ttl = "1m", max_size = "1KiB", remote = false, prefix = "storing.here", skip(world), cache = world.cache)]
async fn small_here(world: &World, length: usize) -> Vec<u8> {
    world.load().await;
    vec![7; length]
}

/// Also where nothing is encoded for its own sake: what counts is what the codec would make of it.
#[tokio::test]
async fn r17_a_value_over_max_size_is_returned_and_not_stored_in_the_process_either() {
    let alone = World::new().await;
    let shares = crate::shared::Fleet::of(1).await.worlds.remove(0);
    for (world, length, loads) in [(&alone, 1_000, 1), (&alone, 1_100, 2)] {
        let before = world.loads();
        for _ in 0..2 {
            assert_eq!(small(world, length).await.len(), length);
        }
        assert_eq!(world.loads() - before, loads, "{length} bytes");
    }
    for (length, loads) in [(1_000, 1), (1_100, 2)] {
        let before = shares.loads();
        for _ in 0..2 {
            assert_eq!(small_here(&shares, length).await.len(), length);
        }
        assert_eq!(shares.loads() - before, loads, "{length} bytes");
    }
    for (world, prefix) in [(&alone, "storing.small"), (&shares, "storing.here")] {
        assert_eq!(world.cache.stats().prefixes[prefix].not_stored, 2);
    }
}

/// The default is a MiB.
#[tokio::test]
async fn r17_what_is_larger_than_a_mebibyte_is_not_stored_unless_that_is_allowed() {
    let world = World::new().await;
    for _ in 0..2 {
        text(&world, (1 << 20) + 1).await;
    }
    assert_eq!(world.loads(), 2);
    let (key, policy) = (Key::<String>::new("large", &()), Policy::ttl(MINUTE));
    let large = "x".repeat(2 << 20);
    world.cache.put(&key, &large, &policy).await.expect("works");
    assert_eq!(world.cache.get(&key).await, None);
    let allowed = policy.max_size(4 << 20);
    world
        .cache
        .put(&key, &large, &allowed)
        .await
        .expect("works");
    assert_eq!(world.cache.get(&key).await, Some(large));
}

#[cache_aside(ttl = "1m", prefix = "storing.text", skip(world), cache = world.cache)]
async fn text(world: &World, length: usize) -> String {
    world.load().await;
    "x".repeat(length)
}

#[tokio::test]
async fn r17_a_value_heavier_than_the_whole_cache_is_returned_and_not_stored() {
    let cache = Cache::builder()
        .local_capacity_bytes(10_000)
        .build()
        .await
        .expect("good settings");
    let world = World::with(cache, Clock::system());
    for _ in 0..2 {
        assert_eq!(text(&world, 20_000).await.len(), 20_000);
    }
    assert_eq!(world.loads(), 2);
    for _ in 0..2 {
        text(&world, 1_000).await;
    }
    assert_eq!(world.loads(), 3);
}

#[tokio::test]
async fn r19_the_cache_stays_inside_its_capacity() {
    let cache = Cache::builder()
        .local_capacity(100)
        .build()
        .await
        .expect("good settings");
    let world = World::with(cache, Clock::system());
    for length in 0..1_000 {
        text(&world, length).await;
        assert!(world.cache.stats().entries <= 100);
    }
    assert_eq!(world.cache.stats().evictions, 900);

    let cache = Cache::builder()
        .local_capacity_bytes(20_000)
        .build()
        .await
        .expect("good settings");
    let world = World::with(cache, Clock::system());
    for length in 0..1_000 {
        text(&world, length).await;
        let bytes = world.cache.stats().bytes;
        assert!(bytes <= 20_000, "{bytes}");
    }
    assert!(world.cache.stats().entries >= 15, "and it uses what it has");
}

#[cache_aside(ttl = "1m", prefix = "storing.generic", key(), cache = world.cache)]
async fn generic<T>(world: &World) -> T
where
    T: From<u8> + serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    world.load().await;
    T::from(1)
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Small(u8);

impl From<u8> for Small {
    fn from(byte: u8) -> Self {
        Self(byte)
    }
}

/// `Result<u8, String>` as the type argument: the signature does not show that it is one.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Text(String);

#[cache_aside(ttl = "1m", prefix = "storing.hidden", key(), cache = world.cache)]
async fn hidden<T>(world: &World, make: fn() -> T) -> T
where
    T: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    world.load().await;
    make()
}

#[tokio::test]
async fn a_result_behind_a_type_parameter_is_never_stored() {
    let world = World::new().await;
    for _ in 0..2 {
        let broken: Result<u8, Text> = hidden(&world, || Err(Text("broken".to_owned()))).await;
        assert!(broken.is_err());
    }
    assert_eq!(world.loads(), 2);
    for _ in 0..2 {
        assert_eq!(hidden(&world, || 5_u8).await, 5);
    }
    assert_eq!(world.loads(), 3, "other types are");
}

#[tokio::test]
async fn type_arguments_keep_entries_apart() {
    let world = World::new().await;
    for _ in 0..2 {
        assert_eq!(generic::<u64>(&world).await, 1);
        assert_eq!(generic::<Small>(&world).await, Small(1));
    }
    assert_eq!(world.loads(), 2);
}

#[cache_aside(ttl = "1m", prefix = "storing.shared", skip(world), cache = world.cache)]
async fn one_type(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[cache_aside(ttl = "1m", prefix = "storing.shared", skip(world), cache = world.cache)]
async fn other_type(world: &World, id: u64) -> String {
    format!("{} {id}", world.load().await)
}

#[tokio::test]
async fn another_type_under_one_prefix_reads_as_a_miss() {
    let world = World::new().await;
    assert_eq!(one_type(&world, 1).await, 2);
    assert_eq!(other_type(&world, 1).await, "1 1");
    assert_eq!(one_type(&world, 1).await, 2);
    assert_eq!(world.loads(), 3);
    assert_eq!(
        world.cache.stats().prefixes["storing.shared"].type_mismatches,
        2
    );
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Big(u64);

#[cache_aside(ttl = "1m", prefix = "storing.arc", key(), cache = world.cache)]
async fn big(world: &World) -> Option<Arc<Big>> {
    Some(Arc::new(Big(world.load().await)))
}

#[tokio::test]
async fn a_hit_on_an_arc_copies_nothing() {
    let world = World::new().await;
    let (first, second) = (big(&world).await.unwrap(), big(&world).await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn by_hand_a_cache_gets_puts_and_loads() {
    let world = World::new().await;
    let cache = &world.cache;
    let (key, policy) = (
        Key::<u64>::new("storing.hand", &(1, "a")),
        Policy::ttl(MINUTE),
    );
    assert_eq!(cache.get(&key).await, None);
    let load = || async { world.try_load().await };
    assert_eq!(cache.get_or_load(&key, &policy, load).await, Ok(1));
    world.write();
    assert_eq!(cache.get_or_load(&key, &policy, load).await, Ok(1));
    cache.put(&key, &7, &policy).await.expect("stored");
    assert_eq!(cache.get(&key).await, Some(7));
    world.clock.advance(MINUTE);
    assert_eq!(cache.get(&key).await, None);

    // One policy serves several types; closures bind it to one.
    let text = Key::<String>::new("storing.hand_text", &());
    cache
        .put(&text, &"hello".to_owned(), &policy)
        .await
        .expect("stored");
    let small = policy.clone().cache_if(|text: &String| text.len() < 3);
    cache
        .put(&text, &"long".to_owned(), &small)
        .await
        .expect("returned, not stored");
    assert_eq!(
        cache.get(&text).await,
        None,
        "what was stored is older than what was put"
    );
    let by_value = Policy::ttl_with(|n: &u64| MINUTE * u32::try_from(*n).unwrap_or(1)).jitter(0.0);
    cache
        .put(&key, &3, &by_value.single_flight(SingleFlight::Off))
        .await
        .expect("stored");
    let info = cache.inspect(&key).await.expect("stored");
    assert_eq!(info.ttl_left, 3 * MINUTE);
    assert_eq!(
        cache
            .get_many(&[key.clone(), Key::new("storing.hand", &())])
            .await,
        [Some(3), None]
    );
    cache.invalidate(&key).await.expect("done");
    assert_eq!(cache.get(&key).await, None);
}

#[cache_aside(ttl = "1m", prefix = "storing.found", key_fn = found_key, skip(world), cache = world.cache)]
async fn found(world: &World, id: u64) -> Result<Option<u64>, Broken> {
    world
        .try_load()
        .await
        .map(|version| (id < 10).then_some(version))
}

#[tokio::test]
async fn by_hand_not_found_is_shared_with_the_attribute() {
    let world = World::new().await;
    let (cache, policy) = (&world.cache, Policy::ttl(MINUTE));
    let load = || async { world.try_load().await.map(Some) };
    assert_eq!(
        cache.find_or_load(&found_key(1), &policy, load).await,
        Ok(Some(1))
    );
    assert_eq!(found(&world, 1).await, Ok(Some(1)));
    assert_eq!(found(&world, 10).await, Ok(None));
    assert_eq!(
        cache.find_or_load(&found_key(10), &policy, load).await,
        Ok(None)
    );
    assert_eq!(world.loads(), 2);
    let load = || async { world.try_load().await };
    let loaded = cache.get_or_load(&found_key(10), &policy, load).await;
    assert_eq!(
        loaded,
        Ok(1),
        "whoever must have a value reads a negative answer as a miss"
    );
}

#[tokio::test(start_paused = true)]
async fn by_hand_a_load_that_can_outlive_its_call_goes_on_after_the_soft_timeout() {
    let world = World::new().await;
    let second = crate::support::SECOND;
    let policy = Policy::ttl(MINUTE)
        .jitter(0.0)
        .stale_if_error(MINUTE)
        .soft_timeout(second);
    let key = Key::<u64>::new("storing.owned", &());
    let call = || {
        let loading = world.clone();
        world.cache.get_or_load_owned(
            &key,
            &policy,
            move || async move { loading.try_load().await },
        )
    };
    assert_eq!(call().await, Ok(1));
    world.write();
    world.clock.advance(MINUTE);
    world.hold();
    assert_eq!(call().await, Ok(1), "the old value, after a second");
    world.let_go();
    world.cache.close().await.expect("the load ends");
    assert_eq!(call().await, Ok(2));
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn a_cache_that_is_turned_off_loads_every_time() {
    let cache = Cache::builder()
        .enabled(false)
        .build()
        .await
        .expect("good settings");
    let world = World::with(cache, Clock::system());
    for _ in 0..3 {
        text(&world, 1).await;
    }
    assert_eq!((world.loads(), world.cache.stats().entries), (3, 0));
    assert_eq!(world.cache.stats().total.bypassed, 3);
    assert_eq!(
        world.cache.health().await.status,
        cache_aside::HealthStatus::Down
    );
    let key = Key::<u64>::new("storing.off", &());
    world
        .cache
        .put(&key, &1, &Policy::ttl(MINUTE))
        .await
        .expect("does nothing");
    assert_eq!(world.cache.get(&key).await, None);
}

#[tokio::test]
async fn bad_settings_are_errors_that_say_so() {
    for builder in [
        Cache::builder().local_capacity(0),
        Cache::builder().local_capacity_bytes(0),
        Cache::builder().namespace(""),
        Cache::builder().namespace("a{b"),
    ] {
        assert_eq!(
            builder.build().await.expect_err("refused").kind(),
            ErrorKind::Config
        );
    }
}

#[tokio::test]
async fn statistics_tell_what_happened() {
    let world = World::new().await;
    for id in [1, 1, 1, 2] {
        one_type(&world, id).await;
    }
    world.cache.invalidate_tag("x").await.expect("done");
    let stats = world.cache.stats();
    let counts = &stats.prefixes["storing.shared"];
    assert_eq!(
        (counts.hits, counts.misses, counts.loads, counts.stored),
        (2, 2, 2, 2)
    );
    assert_eq!((stats.entries, stats.invalidations), (2, 1));
    assert!((counts.hit_rate() - 0.5).abs() < f64::EPSILON);
    let json = serde_json::to_value(&stats).expect("it is Serialize");
    assert_eq!(json["prefixes"]["storing.shared"]["hits"], 2);
    assert_eq!(json["prefixes"]["storing.shared"]["hit_rate"], 0.5);
    assert_eq!(json["total"]["hit_rate"], 0.5);
    let health = serde_json::to_value(world.cache.health().await).expect("it is Serialize");
    assert_eq!(health["status"], "healthy");
}
