//! In object style: a repository that owns its cache.
//!
//! Prefix, arguments and value are those of [`functional`](crate::functional), so both share their
//! entries.

use cache_aside::{Cache, cache_aside, cache_invalidate};

use crate::store::{Store, Unreachable, User};

/// Users, cached. A clone is cheap, and is the same repository.
#[derive(Clone, Debug)]
pub struct Users {
    cache: Cache,
    store: Store,
}

impl Users {
    /// Each instance of a service makes one.
    pub fn new(cache: &Cache, store: &Store) -> Self {
        Self {
            cache: cache.clone(),
            store: store.clone(),
        }
    }

    /// Check, and on a miss load and store.
    ///
    /// # Errors
    /// Those of the store.
    #[cache_aside(
        ttl = "5m",
        jitter = 0,
        prefix = "user",
        tags = ["user:{id}"],
        skip(self),
        cache = self.cache
    )]
    pub async fn find(&self, id: u64) -> Result<Option<User>, Unreachable> {
        self.store.find(id).await
    }

    /// Writes, and then invalidates.
    ///
    /// # Errors
    /// Those of the store.
    #[cache_invalidate(tags = ["user:{id}"], cache = self.cache)]
    pub async fn rename(&self, id: u64, name: &str) -> Result<bool, Unreachable> {
        self.store.rename(id, name).await
    }
}
