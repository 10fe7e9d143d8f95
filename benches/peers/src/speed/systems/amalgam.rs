//! `amalgam-cache` with `get_or_set`: in the process, and over Redis without copies in the process.
//!
//! It has no attribute. Keys are strings, and what loads has to own what it needs.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use amalgam::provider::{DistributedCache, DistributedSerializer};
use amalgam::provider::{MessagePackSerializer, RedisDistributedCache};
use amalgam::{Cache, EntryOptions};

use super::{ROOM, TTL, load};
use crate::store::store;
use crate::subject::User;

static LOCAL: OnceLock<Cache<User>> = OnceLock::new();
static REMOTE: OnceLock<Cache<User>> = OnceLock::new();

/// On the runtime that lives as long as the connection.
pub(crate) async fn connect() {
    let options = EntryOptions::new(TTL);
    let builder = Cache::builder().max_capacity(ROOM as u64);
    let local = builder.default_options(options.clone()).try_build();
    let server = RedisDistributedCache::connect(store().server.url()).await;
    let server = Arc::new(server.expect("the server answers"));
    let remote = Cache::builder()
        .distributed(server as Arc<dyn DistributedCache>)
        .serializer(Arc::new(MessagePackSerializer) as Arc<dyn DistributedSerializer<User>>)
        .default_options(options.with_skip_memory(true, true))
        .try_build();
    // Already there where two sections share a process.
    let _ = LOCAL.set(local.expect("good settings"));
    let _ = REMOTE.set(remote.expect("good settings"));
}

async fn get_or_set(cache: &OnceLock<Cache<User>>, id: u64, name: &str) -> User {
    let cache = cache.get().expect("connected at the start");
    let key = format!("user:{id}:{name}");
    let name = name.to_owned();
    let load = move |_| async move { Ok::<_, Infallible>(load(id, &name).await) };
    cache.get_or_set(key, load).await.expect("no error")
}

pub(crate) async fn local(id: u64, name: &str) -> User {
    get_or_set(&LOCAL, id, name).await
}

pub(crate) async fn remote(id: u64, name: &str) -> User {
    get_or_set(&REMOTE, id, name).await
}
