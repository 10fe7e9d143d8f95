//! This library: with its defaults, and with copies that are given while the server is gone.

use std::time::Duration;

use cache_aside::{Cache, CacheBuilder, cache_aside};

use crate::subject::{Failure, User, load, url};

#[cache_aside(ttl = "60s", prefix = "user")]
pub(super) async fn user(id: u64) -> Result<User, Failure> {
    Ok(load(id).await)
}

pub(super) async fn as_it_comes() -> Result<(), Failure> {
    install(Cache::builder()).await
}

pub(super) async fn tuned() -> Result<(), Failure> {
    install(Cache::builder().local_on_down(Duration::from_mins(1))).await
}

async fn install(builder: CacheBuilder) -> Result<(), Failure> {
    let cache = builder.namespace("peers").redis(url()).build();
    let cache = cache.await.map_err(|error| Failure(error.to_string()))?;
    cache.install().map_err(|error| Failure(error.to_string()))
}
