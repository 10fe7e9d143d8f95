//! Methods, a cache of their own, and methods of a trait.
//!
//! `cargo run --example methods`

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cache_aside::{Cache, cache_aside};

/// Each shop has its own prices and its own cache.
struct Shop {
    cache: Cache,
    markup: u64,
    loads: AtomicU32,
}

impl Shop {
    fn new(markup: u64) -> Self {
        Self {
            cache: Cache::in_process(),
            markup,
            loads: AtomicU32::new(0),
        }
    }

    /// `self` is not part of the key, so the cache has to be the shop's.
    #[cache_aside(ttl = "5m", prefix = "price", skip(self), cache = self.cache)]
    async fn price(&self, article: u64) -> u64 {
        self.loads.fetch_add(1, Relaxed);
        article * 100 + self.markup
    }
}

trait Greeter {
    async fn greet(&self, name: &str) -> String;
}

struct Polite {
    language: String,
    loads: AtomicU32,
}

/// The language is part of the key: greeters who share a cache do not share their words.
impl Greeter for Polite {
    #[cache_aside(ttl = "5m", prefix = "greeting", key(self.language, name))]
    async fn greet(&self, name: &str) -> String {
        self.loads.fetch_add(1, Relaxed);
        match self.language.as_str() {
            "de" => format!("Guten Tag, {name}"),
            _ => format!("Good day, {name}"),
        }
    }
}

#[tokio::main]
async fn main() {
    let (plain, dear) = (Shop::new(0), Shop::new(50));
    for shop in [&plain, &dear, &plain, &dear] {
        println!("price of article 3: {}", shop.price(3).await);
    }
    let loads = [&plain, &dear].map(|shop| shop.loads.load(Relaxed));
    println!("loads of each shop: {loads:?}");
    assert_eq!(loads, [1, 1]);
    assert_eq!((plain.price(3).await, dear.price(3).await), (300, 350));

    let greeter = |language: &str| Polite {
        language: language.to_owned(),
        loads: AtomicU32::new(0),
    };
    let greeters = [greeter("en"), greeter("de")];
    for greeter in greeters.iter().chain(&greeters) {
        println!("{}", greeter.greet("Ada").await);
    }
    let loads = greeters.each_ref().map(|g| g.loads.load(Relaxed));
    println!("loads of each greeter: {loads:?}");
    assert_eq!(loads, [1, 1]);
}
