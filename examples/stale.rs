//! Old values on purpose: while a refresh runs behind the answer, and when the source is down.
//!
//! `cargo run --example stale`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Clock, cache_aside};

/// Cheap to clone: a load that runs behind an answer has its own.
#[derive(Clone)]
struct Bank {
    cache: Cache,
    rate: Arc<AtomicU32>,
    down: Arc<AtomicBool>,
}

#[derive(Clone, Debug, PartialEq)]
struct Closed;

impl Bank {
    #[cache_aside(
        ttl = "1m",
        jitter = 0,
        prefix = "rate",
        key(),
        cache = self.cache,
        stale_while_revalidate = "1m",
        stale_if_error = "1h",
    )]
    async fn rate(&self) -> Result<u32, Closed> {
        if self.down.load(Relaxed) {
            return Err(Closed);
        }
        Ok(self.rate.load(Relaxed))
    }

    async fn show(&self, what: &str) -> Result<u32, Closed> {
        let (rate, report) = self.rate().with_cache_report().await;
        match &rate {
            Ok(rate) => println!("{what}: {rate}, {:?}", report.outcome),
            Err(error) => println!("{what}: {error:?}"),
        }
        rate
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await?;
    let bank = Bank {
        cache,
        rate: Arc::new(AtomicU32::new(108)),
        down: Arc::default(),
    };
    assert_eq!(bank.show("at first").await, Ok(108));

    bank.rate.store(109, Relaxed);
    clock.advance(Duration::from_secs(59));
    assert_eq!(bank.show("after 59 s").await, Ok(108));

    clock.advance(Duration::from_secs(2));
    assert_eq!(bank.show("after 61 s").await, Ok(108));
    refreshed(&bank, 1).await;
    assert_eq!(bank.show("when the refresh is done").await, Ok(109));

    bank.down.store(true, Relaxed);
    clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(
        bank.show("30 minutes later, the bank is closed").await,
        Ok(109)
    );

    // An answer that was invalidated is never given, stale or not.
    bank.cache.invalidate_prefix("rate").await?;
    assert_eq!(bank.show("after an invalidation").await, Err(Closed));

    bank.down.store(false, Relaxed);
    assert_eq!(bank.show("the bank opens").await, Ok(109));
    bank.down.store(true, Relaxed);
    clock.advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(
        bank.show("closed for longer than an hour").await,
        Err(Closed)
    );
    Ok(())
}

/// Waits until this many loads beyond the first have been stored.
async fn refreshed(bank: &Bank, loads: u64) {
    while bank.cache.stats().total.stored < 1 + loads {
        tokio::task::yield_now().await;
    }
}
