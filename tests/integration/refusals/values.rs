//! Large values, ours and those of others.

use std::sync::Arc;

use cache_aside::{Key, Policy};

use super::{Server, eventually, item, settings, until_healthy, with, world};
use crate::support::refusing::{Foreign, plant};
use crate::support::{Broken, MINUTE, World};

fn text(length: usize) -> String {
    "x".repeat(length)
}

fn policy(largest: usize) -> Policy {
    Policy::ttl(MINUTE).jitter(0.0).max_size(largest)
}

async fn loaded(world: &World, key: &Key<String>, policy: &Policy, value: String) -> usize {
    let value = world.cache.get_or_load(key, policy, || async {
        world.load().await;
        Ok::<_, Broken>(value)
    });
    value.await.unwrap().len()
}

#[tokio::test]
async fn the_largest_value_is_stored_and_a_larger_one_takes_the_older_away() {
    const LARGEST: usize = 60_000;
    /// Before a text of that length.
    const HEAD: usize = 3;
    let server = Server::start().await;
    let one = world(&server.url()).await;
    let two = world(&server.url()).await;
    let key = Key::<String>::new("large", &(1,));
    let policy = policy(LARGEST + HEAD);
    assert_eq!(loaded(&one, &key, &policy, text(LARGEST)).await, LARGEST);
    assert_eq!(
        two.cache.get(&key).await.map(|value| value.len()),
        Some(LARGEST)
    );

    let refresh = async |value: String| {
        use cache_aside::CacheExt as _;
        let load = loaded(&one, &key, &policy, value);
        load.refresh_cache().await
    };
    let before = one.cache.stats().total;
    assert_eq!(refresh(text(LARGEST + 1)).await, LARGEST + 1);
    let now = one.cache.stats().total;
    assert_eq!(now.not_stored - before.not_stored, 1);
    for world in [&one, &two] {
        assert_eq!(
            world.cache.get(&key).await,
            None,
            "neither it nor the older"
        );
    }
}

#[tokio::test]
async fn large_values_keep_small_ones_waiting_and_nothing_more() {
    const SIZE: usize = 4 << 20;
    let server = Server::start().await;
    let world = with(settings(&server.url())).await;
    let policy = Policy::ttl(MINUTE).not_local().max_size(2 * SIZE);
    let value = Arc::new(text(SIZE));
    for id in 0..50 {
        item(&world, id).await;
    }
    let mut large = tokio::task::JoinSet::new();
    for id in 0..24_u64 {
        let (world, policy, value) = (world.clone(), policy.clone(), Arc::clone(&value));
        large.spawn(async move {
            let key = Key::<String>::new("large", &(id % 12,));
            assert_eq!(loaded(&world, &key, &policy, (*value).clone()).await, SIZE);
        });
    }
    let mut rounds = 0;
    while !large.is_empty() {
        for id in 0..50 {
            assert_eq!(item(&world, id).await, 1);
        }
        rounds += 1;
        while let Some(done) = large.try_join_next() {
            done.unwrap();
        }
    }
    assert!(rounds > 0);
    until_healthy(&world).await;
    eventually("small values are cached", async || {
        let before = world.loads();
        item(&world, 7).await;
        world.loads() == before
    })
    .await;
}

#[tokio::test]
async fn a_strangers_huge_value_under_our_name_is_overwritten() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let other = super::world(&server.url()).await;
    assert_eq!(item(&world, 1).await, 1);
    let key = format!("no:v:{{item:{}}}", super::item_key(1).digest());
    plant(&server, &key, Foreign::Bytes(&vec![b'x'; 64 << 20])).await;
    // One reads it, and the other compares sixteen bytes first.
    assert_eq!(other.cache.get(&super::item_key(1)).await, None);
    assert_eq!(other.cache.stats().total.corrupt, 1);
    assert_eq!(item(&world, 1).await, 1);
    assert_eq!(world.cache.stats().total.corrupt, 1);
    let length: u64 = redis::cmd("STRLEN")
        .arg(&key)
        .query_async(&mut server.admin().await)
        .await
        .unwrap();
    assert!(length < 1_000, "it was overwritten: {length}");
    let loads = world.loads();
    assert_eq!(item(&world, 1).await, 1);
    assert_eq!(world.loads(), loads);
}

#[tokio::test]
async fn an_entry_has_as_many_tags_as_fit_and_one_with_more_is_not_stored() {
    // The namespace and the prefix have one each.
    const MOST: usize = 62;
    const LONGEST: usize = 512;
    let server = Server::start().await;
    let (one, two) = (world(&server.url()).await, world(&server.url()).await);
    let tag = |number: usize, length: usize| format!("{number:0>length$}");
    for (id, count, length, stored) in [
        (1, MOST, 8, true),
        (2, MOST, LONGEST, true),
        (3, MOST + 1, 8, false),
        (4, MOST, 1_100, false),
    ] {
        let tags: Vec<_> = (0..count).map(|number| tag(number, length)).collect();
        let policy = Policy::ttl(MINUTE).tags(tags.clone());
        let key = Key::<String>::new("tagged", &(id,));
        assert_eq!(loaded(&one, &key, &policy, text(5)).await, 5);
        assert_eq!(
            two.cache.get(&key).await.is_some(),
            stored,
            "{count} of {length}"
        );
        two.cache
            .invalidate_tag(tags[count - 1].clone())
            .await
            .unwrap();
        assert_eq!(one.cache.get(&key).await, None, "{count} of {length}");
    }
    assert!(one.cache.stats().total.not_stored >= 2);
}
