//! Hits in the store that rest on what its pushes have told, where that was asked for.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::{Double, DoubleServer};
use cache_aside::test_util::Faulty;
use cache_aside::{Cache, Clock, Coherence, cache_aside};

use crate::support::{MINUTE, SECOND, World};

/// A process that trusts views and keeps no copies, and another one.
struct Two {
    server: DoubleServer,
    clock: Clock,
    world: World,
    way: Arc<Double>,
    store: Arc<Faulty>,
    other: World,
}

impl Two {
    async fn new(trust_views: bool) -> Self {
        let (server, clock) = (DoubleServer::new(9), Clock::manual());
        clock.advance(MINUTE);
        let way = Arc::new(server.connect());
        let store = Arc::new(Faulty::new(way.clone()));
        let cache = Cache::builder().clock(clock.clone()).remote(store.clone());
        let cache = cache.trust_views(trust_views).build().await.unwrap();
        let world = World::with(cache, clock.clone());
        let cache = Cache::builder().clock(clock.clone());
        let cache = cache.remote(Arc::new(server.connect())).build().await;
        let other = World {
            cache: cache.unwrap(),
            ..world.clone()
        };
        Self {
            server,
            clock,
            world,
            way,
            store,
            other,
        }
    }

    /// The same, and the first has seen the tokens of `item`.
    async fn with_views() -> Self {
        let two = Self::new(true).await;
        item(&two.world, 1).await;
        item(&two.world, 1).await;
        two
    }

    /// Entries and cells that a call reads.
    async fn reads(&self, call: impl Future<Output = u64>) -> ([u64; 2], u64) {
        let reads = || [self.store.entries_read(), self.store.cells_read()];
        let before = reads();
        let answer = call.await;
        let after = reads();
        ([after[0] - before[0], after[1] - before[1]], answer)
    }

    /// The other process writes, and says so.
    async fn write(&self) {
        self.other.write();
        self.other.cache.invalidate_tag("item:1").await.unwrap();
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.advance(by);
    }
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "views.item", local = false, tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "views.close", local = "5m", tags = ["item:{id}"], coherence = strict, skip(world), cache = world.cache)]
async fn close(world: &World, id: u64) -> u64 {
    world.load().await
}

/// Namespace, prefix and tag.
const CELLS: u64 = 3;

#[tokio::test]
async fn a_hit_reads_the_value_alone_where_its_tokens_are_known() {
    let two = Two::with_views().await;
    assert_eq!(two.reads(item(&two.world, 1)).await, ([1, 0], 1));
    // Of another key with the same prefix one token is new.
    item(&two.world, 2).await;
    let (read, _) = two.reads(item(&two.world, 2)).await;
    assert_eq!(read, [1, 1]);
    // Unless it was asked for, all of them are read.
    let two = Two::new(false).await;
    item(&two.world, 1).await;
    item(&two.world, 1).await;
    assert_eq!(two.reads(item(&two.world, 1)).await, ([1, CELLS], 1));
}

#[tokio::test]
async fn what_is_pushed_is_read_again() {
    let two = Two::with_views().await;
    two.write().await;
    let (read, version) = two.reads(item(&two.world, 1)).await;
    assert_eq!((read, version), ([1, 1], 2));
}

#[tokio::test]
async fn i9_a_view_is_trusted_for_the_window_and_no_longer() {
    let two = Two::with_views().await;
    two.way.push_by_hand(true);
    two.write().await;
    two.advance(SECOND * 9 / 10);
    assert_eq!(two.reads(item(&two.world, 1)).await, ([1, 0], 1));
    two.advance(SECOND / 10);
    let (read, version) = two.reads(item(&two.world, 1)).await;
    assert_eq!((read, version), ([1, CELLS], 2));
}

#[tokio::test]
async fn a_view_that_is_older_than_an_entry_makes_no_load() {
    let two = Two::with_views().await;
    two.way.push_by_hand(true);
    two.write().await;
    assert_eq!(item(&two.other, 1).await, 2);
    // The entry has a token that this process has not heard of.
    let (read, version) = two.reads(item(&two.world, 1)).await;
    assert_eq!((read, version), ([1, 1], 2));
    assert_eq!(two.world.loads(), 2);
}

#[tokio::test]
async fn who_asks_for_strict_is_given_nothing_by_view() {
    let two = Two::with_views().await;
    close(&two.world, 1).await;
    let before = two.world.loads();
    let (read, _) = two.reads(close(&two.world, 1)).await;
    assert_eq!(read, [1, CELLS]);
    assert_eq!(two.world.loads(), before);
    assert_ne!(Coherence::default(), Coherence::Strict);
}
