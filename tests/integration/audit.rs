//! The audit of copies: silent where promises are kept, and loud where one is broken.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::{Double, DoubleServer, EntryName};
use cache_aside::{AuditCounts, Cache, CacheExt, ErrorKind, Key, Outcome, cache_aside};

use crate::support::World;

/// The window of a cache, with room.
const WINDOW: Duration = Duration::from_millis(1_100);

#[cache_aside(ttl = "1h", jitter = 0, prefix = "audit.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

/// A process that is audited, whose pushes arrive when the test says so; and another one.
async fn audited() -> (World, Arc<Double>, Cache) {
    let server = DoubleServer::new(3);
    let (remote, world) = (Arc::new(server.connect()), World::new().await);
    let builder = || Cache::builder().clock(world.clock.clone());
    let cache = builder().remote(remote.clone()).audit(1.0).build().await;
    let other = builder().remote(Arc::new(server.connect())).build().await;
    let cache = cache.unwrap();
    (World { cache, ..world }, remote, other.unwrap())
}

/// A copy about which a change is heard while it is current. The clock of the cache stands still from
/// here on, so its copies stay trusted whatever time passes: promises are kept only if pushes arrive.
async fn a_copy_and_a_change(world: &World, remote: &Double, other: &Cache) {
    item(world, 1).await;
    tokio::time::sleep(20 * WINDOW).await;
    remote.push_by_hand(true);
    other.invalidate_tag("item:1").await.unwrap();
    item(world, 1).refresh_cache().await;
    while remote.deliver_push().is_some() {}
    item(world, 1).await;
    // Its first step: which copies are concerned?
    tokio::task::yield_now().await;
}

/// What was counted since.
fn since(world: &World, before: AuditCounts) -> [u64; 4] {
    let now = world.cache.stats().audit;
    [
        now.checked - before.checked,
        now.stale - before.stale,
        now.stale_after_4_windows - before.stale_after_4_windows,
        now.stale_after_16_windows - before.stale_after_16_windows,
    ]
}

#[tokio::test(start_paused = true)]
async fn an_audit_counts_copies_that_are_given_although_they_are_older() {
    let (world, remote, other) = audited().await;
    a_copy_and_a_change(&world, &remote, &other).await;
    let before = world.cache.stats().audit;
    // This push never arrives.
    other.invalidate_tag("item:1").await.unwrap();
    tokio::time::sleep(WINDOW).await;
    assert_eq!(since(&world, before), [1, 0, 0, 0]);
    tokio::time::sleep(WINDOW).await;
    assert_eq!(since(&world, before), [1, 1, 0, 0]);
    tokio::time::sleep(3 * WINDOW).await;
    assert_eq!(since(&world, before), [1, 1, 1, 0]);
    tokio::time::sleep(12 * WINDOW).await;
    assert_eq!(since(&world, before), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_audit_counts_nothing_where_pushes_arrive() {
    let (world, remote, other) = audited().await;
    a_copy_and_a_change(&world, &remote, &other).await;
    let before = world.cache.stats().audit;
    other.invalidate_tag("item:1").await.unwrap();
    tokio::time::sleep(WINDOW).await;
    // Late, and within the window that is allowed from when it was seen to differ.
    while remote.deliver_push().is_some() {}
    tokio::time::sleep(20 * WINDOW).await;
    assert_eq!(since(&world, before), [1, 0, 0, 0]);
    assert!(world.cache.stats().audit.samples > before.samples);
}

/// Nobody is told of an eviction, and it makes no copy older.
#[tokio::test(start_paused = true)]
async fn a_copy_whose_entry_was_evicted_is_no_broken_promise() {
    let (world, remote, other) = audited().await;
    a_copy_and_a_change(&world, &remote, &other).await;
    let before = world.cache.stats().audit;
    let key = Key::<u64>::new("audit.item", &(1u64,));
    let entry = EntryName::new(key.to_string());
    remote.server().evict_entry(&entry);
    tokio::time::sleep(20 * WINDOW).await;
    assert_eq!(since(&world, before), [1, 0, 0, 0]);
    let (_, report) = item(&world, 1).with_cache_report().await;
    assert_eq!(report.outcome, Outcome::Hit);
}

#[tokio::test]
async fn an_audit_is_off_unless_it_is_asked_for() {
    let server = DoubleServer::new(3);
    let world = World::new().await;
    let builder = Cache::builder().clock(world.clock.clone());
    let cache = builder
        .remote(Arc::new(server.connect()))
        .build()
        .await
        .unwrap();
    let world = World { cache, ..world };
    item(&world, 1).await;
    world.cache.invalidate_tag("item:1").await.unwrap();
    assert_eq!(world.cache.stats().audit, AuditCounts::default());
    for share in [-0.1, 1.1, f64::NAN] {
        let refused = Cache::builder().audit(share).build().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
    }
}
