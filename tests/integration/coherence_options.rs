//! `coherence = ..` of a function: how many trips its hits cost, and what they give, next to
//! functions that share its entries and ask for something else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::{Double, DoubleServer};
use cache_aside::{Cache, CacheExt, Coherence, Outcome, cache_aside};

use crate::support::{SECOND, World};

/// A process whose pushes come in order, unless the test takes them into its hands.
struct Place {
    world: World,
    way: Arc<Double>,
}

impl Place {
    async fn new(coherence: Coherence) -> Self {
        Self::at(&DoubleServer::new(7), &World::new().await, coherence).await
    }

    async fn at(server: &DoubleServer, first: &World, coherence: Coherence) -> Self {
        let way = Arc::new(server.connect());
        let cache = Cache::builder()
            .clock(first.clock.clone())
            .coherence(coherence)
            .remote(way.clone())
            .build()
            .await
            .unwrap();
        let world = World {
            cache,
            ..first.clone()
        };
        Self { world, way }
    }

    fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
        self.way.server().advance(by);
    }

    /// How many trips a call takes that gives `expected`.
    async fn trips(&self, expected: u64, call: impl Future<Output = u64>) -> u64 {
        let before = self.way.trips();
        assert_eq!(call.await, expected);
        self.way.trips() - before
    }
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn plain(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{id}"], coherence = strict, skip(world), cache = world.cache)]
async fn strict(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{id}"], coherence = "500ms", skip(world), cache = world.cache)]
async fn close(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{id}"], coherence = "10s", skip(world), cache = world.cache)]
async fn loose(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{id}"], stale_while_revalidate = "1m", coherence = strict, skip(world), cache = world.cache)]
async fn strict_behind(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{ids}"], each = ids, skip(world), cache = world.cache)]
async fn each(world: &World, ids: &[u64]) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.iter().map(|id| (*id, version)).collect()
}

#[cache_aside(ttl = "1h", jitter = 0, prefix = "coherence.item", tags = ["item:{ids}"], each = ids, coherence = strict, skip(world), cache = world.cache)]
async fn strict_each(world: &World, ids: &[u64]) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.iter().map(|id| (*id, version)).collect()
}

/// Two answers of version one.
async fn both(answers: impl Future<Output = HashMap<u64, u64>>) -> u64 {
    let answers = answers.await;
    assert_eq!(answers, HashMap::from([(1, 1), (2, 1)]));
    1
}

#[tokio::test]
async fn a_strict_hit_is_one_trip_and_others_are_none() {
    let place = Place::new(Coherence::default()).await;
    let world = &place.world;
    plain(world, 1).await;
    plain(world, 2).await;
    for round in 0..3 {
        assert_eq!(place.trips(1, plain(world, 1)).await, 0, "{round}");
        assert_eq!(place.trips(1, strict(world, 1)).await, 1, "{round}");
        assert_eq!(place.trips(1, strict_behind(world, 1)).await, 1, "{round}");
        assert_eq!(place.trips(1, both(each(world, &[1, 2]))).await, 0);
        assert_eq!(place.trips(1, both(strict_each(world, &[1, 2]))).await, 1);
    }
    assert_eq!(world.loads(), 2);
    let (value, report) = strict(world, 1).with_cache_report().await;
    assert_eq!((value, report.outcome), (1, Outcome::Hit));
}

#[tokio::test]
async fn where_the_cache_is_strict_no_function_is_less() {
    let place = Place::new(Coherence::Strict).await;
    let world = &place.world;
    loose(world, 1).await;
    for _ in 0..3 {
        assert_eq!(place.trips(1, loose(world, 1)).await, 1);
        assert_eq!(place.trips(1, plain(world, 1)).await, 1);
    }
}

#[tokio::test]
async fn a_copy_that_a_strict_function_made_is_confirmed_for_all() {
    let place = Place::new(Coherence::default()).await;
    let world = &place.world;
    strict(world, 1).await;
    for _ in 0..3 {
        assert_eq!(place.trips(1, plain(world, 1)).await, 1);
        assert_eq!(place.trips(1, strict(world, 1)).await, 1);
    }
}

#[tokio::test]
async fn of_the_times_of_function_and_cache_the_shorter_holds() {
    let place = Place::new(Coherence::Bounded(SECOND)).await;
    let world = &place.world;
    plain(world, 1).await;
    // Nothing proves any more that no push is missing.
    place.way.push_by_hand(true);
    for (after, trips) in [
        (SECOND / 4, [0, 0, 0]),
        (SECOND / 2, [0, 0, 1]),
        (SECOND, [1, 1, 1]),
    ] {
        place.advance(after);
        assert_eq!(place.trips(1, plain(world, 1)).await, trips[0], "{after:?}");
        assert_eq!(place.trips(1, loose(world, 1)).await, trips[1], "{after:?}");
        assert_eq!(place.trips(1, close(world, 1)).await, trips[2], "{after:?}");
    }
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn r8_a_strict_function_needs_no_push_to_see_an_invalidation() {
    let server = DoubleServer::new(7);
    let first = World::new().await;
    let one = Place::at(&server, &first, Coherence::default()).await;
    let two = Place::at(&server, &first, Coherence::default()).await;
    assert_eq!(plain(&one.world, 1).await, 1);
    one.way.push_by_hand(true);
    let version = first.write();
    two.world.cache.invalidate_tag("item:1").await.unwrap();
    assert_eq!(plain(&one.world, 1).await, 1, "it was told nothing so far");
    assert_eq!(strict(&one.world, 1).await, version);
    assert_eq!(plain(&one.world, 1).await, version);
    assert_eq!(first.loads(), 2);
}
