//! `hitbox` over its store in memory, with one load per key and without, and over its Redis store.
//!
//! Its functions cannot borrow their arguments yet. Both stores keep bytes; those in memory in the format that it recommends in
//! general, which is the default of the one over Redis.

use std::sync::LazyLock;

use hitbox::concurrency::{BroadcastConcurrencyManager, NoopConcurrencyManager};
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_backend::format::BincodeFormat;
use hitbox_fn::{Cache, CacheableResponse, cached};
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};
use serde::{Deserialize, Serialize};

use super::{Failure, ROOM, TTL, load};
use crate::store::store;
use crate::subject::User;

#[derive(Clone, Debug, Serialize, Deserialize, CacheableResponse)]
struct Answer {
    user: User,
}

type InMemory = MokaBackend<BincodeFormat>;

#[cached]
async fn user(id: u64, name: String) -> Result<Answer, Failure> {
    let user = load(id, &name).await;
    Ok(Answer { user })
}

fn in_memory() -> InMemory {
    let builder = MokaBackend::builder().max_entries(ROOM as u64);
    builder.value_format(BincodeFormat).build()
}

static LOCAL: LazyLock<Cache<InMemory, NoopConcurrencyManager>> = LazyLock::new(|| {
    let policy = PolicyConfig::builder().ttl(TTL).build();
    Cache::builder().backend(in_memory()).policy(policy).build()
});

type OneLoad = Cache<InMemory, BroadcastConcurrencyManager<Result<Answer, Failure>>>;

static ONE_LOAD: LazyLock<OneLoad> = LazyLock::new(|| {
    let one = ConcurrencyLimit::const_new::<1>();
    let policy = PolicyConfig::builder().ttl(TTL).concurrency(one).build();
    let builder = Cache::builder().backend(in_memory()).policy(policy);
    let manager = BroadcastConcurrencyManager::new();
    builder.concurrency_manager(manager).build()
});

static REMOTE: LazyLock<Cache<RedisBackend, NoopConcurrencyManager>> = LazyLock::new(|| {
    let server = ConnectionMode::single(store().server.url());
    let backend = RedisBackend::builder().connection(server).build();
    let policy = PolicyConfig::builder().ttl(TTL).build();
    let builder = Cache::builder().backend(backend.expect("good settings"));
    builder.policy(policy).build()
});

pub(crate) async fn local(id: u64, name: &str) -> User {
    let answer = user(id, name.to_owned()).cache(&*LOCAL).await;
    answer.expect("no error").user
}

pub(crate) async fn one_load(id: u64, name: &str) -> User {
    let answer = user(id, name.to_owned()).cache(&*ONE_LOAD).await;
    answer.expect("no error").user
}

pub(crate) async fn remote(id: u64, name: &str) -> User {
    let answer = user(id, name.to_owned()).cache(&*REMOTE).await;
    answer.expect("no error").user
}
