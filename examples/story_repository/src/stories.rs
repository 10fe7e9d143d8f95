//! Stories: for ten minutes; and none that is still written is kept, so whoever waits for its end
//! asks the database.

use std::time::Duration;

use cache_aside::{Cache, cache_aside, cache_invalidate};

use crate::database::{Database, DatabaseError, Saved};
use crate::entities::Story;
use crate::tags;

/// The stories of the database, with a cache around what is read.
#[derive(Clone, Debug)]
pub struct StoryRepository {
    cache: Cache,
    database: Database,
    ttl: Duration,
}

impl StoryRepository {
    /// `ttl` is how long an answer is kept.
    pub fn new(cache: &Cache, database: &Database, ttl: Duration) -> Self {
        Self {
            cache: cache.clone(),
            database: database.clone(),
            ttl,
        }
    }

    /// "No such story" is an answer, too, and is kept for a shorter time. `key` makes the key of its entry.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "story",
        skip(self),
        tags = ["story:{id}", "hero:{result.item.hero}", "child:{result.item.child}"],
        cache_if = |story: &Saved<Story>| story.item.is_finished(),
        key_fn = key,
        cache = self.cache
    )]
    pub async fn find_by_id(&self, id: i64) -> Result<Option<Saved<Story>>, DatabaseError> {
        self.database.find(id).await
    }

    /// Those with this title.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "story_by_name",
        skip(self),
        tags = ["story-name:{title}"],
        tags_with = |stories: &Vec<Saved<Story>>| tags::of_stories(stories),
        cache_if = |stories: &Vec<Saved<Story>>| are_finished(stories),
        cache = self.cache
    )]
    pub async fn find_by_name(&self, title: &str) -> Result<Vec<Saved<Story>>, DatabaseError> {
        self.database.named(title).await
    }

    /// Those of this language.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "story_by_language",
        skip(self),
        tags = ["story-language:{language}"],
        tags_with = |stories: &Vec<Saved<Story>>| tags::of_stories(stories),
        cache_if = |stories: &Vec<Saved<Story>>| are_finished(stories),
        cache = self.cache
    )]
    pub async fn find_by_language(
        &self,
        language: &str,
    ) -> Result<Vec<Saved<Story>>, DatabaseError> {
        self.database.in_language(language).await
    }

    /// All there are.
    #[cache_aside(
        ttl = self.ttl,
        prefix = "story_list",
        key(),
        tags = ["story-list"],
        tags_with = |stories: &Vec<Saved<Story>>| tags::of_stories(stories),
        cache_if = |stories: &Vec<Saved<Story>>| are_finished(stories),
        cache = self.cache
    )]
    pub async fn list_all(&self) -> Result<Vec<Saved<Story>>, DatabaseError> {
        self.database.all().await
    }

    /// Puts a new one into the database.
    #[cache_invalidate(
        tags = [
            "story:{result.id}",
            "story-name:{story.title}",
            "story-language:{story.language}",
            "story-list",
        ],
        cache = self.cache
    )]
    pub async fn save(&self, story: Story) -> Result<Saved<Story>, DatabaseError> {
        self.database.insert(story).await
    }

    /// `None` if there is none with this id.
    #[cache_invalidate(
        tags = [
            "story:{id}",
            "story-name:{story.title}",
            "story-language:{story.language}",
            "story-list",
        ],
        cache = self.cache
    )]
    pub async fn update(
        &self,
        id: i64,
        story: Story,
    ) -> Result<Option<Saved<Story>>, DatabaseError> {
        self.database.update(id, story).await
    }

    /// Whether there was one with this id.
    #[cache_invalidate(tags = ["story:{id}", "story-list"], cache = self.cache)]
    pub async fn delete(&self, id: i64) -> Result<bool, DatabaseError> {
        self.database.delete::<Story>(id).await
    }
}

fn are_finished(stories: &[Saved<Story>]) -> bool {
    stories.iter().all(|story| story.item.is_finished())
}
