//! `cached` with a store of its own making, as in its examples, and the connection that is
//! made again when it was lost.

use cached::AsyncRedisCache;
use cached::macros::concurrent_cached;
use cached::time::Duration;

use crate::subject::{Failure, User, load, url};

#[concurrent_cached(
    map_error = |e| Failure(format!("{e:?}")),
    ty = "AsyncRedisCache<u64, User>",
    create = r#"{
        AsyncRedisCache::builder("managed_user")
            .ttl(Duration::from_mins(1))
            .connection_string(url())
            .connection_manager(true)
            .build()
            .await
            .expect("error building the redis cache")
    }"#
)]
pub(super) async fn user(id: u64) -> Result<User, Failure> {
    Ok(load(id).await)
}
