//! Loads, hits, an invalidation, and 1,000 callers of one cold key.
//!
//! `cargo run --example quickstart`

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_aside::{CacheExt, cache_aside, cache_invalidate};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct User {
    name: String,
}

/// A slow database.
#[derive(Default)]
struct Db {
    users: Mutex<HashMap<u64, User>>,
    reads: AtomicU32,
}

#[derive(Clone, Debug)]
struct DbError;

#[cache_aside(ttl = "5m", prefix = "user", tags = ["user:{id}"], skip(db))]
async fn get_user(db: &Db, id: u64) -> Result<Option<User>, DbError> {
    db.reads.fetch_add(1, Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(db.users.lock().map_err(|_| DbError)?.get(&id).cloned())
}

#[cache_invalidate(tags = ["user:{id}"])]
async fn save_user(db: &Db, id: u64, user: User) -> Result<(), DbError> {
    db.users.lock().map_err(|_| DbError)?.insert(id, user);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), DbError> {
    let db = Arc::new(Db::default());
    let ada = |name: &str| User {
        name: name.to_owned(),
    };
    save_user(&db, 42, ada("Ada")).await?;

    show(&db, "the first call loads").await?;
    show(&db, "the second is answered from memory").await?;
    assert_eq!(db.reads.load(Relaxed), 1);

    save_user(&db, 42, ada("Ada Lovelace")).await?;
    show(&db, "after a write, which invalidates").await?;
    assert_eq!(db.reads.load(Relaxed), 2);

    let reads_before = db.reads.load(Relaxed);
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let db = Arc::clone(&db);
        callers.spawn(async move { get_user(&db, 7).await });
    }
    let answers = callers.join_all().await;
    let reads = db.reads.load(Relaxed) - reads_before;
    println!("1,000 callers of a cold key: {reads} load");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(None))));
    assert_eq!(reads, 1);
    Ok(())
}

async fn show(db: &Db, what: &str) -> Result<(), DbError> {
    let (user, report) = get_user(db, 42).with_cache_report().await;
    let name = user?.map_or_else(|| "nobody".to_owned(), |user| user.name);
    println!("{what}: {name}, {:?}", report.outcome);
    Ok(())
}
