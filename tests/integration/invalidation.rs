//! What was invalidated is never served again: R8.

use cache_aside::{Cache, CacheExt, Key, cache_aside};

use crate::support::{World, settle};

#[cache_aside(
    ttl = "1m",
    prefix = "inv.item",
    key_fn = item_key,
    tags = ["inv:{id}", "inv-version:{result}"],
    skip(world),
    cache = world.cache
)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(
    ttl = "1m",
    prefix = "inv.refreshed",
    key_fn = refreshed_key,
    tags = ["inv:{id}", "inv-version:{result}"],
    stale_while_revalidate = "1m",
    skip(world),
    cache = world.cache
)]
async fn refreshed(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(
    ttl = "1m",
    prefix = "inv.soft",
    key_fn = soft_key,
    tags = ["inv:{id}"],
    stale_if_error = "1m",
    soft_timeout = "50ms",
    skip(world),
    cache = world.cache
)]
async fn soft(world: &World, id: u64) -> u64 {
    world.load().await
}

#[derive(Clone, Copy, Debug)]
enum By {
    Key,
    Tag,
    /// A tag that only the loaded value knows.
    ResultTag,
    Prefix,
    Namespace,
}

const EVERY_WAY: [By; 5] = [By::Key, By::Tag, By::ResultTag, By::Prefix, By::Namespace];

async fn invalidate(cache: &Cache, by: By, key: &Key<u64>) {
    match by {
        By::Key => cache.invalidate(key).await,
        By::Tag => cache.invalidate_tag("inv:7").await,
        By::ResultTag => cache.invalidate_tags(["unrelated", "inv-version:1"]).await,
        By::Prefix => cache.invalidate_prefix(key.prefix()).await,
        By::Namespace => cache.clear().await,
    }
    .expect("an invalidation in the process does not fail");
}

#[tokio::test]
async fn an_invalidation_is_seen_by_the_next_read() {
    for by in EVERY_WAY {
        let world = World::new().await;
        assert_eq!(item(&world, 7).await, 1);
        world.write();
        assert_eq!(item(&world, 7).await, 1, "stored");
        invalidate(&world.cache, by, &item_key(7)).await;
        assert_eq!(item(&world, 7).await, 2, "{by:?}");
        assert_eq!(item(&world, 7).await, 2);
        assert_eq!(world.loads(), 2, "{by:?}");
    }
}

#[tokio::test]
async fn r8_an_invalidation_during_a_load_keeps_its_answer_out() {
    for by in EVERY_WAY {
        let world = World::new().await;
        world.hold();
        let early = world.spawn(|world| async move { item(&world, 7).await });
        world.reached(1).await;
        world.write();
        invalidate(&world.cache, by, &item_key(7)).await;
        world.let_go();
        assert_eq!(
            early.await.expect("no panic"),
            1,
            "its own load began before"
        );
        assert_eq!(item(&world, 7).await, 2, "{by:?}");
    }
}

#[tokio::test]
async fn r8_a_caller_who_arrives_after_an_invalidation_is_not_given_an_older_load() {
    for by in EVERY_WAY {
        let world = World::new().await;
        world.hold();
        let early = world.spawn(|world| async move { item(&world, 7).await });
        world.reached(1).await;
        let waits = world.spawn(|world| async move { item(&world, 7).await });
        settle().await;
        world.write();
        invalidate(&world.cache, by, &item_key(7)).await;
        let late = world.spawn(|world| async move { item(&world, 7).await });
        if !matches!(by, By::ResultTag) {
            world.reached(1).await; // it does not wait for a load that is of no use to it
        }
        settle().await;
        world.let_go();
        assert_eq!(early.await.expect("no panic"), 1);
        assert_eq!(late.await.expect("no panic"), 2, "{by:?}");
        // This one arrived before the invalidation; both versions are right for it.
        waits.await.expect("no panic");
        assert_eq!(item(&world, 7).await, 2, "{by:?}");
    }
}

#[tokio::test]
async fn r8_an_invalidation_during_a_background_refresh_keeps_its_answer_out() {
    for by in EVERY_WAY {
        let world = World::new().await;
        assert_eq!(refreshed(&world, 7).await, 1);
        world.clock.advance(crate::support::MINUTE);
        world.forget_reached();
        world.hold();
        assert_eq!(
            refreshed(&world, 7).await,
            1,
            "stale, with a refresh behind it"
        );
        world.reached(1).await;
        world.write();
        invalidate(&world.cache, by, &refreshed_key(7)).await;
        world.let_go();
        world.cache.close().await.expect("the refresh ends");
        assert_eq!(refreshed(&world, 7).await, 2, "{by:?}");
    }
}

