//! This library: in the process, and over the server with the defaults but for `local = false`.

use std::sync::LazyLock;

use cache_aside::{Cache, cache_aside};

use super::{ROOM, load};
use crate::own::{BOUNDED, in_process, of_server};
use crate::subject::User;

/// One for each function, as the others have it.
static UNTAGGED: LazyLock<Cache> = LazyLock::new(|| in_process(ROOM));
static TAGGED: LazyLock<Cache> = LazyLock::new(|| in_process(ROOM));

#[cache_aside(ttl = "1h", cache = *UNTAGGED)]
pub(crate) async fn untagged(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *TAGGED)]
pub(crate) async fn tagged(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cache_aside(ttl = "1h", local = false, cache = of_server(&BOUNDED))]
pub(crate) async fn remote_untagged(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cache_aside(ttl = "1h", local = false, tags = ["user:{id}", "users"], cache = of_server(&BOUNDED))]
pub(crate) async fn remote_tagged(id: u64, name: &str) -> User {
    load(id, name).await
}
