//! Single entries without the attributes: what other caches call get, set, delete, exists, ttl and delete
//! by pattern. Keys are those of the repositories ([`HeroRepository::key`](crate::HeroRepository::key)),
//! so this is for looking at what they keep, and for values that come from elsewhere.

use std::time::Duration;

use cache_aside::{Cache, Cacheable, Error, Key, Policy};

/// What is kept; never asks the database.
pub async fn get<T: Cacheable>(cache: &Cache, key: &Key<T>) -> Option<T> {
    cache.get(key).await
}

/// Keeps a value, which must be current now. The policy says how long, and by which tags it ends: those of
/// the repository, or writes there will not end it.
pub async fn set<T: Cacheable>(
    cache: &Cache,
    key: &Key<T>,
    value: &T,
    policy: &Policy,
) -> Result<(), Error> {
    cache.put(key, value, policy).await
}

/// Forgets one key, in all processes.
pub async fn delete<T>(cache: &Cache, key: &Key<T>) -> Result<(), Error> {
    cache.invalidate(key).await
}

/// Whether there is a value to be given.
pub async fn exists<T: Cacheable>(cache: &Cache, key: &Key<T>) -> bool {
    ttl(cache, key).await.is_some()
}

/// How long what is kept is fresh; `None` if nothing is. "No such hero" is nothing.
pub async fn ttl<T: Cacheable>(cache: &Cache, key: &Key<T>) -> Option<Duration> {
    let entry = cache.inspect(key).await?;
    let is_given = !entry.invalidated && !entry.negative && !entry.ttl_left.is_zero();
    is_given.then_some(entry.ttl_left)
}

/// Forgets all keys of a prefix, such as `hero_by_name`, in all processes, in one step. Where others
/// scan for `hero:*`, here whole prefixes and tags are forgotten.
pub async fn delete_prefix(cache: &Cache, prefix: &str) -> Result<(), Error> {
    cache.invalidate_prefix(prefix).await
}
