//! Heroes: read all the time and changed seldom, so answers are kept for an hour.

use std::time::Duration;

use cache_aside::{Cache, cache_aside, cache_invalidate};

use crate::database::{Database, DatabaseError, Saved};
use crate::entities::Hero;
use crate::tags;

/// The heroes of the database, with a cache around what is read.
#[derive(Clone, Debug)]
pub struct HeroRepository {
    cache: Cache,
    database: Database,
    ttl: Duration,
}

impl HeroRepository {
    /// `ttl` is how long an answer is kept.
    pub fn new(cache: &Cache, database: &Database, ttl: Duration) -> Self {
        Self {
            cache: cache.clone(),
            database: database.clone(),
            ttl,
        }
    }

    /// "No such hero" is an answer, too, and is kept for a shorter time. `key` makes the key of its entry.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "hero",
        skip(self),
        tags = ["hero:{id}"],
        key_fn = key,
        cache = self.cache
    )]
    pub async fn find_by_id(&self, id: i64) -> Result<Option<Saved<Hero>>, DatabaseError> {
        self.database.find(id).await
    }

    /// Those of this name.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "hero_by_name",
        skip(self),
        tags = ["hero-name:{name}"],
        tags_with = |heroes: &Vec<Saved<Hero>>| tags::of_each("hero", heroes),
        cache = self.cache
    )]
    pub async fn find_by_name(&self, name: &str) -> Result<Vec<Saved<Hero>>, DatabaseError> {
        self.database.named(name).await
    }

    /// Those of this language.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "hero_by_language",
        skip(self),
        tags = ["hero-language:{language}"],
        tags_with = |heroes: &Vec<Saved<Hero>>| tags::of_each("hero", heroes),
        cache = self.cache
    )]
    pub async fn find_by_language(
        &self,
        language: &str,
    ) -> Result<Vec<Saved<Hero>>, DatabaseError> {
        self.database.in_language(language).await
    }

    /// All there are.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "hero_list",
        key(),
        tags = ["hero-list"],
        cache = self.cache
    )]
    pub async fn list_all(&self) -> Result<Vec<Saved<Hero>>, DatabaseError> {
        self.database.all().await
    }

    /// Puts a new one into the database.
    #[cache_invalidate(
        tags = [
            "hero:{result.id}",
            "hero-name:{hero.name}",
            "hero-language:{hero.language}",
            "hero-list",
        ],
        cache = self.cache
    )]
    pub async fn save(&self, hero: Hero) -> Result<Saved<Hero>, DatabaseError> {
        self.database.insert(hero).await
    }

    /// `None` if there is none with this id.
    #[cache_invalidate(
        tags = [
            "hero:{id}",
            "hero-name:{hero.name}",
            "hero-language:{hero.language}",
            "hero-list",
        ],
        cache = self.cache
    )]
    pub async fn update(&self, id: i64, hero: Hero) -> Result<Option<Saved<Hero>>, DatabaseError> {
        self.database.update(id, hero).await
    }

    /// Whether there was one with this id.
    #[cache_invalidate(tags = ["hero:{id}", "hero-list"], cache = self.cache)]
    pub async fn delete(&self, id: i64) -> Result<bool, DatabaseError> {
        self.database.delete::<Hero>(id).await
    }
}
