//! What the attribute saves: the same call written by hand, sharing the entry.
//!
//! `cargo run --example expanded`

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, Key, Policy, cache_aside};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    org: u64,
}

#[derive(Debug)]
struct NotReachable;

#[derive(Default)]
struct Db {
    reads: AtomicU32,
}

impl Db {
    async fn find(&self, id: u64) -> Result<User, NotReachable> {
        self.reads.fetch_add(1, Relaxed);
        Ok(User {
            name: format!("user {id}"),
            org: 7,
        })
    }
}

#[cache_aside(
    ttl = "5m",
    prefix = "user",
    skip(db),
    key_fn = user_key,
    tags = ["user:{id}", "org:{result.org}"],
)]
async fn get_user(db: &Db, id: u64) -> Result<User, NotReachable> {
    db.find(id).await
}

/// The same by hand.
async fn get_user_by_hand(db: &Db, id: u64) -> Result<User, NotReachable> {
    let cache = Cache::installed(); // `cache`
    let key = Key::new("user", &(id,)); // `prefix`, and all arguments but `db`
    let policy = Policy::ttl(Duration::from_secs(5 * 60)) // `ttl`
        .tags([format!("user:{id}")]) // `tags` over arguments
        .tags_with(|user: &User| [format!("org:{}", user.org)]); // `tags` over the result
    cache.get_or_load(&key, &policy, || db.find(id)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Db::default();
    let reads = || db.reads.load(Relaxed);

    assert_eq!(user_key(42), Key::new("user", &(42,)));
    println!("one key: {}", user_key(42) == Key::new("user", &(42,)));

    let by_attribute = get_user(&db, 42).await.expect("reachable");
    let by_hand = get_user_by_hand(&db, 42).await.expect("reachable");
    println!("by attribute, then by hand: {} load", reads());
    assert_eq!((by_attribute == by_hand, reads()), (true, 1));

    Cache::installed().invalidate_tag("org:7").await?;
    get_user_by_hand(&db, 42).await.expect("reachable");
    get_user(&db, 42).await.expect("reachable");
    println!(
        "after an invalidation, the other way round: {} loads",
        reads()
    );
    assert_eq!(reads(), 2);

    let tags = Cache::installed()
        .inspect(&user_key(42))
        .await
        .map(|info| info.tags);
    println!("its tags: {:?}", tags.unwrap_or_default());
    Ok(())
}
