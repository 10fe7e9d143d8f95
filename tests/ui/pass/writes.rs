//! How a write invalidates what it names.

use std::time::Duration;

use cache_aside::{Error, cache_aside, cache_invalidate};

#[derive(Debug)]
struct Failure;

impl From<Error> for Failure {
    fn from(_: Error) -> Self {
        Self
    }
}

#[cache_aside(ttl = "5m", prefix = "user", key_fn = user_key, tags = ["user:{id}"])]
async fn user(id: u64) -> u64 {
    id
}

#[cache_invalidate(tags = ["user:{id}", "name:{result}"], bracket = true)]
async fn bracket(id: u64, name: String) -> String {
    name + if id == 0 { "?" } else { "" }
}

#[cache_invalidate(
    tags = ["user:{id}"],
    keys = [user_key(*id)],
    prefixes = ["user"],
    bracket = true,
    settled = true,
    on_failure = propagate
)]
async fn all(id: &mut u64) -> Result<&mut u64, Failure> {
    *id += 1;
    Ok(id)
}

#[cache_invalidate(tags = ["user:{_id}"], soft = "30s")]
async fn soft(_id: u64) {}

#[cache_invalidate(tags = ["{result}"], soft = Duration::from_secs(_id), settled = true, bracket = false)]
async fn soft_for(_id: u64) -> u64 {
    _id
}

#[cache_invalidate(keys = [user_key(id)], prefixes = ["user"], settled = true, soft = 30)]
async fn by_key(id: u64) -> Option<u64> {
    Some(id)
}

#[cache_invalidate(tags = ["user:{_id}"], settled = false)]
async fn plain(_id: u64) {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(user(1).await, 1);
    assert_eq!(bracket(1, "Ada".to_owned()).await, "Ada");
    let mut id = 1;
    assert_eq!(*all(&mut id).await.expect("in the process nothing fails"), 2);
    soft(1).await;
    assert_eq!(soft_for(30).await, 30);
    assert_eq!(by_key(1).await, Some(1));
    plain(1).await;
}
