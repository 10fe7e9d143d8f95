//! `hitbox` over its Redis backend: with the quick start's settings, and with its protection
//! against many loads at once and with time-outs.

use std::time::Duration;

use hitbox::concurrency::{BroadcastConcurrencyManager, NoopConcurrencyManager};
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_fn::{Cache, cached};
use hitbox_redis::{ConnectionMode, RedisBackend};
use tokio::sync::OnceCell;

use crate::subject::{Failure, User, load, url};

type Tuned = Cache<RedisBackend, BroadcastConcurrencyManager<Result<User, Failure>>>;

const TTL: Duration = Duration::from_mins(1);

#[cached]
pub(super) async fn user(id: u64) -> Result<User, Failure> {
    Ok(load(id).await)
}

pub(super) async fn as_it_comes()
-> Result<&'static Cache<RedisBackend, NoopConcurrencyManager>, Failure> {
    static CACHE: OnceCell<Cache<RedisBackend, NoopConcurrencyManager>> = OnceCell::const_new();
    let make = || async {
        let backend = RedisBackend::builder().connection(ConnectionMode::single(url()));
        let backend = backend.build();
        let backend = backend.map_err(|error| Failure(error.to_string()))?;
        let policy = PolicyConfig::builder().ttl(TTL).build();
        Ok(Cache::builder().backend(backend).policy(policy).build())
    };
    CACHE.get_or_try_init(make).await
}

pub(super) async fn tuned() -> Result<&'static Tuned, Failure> {
    static CACHE: OnceCell<Tuned> = OnceCell::const_new();
    let make = || async {
        let backend = RedisBackend::builder()
            .connection(ConnectionMode::single(url()))
            .connection_timeout(Duration::from_secs(2))
            .response_timeout(Duration::from_millis(250))
            .retries(1)
            .build();
        let backend = backend.map_err(|error| Failure(error.to_string()))?;
        let one = ConcurrencyLimit::const_new::<1>();
        let policy = PolicyConfig::builder().ttl(TTL).concurrency(one).build();
        Ok(Cache::builder()
            .backend(backend)
            .policy(policy)
            .concurrency_manager(BroadcastConcurrencyManager::new())
            .build())
    };
    CACHE.get_or_try_init(make).await
}
