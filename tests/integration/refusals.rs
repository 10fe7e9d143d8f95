//! A server that works and says no, or forgets: what callers get, what is counted and said, that nothing is served
//! that was invalidated, and that it heals by itself.

mod contents;
mod memory;
mod permissions;
mod roles;
mod values;

use std::time::{Duration, Instant};

use cache_aside::{Cache, CacheBuilder, Clock, Coherence, HealthStatus, cache_aside};
use redis::{RedisResult, cmd};

use crate::support::refusing::{Lack, No, PASSWORD, Refusing, USER, user_without};
use crate::support::server::Server;
use crate::support::{World, eventually};

const MS: Duration = Duration::from_millis(1);
/// For what has to happen in the end; no measure of anything.
const PATIENCE: Duration = Duration::from_secs(20);
const NAMESPACE: &str = "no";

/// Nothing older than the last invalidation is given.
fn settings(url: &str) -> CacheBuilder {
    let builder = Cache::builder().namespace(NAMESPACE).redis(url);
    builder.coherence(Coherence::Strict)
}

/// With time for a busy machine, where it is not the time that is tested.
async fn world(url: &str) -> World {
    let builder = settings(url);
    with(
        builder
            .read_timeout(PATIENCE / 4)
            .write_timeout(PATIENCE / 4),
    )
    .await
}

async fn with(builder: CacheBuilder) -> World {
    let cache = builder.build().await.expect("good settings");
    World::with(cache, Clock::system())
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "item", key_fn = item_key, tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

/// What health says in one line; nothing if all is well. No secret is in it.
async fn said(world: &World) -> String {
    let health = world.cache.health().await;
    let said = health.reasons.join("; ");
    assert_eq!(said.is_empty(), health.status == HealthStatus::Healthy);
    for secret in [PASSWORD, USER, "127.0.0.1", "item:"] {
        assert!(!said.contains(secret), "{said}");
    }
    said
}

async fn until_healthy(world: &World) {
    eventually("it is healthy", async || said(world).await.is_empty()).await;
}

async fn until_said(world: &World, text: &str) {
    let start = Instant::now();
    loop {
        let said = said(world).await;
        if said.contains(text) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "`{text}` never said: `{said}`");
        tokio::time::sleep(5 * MS).await;
    }
}

/// Calls until the answer comes from the cache. Every one of them must be `version`.
async fn until_cached(world: &World, id: u64, version: u64) {
    eventually("it is cached", async || {
        let before = world.loads();
        assert_eq!(item(world, id).await, version);
        world.loads() == before
    })
    .await;
}

#[tokio::test]
async fn every_server_that_says_no_does_so_and_can_be_healed() {
    for no in No::ALL {
        let server = Server::start().await;
        let mut before = server.admin().await;
        let refusing = Refusing::begin(&server, no).await;
        let refused: RedisResult<()> = cmd("SET").arg(&["a", "b"]).query_async(&mut before).await;
        let code = match no {
            No::Memory => "OOM",
            No::Replica => "READONLY",
            No::Snapshot => "MISCONF",
            No::Loading => "LOADING",
            No::Script => "BUSY",
            No::Replicas => "NOREPLICAS",
            No::Clients => {
                refused.expect("those who are there can go on");
                let client = redis::Client::open(server.url()).unwrap();
                let new = client.get_multiplexed_async_connection().await;
                assert!(new.is_err(), "nobody else is let in");
                refusing.heal().await;
                server.admin().await;
                continue;
            }
        };
        let error = refused.expect_err(code);
        assert_eq!(error.code(), Some(code), "{error}");
        refusing.heal().await;
        let taken: RedisResult<()> = cmd("SET").arg(&["a", "b"]).query_async(&mut before).await;
        taken.unwrap_or_else(|error| panic!("{no:?}: {error}"));
    }
}

#[tokio::test]
async fn every_user_that_may_not_do_something_is_refused_it() {
    let server = Server::start().await;
    for lack in Lack::ALL {
        let url = user_without(&server, lack).await;
        let mut user = redis::Client::open(url)
            .unwrap()
            .get_multiplexed_async_connection()
            .await
            .unwrap();
        let command = match lack {
            Lack::Writes => "SET no:a b",
            Lack::Scripts => "EVAL 0 0",
            Lack::Channels => "PUBLISH no:a b",
            Lack::Keys => "GET no:a",
            Lack::Tracking => "CLIENT TRACKING ON",
            Lack::Info => "INFO",
            Lack::Wait => "WAIT 0 0",
        };
        let mut words = command.split(' ');
        let refused: RedisResult<redis::Value> = cmd(words.next().unwrap())
            .arg(words.collect::<Vec<_>>())
            .query_async(&mut user)
            .await;
        assert_eq!(refused.expect_err(command).code(), Some("NOPERM"));
    }
}
