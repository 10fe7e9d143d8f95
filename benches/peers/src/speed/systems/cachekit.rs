//! `cachekit-rs` with its fastest preset, which has no retries and no circuit breaker: with copies in the process, and without.
//!
//! The copies are in front of a server always; a hit among them does not ask it. Its functions own their arguments.

use cachekit::{CacheKit, CachekitError, cachekit};
use tokio::sync::OnceCell;

use super::{Failure, ROOM, load};
use crate::store::store;
use crate::subject::User;

impl From<CachekitError> for Failure {
    fn from(error: CachekitError) -> Self {
        Self(error.to_string())
    }
}

#[cachekit(client = cache, ttl = 3600, interop = "user", namespace = "peers")]
async fn user(cache: &CacheKit, id: u64, name: String) -> Result<User, Failure> {
    Ok(load(id, &name).await)
}

#[cachekit(client = cache, ttl = 3600, interop = "remote", namespace = "peers")]
async fn remote_user(cache: &CacheKit, id: u64, name: String) -> Result<User, Failure> {
    Ok(load(id, &name).await)
}

static LOCAL: OnceCell<CacheKit> = OnceCell::const_new();
static REMOTE: OnceCell<CacheKit> = OnceCell::const_new();

/// On the runtime that lives as long as the connection.
pub(crate) async fn connect() {
    let url = &store().server.url();
    let preset = || async { CacheKit::minimal(url).await.expect("the server answers") };
    let builders = (preset().await.l1_capacity(ROOM), preset().await.no_l1());
    let local = builders.0.build().expect("good settings");
    let remote = builders.1.build().expect("good settings");
    // Already there where two sections share a process.
    let _ = LOCAL.set(local);
    let _ = REMOTE.set(remote);
}

fn connected(cache: &'static OnceCell<CacheKit>) -> &'static CacheKit {
    cache.get().expect("connected at the start")
}

pub(crate) async fn local(id: u64, name: &str) -> User {
    let answer = user(connected(&LOCAL), id, name.to_owned()).await;
    answer.expect("no error")
}

pub(crate) async fn remote(id: u64, name: &str) -> User {
    let answer = remote_user(connected(&REMOTE), id, name.to_owned()).await;
    answer.expect("no error")
}
