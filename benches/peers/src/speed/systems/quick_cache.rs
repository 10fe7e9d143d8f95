//! `quick_cache` with its own form of one load per key, which takes an owned key. The form without is in `benches/speed`.

use std::convert::Infallible;
use std::sync::LazyLock;

use quick_cache::sync::Cache;

use super::{ROOM, load};
use crate::subject::User;

static CACHE: LazyLock<Cache<(u64, String), User>> = LazyLock::new(|| Cache::new(ROOM));

pub(crate) async fn one_load(id: u64, name: &str) -> User {
    let load = async { Ok::<_, Infallible>(load(id, name).await) };
    let user = CACHE
        .get_or_insert_async(&(id, name.to_owned()), load)
        .await;
    user.expect("no error")
}
