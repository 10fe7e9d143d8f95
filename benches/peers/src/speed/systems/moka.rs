//! `moka::future` with `get_with`, which has one load per key and takes an owned key; and with a look by a borrowed one before.

use std::sync::LazyLock;

use moka::future::Cache;

use super::{ROOM, TTL, load};
use crate::by_hand::{Borrowed, Owned};
use crate::subject::User;

static CACHE: LazyLock<Cache<Owned, User>> = LazyLock::new(|| {
    let builder = Cache::builder().max_capacity(ROOM as u64);
    builder.time_to_live(TTL).build()
});

pub(crate) async fn get_with(id: u64, name: &str) -> User {
    let key = Owned(id, name.into());
    CACHE.get_with(key, load(id, name)).await
}

pub(crate) async fn look_first(id: u64, name: &str) -> User {
    match CACHE.get(&Borrowed(id, name)).await {
        Some(user) => user,
        None => get_with(id, name).await,
    }
}
