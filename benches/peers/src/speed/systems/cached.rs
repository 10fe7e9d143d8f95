//! `cached`: its sharded store, its store behind one lock, that with one load per key, and its Redis store.
//!
//! Its default key would be a tuple of the arguments, which have to be owned; so `key` and `convert` make one, as its
//! documentation says.

use cached::AsyncRedisCache;
use cached::macros::{cached, concurrent_cached};

use super::{Failure, TTL, load};
use crate::store::store;
use crate::subject::User;

#[concurrent_cached(
    max_size = 20_000,
    ttl_secs = 3_600,
    key = "(u64, String)",
    convert = r#"{ (id, name.to_owned()) }"#
)]
pub(crate) async fn sharded(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cached(
    max_size = 20_000,
    ttl_secs = 3_600,
    key = "(u64, String)",
    convert = r#"{ (id, name.to_owned()) }"#
)]
pub(crate) async fn one_lock(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cached(
    max_size = 20_000,
    ttl_secs = 3_600,
    sync_writes = "by_key",
    key = "(u64, String)",
    convert = r#"{ (id, name.to_owned()) }"#
)]
pub(crate) async fn by_key(id: u64, name: &str) -> User {
    load(id, name).await
}

#[concurrent_cached(
    map_error = |error| Failure(format!("{error:?}")),
    ty = "AsyncRedisCache<String, User>",
    create = r#"{
        AsyncRedisCache::builder("user")
            .ttl(TTL)
            .connection_string(&store().server.url())
            .build()
            .await
            .expect("the server answers")
    }"#,
    key = "String",
    convert = r#"{ format!("{id}:{name}") }"#
)]
pub(crate) async fn remote(id: u64, name: &str) -> Result<User, Failure> {
    Ok(load(id, name).await)
}