#[tokio::test]
async fn r8_an_invalidation_during_a_soft_timeout_completion_keeps_its_answer_out() {
    for by in [By::Key, By::Tag, By::Prefix, By::Namespace] {
        let world = World::new().await;
        assert_eq!(soft(&world, 7).await, 1);
        world.clock.advance(crate::support::MINUTE);
        world.forget_reached();
        world.hold();
        assert_eq!(
            soft(&world, 7).await,
            1,
            "the stale value after the soft time-out"
        );
        world.reached(1).await;
        world.write();
        invalidate(&world.cache, by, &soft_key(7)).await;
        world.let_go();
        world.cache.close().await.expect("the load ends");
        assert_eq!(soft(&world, 7).await, 2, "{by:?}");
    }
}

#[tokio::test]
async fn r8_a_refresh_is_not_overwritten_by_an_older_load() {
    let world = World::new().await;
    world.hold();
    let older = world.spawn(|world| async move { item(&world, 7).await });
    world.reached(1).await;
    world.write();
    let refresh = world.spawn(|world| async move { item(&world, 7).refresh_cache().await });
    world.reached(1).await;
    world.let_go();
    assert_eq!(
        (
            older.await.expect("no panic"),
            refresh.await.expect("no panic")
        ),
        (1, 2)
    );
    assert_eq!(item(&world, 7).await, 2);
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn r8_a_put_is_not_overwritten_by_an_older_load() {
    let world = World::new().await;
    world.hold();
    let older = world.spawn(|world| async move { item(&world, 7).await });
    world.reached(1).await;
    let policy = cache_aside::Policy::ttl(crate::support::MINUTE);
    world
        .cache
        .put(&item_key(7), &9, &policy)
        .await
        .expect("stored");
    world.let_go();
    older.await.expect("no panic");
    assert_eq!(item(&world, 7).await, 9);
}

/// Without a store nobody waits for a place; what was loaded since it was taken is newer than what it is for.
#[tokio::test]
async fn r8_a_place_is_not_filled_once_somebody_has_loaded_since() {
    let world = World::new().await;
    let policy = cache_aside::Policy::ttl(crate::support::MINUTE);
    let place = world.cache.reserve(&item_key(7), &policy).await;
    let place = place.expect("a place");
    assert_eq!(item(&world, 7).await, 1, "it loads, and does not wait");
    assert!(!place.fill(&0).await.expect("no store"));
    world.write();
    assert_eq!(item(&world, 7).await, 2, "the key is invalidated");
    assert_eq!(world.loads(), 2);
}

/// Readers and writers as fast as they can: no read may return less than what was current when it
/// began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r8_no_read_is_older_than_the_last_invalidation_before_it() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    static FLOOR: AtomicU64 = AtomicU64::new(1);

    let world = World::new().await;
    let writer = tokio::spawn({
        let world = world.clone();
        async move {
            for _ in 0..3_000 {
                let version = world.write();
                for by in [By::Tag, By::Key, By::Prefix] {
                    if version % 3 == by as u64 % 3 {
                        invalidate(&world.cache, by, &item_key(7)).await;
                    }
                }
                if version % 3 == By::ResultTag as u64 % 3 {
                    world
                        .cache
                        .invalidate_tag(format!("inv-version:{}", version - 1))
                        .await
                        .expect("done");
                    invalidate(&world.cache, By::Tag, &item_key(7)).await;
                }
                FLOOR.fetch_max(version, SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move {
                for _ in 0..5_000 {
                    let floor = FLOOR.load(SeqCst);
                    let version = item(&world, 7).await;
                    assert!(version >= floor, "read {version}, but {floor} was current");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    writer.await.expect("no panic");
    for reader in readers {
        reader.await.expect("nothing stale");
    }
}

#[tokio::test]
async fn prefixes_and_tags_count_as_a_whole() {
    let world = World::new().await;
    item(&world, 7).await;
    world.cache.invalidate_prefix("inv").await.expect("done");
    world
        .cache
        .invalidate_prefix("inv.item2")
        .await
        .expect("done");
    world.cache.invalidate_tag("inv").await.expect("done");
    world.cache.invalidate_tag("inv:77").await.expect("done");
    item(&world, 7).await;
    assert_eq!(world.loads(), 1);
}
