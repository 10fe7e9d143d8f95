//! Two instances of a service: how old can a copy be that one has, when the other has written?
//!
//! `cargo run --example coherence`

mod support;

use std::io::{Error, Result};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Coherence, cache_aside};
use support::Server;

/// The database: the price of the one article there is.
static PRICE: AtomicU32 = AtomicU32::new(100);

fn select(id: u32) -> u32 {
    assert_eq!(id, 1);
    PRICE.load(Relaxed)
}

/// One instance of the service.
struct Shop {
    cache: Cache,
}

impl Shop {
    #[cache_aside(ttl = "5m", prefix = "price", tags = ["price:{id}"], skip(self), cache = self.cache)]
    async fn price(&self, id: u32) -> u32 {
        select(id)
    }

    /// What is charged must never be older, whatever it costs.
    #[cache_aside(ttl = "5m", prefix = "charge", tags = ["price:{id}"], coherence = strict, skip(self), cache = self.cache)]
    async fn charge(&self, id: u32) -> u32 {
        select(id)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some(server) = Server::start()? else {
        return Ok(());
    };
    let (here, there) = (instance(&server).await?, instance(&server).await?);

    println!("here:  {}", told(here.price(1)).await);
    println!("there: {}", told(there.price(1)).await);
    println!("there: {}", told(there.price(1)).await);
    there.charge(1).await;

    PRICE.store(110, Relaxed);
    here.cache
        .invalidate_tag("price:1")
        .await
        .map_err(Error::other)?;
    println!("written and invalidated here");
    println!("here:  {}", told(here.price(1)).await);
    println!("there: {}, which had to ask", there.charge(1).await);

    PRICE.store(120, Relaxed);
    let everywhere = here.cache.invalidate_tag("price:1").settled();
    everywhere.await.map_err(Error::other)?;
    println!("written, invalidated and settled here");
    println!("there: {}", told(there.price(1)).await);

    let bracket = here.cache.write_bracket(["price:1"], async {
        PRICE.store(130, Relaxed); // the transaction; from its commit on:
        told(here.price(1)).await
    });
    println!("in a bracket");
    println!("here:  {}", bracket.settled().await.map_err(Error::other)?);
    println!("there: {}", told(there.price(1)).await);
    for shop in [here, there] {
        shop.cache.close().await.map_err(Error::other)?;
    }
    Ok(())
}

/// What each instance sets up.
async fn instance(server: &Server) -> Result<Shop> {
    let cache = Cache::builder().namespace("example").redis(server.url());
    // The default is a second.
    let cache = cache.coherence(Coherence::Bounded(Duration::from_millis(250)));
    let cache = cache.build().await.map_err(Error::other)?;
    Ok(Shop { cache })
}

async fn told(call: impl Future<Output = u32>) -> String {
    let (price, report) = call.with_cache_report().await;
    assert_eq!(price, PRICE.load(Relaxed));
    match report.tier {
        Some(tier) => format!("{price}, {:?}, {tier:?}", report.outcome),
        None => format!("{price}, {:?}", report.outcome),
    }
}
