//! What a cache changes, in four scenarios: without it, with it, after writes, and without the Redis
//! that it shares. `README.md` has the ways to start it.

mod scenarios;

#[path = "../../support/mod.rs"]
mod support;

use std::error::Error;
use std::time::Duration;

use cache_aside::{Cache, HealthStatus};
use story_repository::{Database, Settings};

use crate::scenarios::Stage;
use crate::support::Server;

/// A loopback port on which nobody listens.
const NOWHERE: &str = "redis://127.0.0.1:1";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let mut builder = Cache::builder().namespace("stories").overridden_by_env()?;
    let mut own = None;
    if settings.own_redis {
        let Some(server) = Server::start()? else {
            return Ok(());
        };
        builder = builder.redis(server.url());
        own = Some(server);
    }
    let cache = builder.build().await?;
    if let Err(error) = cache.clear().await {
        println!("what was kept before stays: {error}");
    }

    let database = Database::open(&settings.database, settings.query_time)?;
    let stage = Stage::set(&cache, database, &settings.lives).await?;
    stage.without_the_cache().await?;
    stage.with_the_cache().await?;
    stage.after_writes().await?;
    stage.by_hand().await?;
    let running = match own {
        Some(server) => Some(killed(&stage, &cache, server).await?),
        None => absent(&settings).await.map(|()| None)?,
    };
    // What the server has not been told yet is told now.
    cache.close().await?;
    drop(running);
    Ok(())
}

/// The server goes away under a cache that is in use, and comes back.
async fn killed(stage: &Stage, cache: &Cache, server: Server) -> Result<Server, Box<dyn Error>> {
    println!("4. Redis is killed");
    let port = server.port;
    drop(server);
    stage.degraded().await?;
    let server = Server::start_again(port)?;
    until_healthy(cache).await?;
    println!("  Redis is there again");
    stage.recovered().await?;
    Ok(server)
}

/// A cache that never had its server, over a database of its own.
async fn absent(settings: &Settings) -> Result<(), Box<dyn Error>> {
    println!("4. Redis is not there");
    let cache = Cache::builder().namespace("stories").redis(NOWHERE);
    let cache = cache.build().await?;
    let database = Database::open(":memory:", settings.query_time)?;
    let stage = Stage::set(&cache, database, &settings.lives).await?;
    stage.degraded().await?;
    // What the server was not told of dies with this cache, and nobody else has the database.
    Ok(())
}

/// The connection is looked after behind the calls: that the server is back is known a moment later.
async fn until_healthy(cache: &Cache) -> Result<(), Box<dyn Error>> {
    for _ in 0..1_000 {
        if cache.health().await.status == HealthStatus::Healthy {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("Redis did not come back within 10 s".into())
}
