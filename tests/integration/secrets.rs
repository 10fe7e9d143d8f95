//! Nothing secret is logged or shown: R20.

use cache_aside::{CacheExt, Key, Policy, cache_aside, cache_invalidate};
use tracing::Level;

use crate::support::log::Log;
use crate::support::{Broken, MINUTE, World};

const SECRET: &str = "hunter2";

#[cache_aside(
    ttl = "1m",
    jitter = 0,
    stale_if_error = "1h",
    prefix = "secrets.get",
    key_fn = get_key,
    tags = ["secret:{password}", "secret-value:{result}"],
    skip(world),
    cache = world.cache
)]
async fn get(world: &World, password: &str) -> Result<String, Broken> {
    world
        .try_load()
        .await
        .map(|version| format!("{password}{version}"))
}

#[cache_aside(ttl = "1m", prefix = "secrets.get", skip(world), cache = world.cache)]
async fn other_type(world: &World, password: &str) -> u64 {
    drop(password.to_owned());
    world.load().await
}

#[cache_aside(ttl = "1m", prefix = "secrets.hidden", skip(world), cache = world.cache)]
async fn hidden<T>(world: &World, password: &str) -> T
where
    T: for<'a> From<&'a str>
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Clone
        + Send
        + Sync
        + 'static,
{
    world.load().await;
    T::from(password)
}

#[cache_invalidate(tags = ["secret:{password}"], keys = [get_key(password)], cache = world.cache)]
async fn set(world: &World, password: &str) -> usize {
    world.write();
    password.len()
}

#[tokio::test]
async fn r20_neither_arguments_nor_values_are_logged_or_shown() {
    let (log, guard) = Log::keep(Level::DEBUG);

    let world = World::new().await;
    for _ in 0..2 {
        get(&world, SECRET).await.expect("works");
    }
    get(&world, SECRET).refresh_cache().await.expect("works");
    world.clock.advance(MINUTE);
    world.break_down(true);
    get(&world, SECRET).await.expect("stale");
    world.break_down(false);
    other_type(&world, SECRET).await;
    hidden::<String>(&world, SECRET).await;
    set(&world, SECRET).await;
    let key = Key::<String>::new("secrets.by_hand", &(SECRET,));
    let policy = Policy::ttl(MINUTE).tags([SECRET]);
    world
        .cache
        .put(&key, &SECRET.to_owned(), &policy)
        .await
        .expect("stored");
    let invalidation = world.cache.invalidate_tag(SECRET);
    let shown = format!(
        "{key:?} {key} {policy:?} {invalidation:?} {:?} {:?}",
        world.cache,
        world.cache.stats()
    );
    invalidation.await.expect("done");
    world.cache.invalidate(&key).await.expect("done");
    world.cache.close().await.expect("closed");
    world.cache.health().await;
    drop(guard);

    let log = log.lines().join("\n");
    assert!(
        log.contains("a value of another type is stored"),
        "the log was kept:\n{log}"
    );
    assert!(
        log.contains("event=Hit prefix=\"secrets.get\"")
            || log.contains("prefix=\"secrets.get\" event=Hit"),
        "{log}"
    );
    assert!(!log.contains(SECRET), "{log}");
    assert!(!shown.contains(SECRET), "{shown}");
}
