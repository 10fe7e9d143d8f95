//! A database that gets slow and then fails, and callers who notice little of it.
//!
//! `cargo run --example outage`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Clock, LoadTimeout, Outcome, cache_aside};
use tokio::sync::Semaphore;

/// Cheap to clone: a load that outlives its caller has its own.
#[derive(Clone)]
struct Shop {
    cache: Cache,
    database: Arc<Database>,
}

struct Database {
    price: AtomicU32,
    questions: AtomicU32,
    down: AtomicBool,
    /// Each question takes a permit: without one it is slow.
    free: Semaphore,
}

#[derive(Debug, PartialEq)]
enum Failure {
    Down,
    Slow,
}

impl From<LoadTimeout> for Failure {
    fn from(_: LoadTimeout) -> Self {
        Self::Slow
    }
}

impl Shop {
    #[cache_aside(
        ttl = "1m",
        jitter = 0,
        prefix = "price",
        skip(self),
        cache = self.cache,
        stale_if_error = "1h",
        soft_timeout = "100ms",
        load_timeout = "30s",
    )]
    async fn price(&self, article: u64) -> Result<u32, Failure> {
        self.database.ask(article).await
    }

    /// Lets so many callers ask, one after the other, and says what they got.
    async fn callers(&self, count: usize, what: &str) -> Result<u32, Failure> {
        let before = self.database.questions.load(Relaxed);
        let (mut last, mut stale) = (Err(Failure::Down), 0);
        for _ in 0..count {
            let (price, report) = self.price(1).with_cache_report().await;
            stale += usize::from(report.outcome == Outcome::Stale);
            last = price;
        }
        let asked = self.database.questions.load(Relaxed) - before;
        let shown = match &last {
            Ok(price) => price.to_string(),
            Err(failure) => format!("{failure:?}"),
        };
        println!("{what}: {shown}; callers {count}, old answers {stale}, questions {asked}");
        last
    }
}

impl Database {
    async fn ask(&self, article: u64) -> Result<u32, Failure> {
        self.questions.fetch_add(1, Relaxed);
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        if self.down.load(Relaxed) {
            return Err(Failure::Down);
        }
        Ok(self.price.load(Relaxed) * u32::try_from(article).unwrap_or(1))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::manual();
    let database = Arc::new(Database {
        price: AtomicU32::new(100),
        questions: AtomicU32::new(0),
        down: AtomicBool::new(false),
        free: Semaphore::new(1),
    });
    let shop = Shop {
        cache: Cache::builder().clock(clock.clone()).build().await?,
        database: Arc::clone(&database),
    };
    assert_eq!(shop.callers(1, "at first").await, Ok(100));

    // No permit is left: the next question hangs. One caller waits for it, for 100 ms.
    database.price.store(110, Relaxed);
    clock.advance(Duration::from_secs(60));
    assert_eq!(shop.callers(1_000, "it is slow").await, Ok(100));
    database.free.add_permits(1);
    while shop.cache.stats().total.stored < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shop.callers(1_000, "it has answered").await, Ok(110));

    database.free.add_permits(1_000);
    database.down.store(true, Relaxed);
    clock.advance(Duration::from_secs(60));
    assert_eq!(shop.callers(1_000, "it fails").await, Ok(110));
    clock.advance(Duration::from_secs(10));
    assert_eq!(shop.callers(1_000, "10 s later").await, Ok(110));

    database.price.store(120, Relaxed);
    database.down.store(false, Relaxed);
    clock.advance(Duration::from_secs(10));
    assert_eq!(shop.callers(1_000, "it works again").await, Ok(120));

    let total = shop.cache.stats().total;
    println!(
        "failed loads {}, answers without a try {}",
        total.load_errors, total.held_back
    );
    Ok(())
}
