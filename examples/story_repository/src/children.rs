//! Children: for half an hour; and who has changed one sees the change whichever process answers
//! (`coherence = strict`), for the price of one small trip to Redis for each hit.

use std::time::Duration;

use cache_aside::{Cache, cache_aside, cache_invalidate};

use crate::database::{Database, DatabaseError, Saved};
use crate::entities::Child;
use crate::tags;

/// The children of the database, with a cache around what is read.
#[derive(Clone, Debug)]
pub struct ChildRepository {
    cache: Cache,
    database: Database,
    ttl: Duration,
}

impl ChildRepository {
    /// `ttl` is how long an answer is kept.
    pub fn new(cache: &Cache, database: &Database, ttl: Duration) -> Self {
        Self {
            cache: cache.clone(),
            database: database.clone(),
            ttl,
        }
    }

    /// "No such child" is an answer, too, and is kept for a shorter time. `key` makes the key of its entry.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "child",
        skip(self),
        tags = ["child:{id}"],
        coherence = strict,
        key_fn = key,
        cache = self.cache
    )]
    pub async fn find_by_id(&self, id: i64) -> Result<Option<Saved<Child>>, DatabaseError> {
        self.database.find(id).await
    }

    /// Those of this name.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "child_by_name",
        skip(self),
        tags = ["child-name:{name}"],
        tags_with = |children: &Vec<Saved<Child>>| tags::of_each("child", children),
        coherence = strict,
        cache = self.cache
    )]
    pub async fn find_by_name(&self, name: &str) -> Result<Vec<Saved<Child>>, DatabaseError> {
        self.database.named(name).await
    }

    /// Those of this language.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "child_by_language",
        skip(self),
        tags = ["child-language:{language}"],
        tags_with = |children: &Vec<Saved<Child>>| tags::of_each("child", children),
        coherence = strict,
        cache = self.cache
    )]
    pub async fn find_by_language(
        &self,
        language: &str,
    ) -> Result<Vec<Saved<Child>>, DatabaseError> {
        self.database.in_language(language).await
    }

    /// All there are.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "child_list",
        key(),
        tags = ["child-list"],
        coherence = strict,
        cache = self.cache
    )]
    pub async fn list_all(&self) -> Result<Vec<Saved<Child>>, DatabaseError> {
        self.database.all().await
    }

    /// Puts a new one into the database.
    #[cache_invalidate(
        tags = [
            "child:{result.id}",
            "child-name:{child.name}",
            "child-language:{child.language}",
            "child-list",
        ],
        cache = self.cache
    )]
    pub async fn save(&self, child: Child) -> Result<Saved<Child>, DatabaseError> {
        self.database.insert(child).await
    }

    /// `None` if there is none with this id.
    #[cache_invalidate(
        tags = [
            "child:{id}",
            "child-name:{child.name}",
            "child-language:{child.language}",
            "child-list",
        ],
        cache = self.cache
    )]
    pub async fn update(
        &self,
        id: i64,
        child: Child,
    ) -> Result<Option<Saved<Child>>, DatabaseError> {
        self.database.update(id, child).await
    }

    /// Whether there was one with this id.
    #[cache_invalidate(tags = ["child:{id}", "child-list"], cache = self.cache)]
    pub async fn delete(&self, id: i64) -> Result<bool, DatabaseError> {
        self.database.delete::<Child>(id).await
    }
}
