//! In functional style: free functions that are given the cache and the store.
//!
//! What is read is named by a tag, and whatever writes invalidates that tag. Neither knows the other.

use cache_aside::{Cache, cache_aside, cache_invalidate};

use crate::store::{Store, Unreachable, User};

/// Check, and on a miss load and store. That there is no such user is stored, too, for 30 s.
///
/// `jitter = 0`, so that it expires when the tutorial says; leave it out elsewhere.
///
/// # Errors
/// Those of the store, which are not stored.
#[cache_aside(
    ttl = "5m",
    jitter = 0,
    prefix = "user",
    tags = ["user:{id}"],
    skip(cache, store),
    cache = cache
)]
pub async fn find_user(cache: &Cache, store: &Store, id: u64) -> Result<Option<User>, Unreachable> {
    store.find(id).await
}

/// Writes, and then invalidates. After an `Err` nothing is invalidated.
///
/// # Errors
/// Those of the store.
#[cache_invalidate(tags = ["user:{id}"], cache = cache)]
pub async fn rename_user(
    cache: &Cache,
    store: &Store,
    id: u64,
    name: &str,
) -> Result<bool, Unreachable> {
    store.rename(id, name).await
}

/// The same for a whole user, also for one that is new: "not found" ends with it.
///
/// # Errors
/// Those of the store.
#[cache_invalidate(tags = ["user:{user.id}"], cache = cache)]
pub async fn save_user(cache: &Cache, store: &Store, user: User) -> Result<(), Unreachable> {
    store.save(user).await
}
