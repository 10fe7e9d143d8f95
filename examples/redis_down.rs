//! What is left when Redis is killed, and how everything comes back when it is started again.
//!
//! `cargo run --example redis_down`

mod support;

use std::io::{Error, Result};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Coherence, ErrorKind, Health, HealthStatus, cache_aside};
use support::Server;

/// The database: the price of the one article there is.
static PRICE: AtomicU32 = AtomicU32::new(100);

#[cache_aside(ttl = "5m", prefix = "price", tags = ["price"])]
async fn price() -> u32 {
    PRICE.load(Relaxed)
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some(server) = Server::start()? else {
        return Ok(());
    };
    let port = server.port;
    // What this process knows stays good for a minute after the server's last sign of life.
    let trusting = Coherence::Bounded(Duration::from_secs(60));
    let cache = Cache::builder().namespace("example").coherence(trusting);
    let cache = cache.redis(server.url());
    let cache = cache.build().await.map_err(Error::other)?;
    cache.install().map_err(Error::other)?;
    show_health("with a server", &cache.health().await);
    show_price().await;
    show_price().await;
    // A copy is trusted from the first call on that finds the server's pushes to be heard, which takes a moment.
    for _ in 0..50 {
        price().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    drop(server);
    let refused = "the shared store cannot be used: connection refused (circuit breaker open)";
    let refused = |health: &Health| health.reasons.iter().any(|why| why == refused);
    show_health("the server was killed", &until(&cache, refused).await?);
    show_price().await;
    show_price().await;

    PRICE.store(120, Relaxed);
    let error = cache.invalidate_tag("price").await.err();
    let error = error.ok_or_else(|| Error::other("nobody can have taken it"))?;
    assert_eq!(error.kind(), ErrorKind::Pending);
    println!("the price is raised; {:?}: {error}", error.kind());
    show_health("still down", &until(&cache, refused).await?);
    show_price().await;
    let alone = cache.stats().total.unshared;
    println!("calls that loaded for themselves: {alone}; none failed");

    let _server = Server::start_again(port)?;
    let healthy = |health: &Health| health.status == HealthStatus::Healthy;
    show_health("the server is back", &until(&cache, healthy).await?);
    show_price().await;
    show_price().await;
    cache.close().await.map_err(Error::other)
}

async fn show_price() {
    let (price, report) = price().with_cache_report().await;
    assert_eq!(price, PRICE.load(Relaxed));
    println!("  price {price}, {:?}", report.outcome);
}

fn show_health(when: &str, health: &Health) {
    println!("{when}: {:?}", health.status);
    for reason in &health.reasons {
        println!("  {reason}");
    }
}

/// The connection is looked after behind the calls: what it finds is known a moment later.
async fn until(cache: &Cache, holds: impl Fn(&Health) -> bool) -> Result<Health> {
    for _ in 0..1_000 {
        let health = cache.health().await;
        if holds(&health) {
            return Ok(health);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Error::other("nothing happened for 10 s"))
}
