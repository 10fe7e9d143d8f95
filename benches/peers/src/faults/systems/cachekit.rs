//! `cachekit-rs` over Redis: its preset for production, and the same with a time-out for
//! commands like that of the others.

use std::sync::Arc;
use std::time::Duration;

use cachekit::backend::redis::RedisBackend;
use cachekit::{CacheKit, ReliabilityConfig, cachekit};
use tokio::sync::OnceCell;

use crate::subject::{Failure, User, load, url};

#[cachekit(client = cache, ttl = 60, interop = "user", namespace = "peers")]
pub(super) async fn user(cache: &CacheKit, id: u64) -> Result<User, Failure> {
    Ok(load(id).await)
}

pub(super) async fn as_it_comes() -> Result<&'static CacheKit, Failure> {
    static CACHE: OnceCell<CacheKit> = OnceCell::const_new();
    let make = || async { Ok(CacheKit::production(url()).await?.build()?) };
    CACHE.get_or_try_init(make).await
}

pub(super) async fn tuned() -> Result<&'static CacheKit, Failure> {
    static CACHE: OnceCell<CacheKit> = OnceCell::const_new();
    let make = || async {
        let backend = RedisBackend::builder()
            .url(url())
            .auto_reconnect()
            .command_timeout(Duration::from_millis(250))
            .build()?;
        let connected = backend.connect().await;
        drop(connected.map_err(|error| Failure(error.to_string()))?);
        Ok(CacheKit::builder()
            .backend(Arc::new(backend))
            .reliability(ReliabilityConfig::default())
            .build()?)
    };
    CACHE.get_or_try_init(make).await
}
