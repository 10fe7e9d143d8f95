//! Large values, ours and those of others.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::{Key, Policy};

use super::{Server, eventually, item, settings, until_cached, until_healthy, with, world};
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
    let policy = Policy::ttl(MINUTE).local(false).max_size(2 * SIZE);
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

/// What takes longer than [`SOON`] to read, on any machine.
const HUGE: usize = 256 << 20;
const SOON: Duration = Duration::from_millis(100);

fn place(id: u64) -> String {
    format!("no:v:{{item:{}}}", super::item_key(id).digest())
}

async fn length(server: &Server, key: &str) -> usize {
    let mut admin = server.admin().await;
    let length = redis::cmd("STRLEN").arg(key).query_async(&mut admin).await;
    length.unwrap()
}

/// With this time to read, and what is small in use.
async fn hurried(server: &Server, small: &[u64]) -> World {
    let hurried = with(settings(&server.url()).read_timeout(SOON)).await;
    for id in small {
        until_cached(&hurried, *id, 1).await;
    }
    hurried
}

/// Calls once the store is in use, until the answer comes from the cache; says how many calls did not.
async fn calls_until_cached(world: &World, mut call: impl AsyncFnMut()) -> usize {
    let mut calls = 0;
    eventually("it is cached", async || {
        until_healthy(world).await;
        let before = world.loads();
        call().await;
        let cached = world.loads() == before;
        calls += usize::from(!cached);
        cached
    })
    .await;
    calls
}

#[tokio::test]
async fn a_value_that_cannot_be_read_in_time_is_late_once_and_overwritten() {
    let server = Server::start().await;
    // One compares sixteen bytes first, and the other does not.
    let one = hurried(&server, &[1, 2]).await;
    let two = hurried(&server, &[2]).await;
    for world in [&one, &two] {
        plant(&server, &place(1), Foreign::Bytes(&vec![b'x'; HUGE])).await;
        let before = world.cache.stats();
        let late = calls_until_cached(world, async || {
            assert_eq!(item(world, 1).await, 1);
            until_cached(world, 2, 1).await;
        });
        let late = late.await;
        let now = world.cache.stats();
        // The second reads its beginning; on a busy machine that may be late, too.
        assert!((2..=3).contains(&late), "{late} calls");
        assert_eq!(now.total.corrupt - before.total.corrupt, 1);
        assert!(length(&server, &place(1)).await < 1_000);
    }
}

#[tokio::test]
async fn others_are_hits_while_a_value_is_asked_for_that_cannot_be_read_in_time() {
    let server = Server::start().await;
    let world = hurried(&server, &[2]).await;
    plant(&server, &place(1), Foreign::Bytes(&vec![b'x'; HUGE])).await;
    let mut rounds = 0;
    eventually("all are hits", async || {
        rounds += 1;
        let before = world.loads();
        assert_eq!((item(&world, 1).await, item(&world, 2).await), (1, 1));
        world.loads() == before
    })
    .await;
    assert!(rounds > 1);
    assert!(length(&server, &place(1)).await < 1_000);
}

#[tokio::test]
async fn a_function_of_huge_values_is_late_twice() {
    let server = Server::start().await;
    let world = hurried(&server, &[2]).await;
    let key = Key::<String>::new("large", &(1,));
    let place = format!("no:v:{{large:{}}}", key.digest());
    plant(&server, &place, Foreign::Bytes(&vec![b'x'; HUGE])).await;
    let late = calls_until_cached(&world, async || {
        assert_eq!(loaded(&world, &key, &policy(HUGE), text(5)).await, 5);
        until_cached(&world, 2, 1).await;
    });
    let late = late.await;
    assert!((3..=4).contains(&late), "{late} calls");
    assert!(length(&server, &place).await < 1_000);
}

#[tokio::test]
async fn the_others_of_a_batch_are_found_although_one_cannot_be_read_in_time() {
    const COUNT: u64 = 20;
    let server = Server::start().await;
    let writer = world(&server.url()).await;
    for id in 0..COUNT {
        item(&writer, id).await;
    }
    let world = hurried(&server, &[100]).await;
    plant(&server, &place(1), Foreign::Bytes(&vec![b'x'; HUGE])).await;
    let keys: Vec<_> = (0..COUNT).map(super::item_key).collect();
    let mut in_vain = 0;
    eventually("the others are found", async || {
        until_cached(&world, 100, 1).await;
        let found = world.cache.get_many(&keys).await;
        let all = found.iter().flatten().count() == keys.len() - 1;
        in_vain += usize::from(!all);
        all
    })
    .await;
    // Who asks by hand may want large values, so it is late twice.
    assert!((2..=3).contains(&in_vain), "{in_vain} looks");
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
