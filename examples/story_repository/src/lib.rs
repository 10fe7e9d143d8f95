//! Heroes, children and stories in `SQLite`, behind a repository that has a cache.
//!
//! `database` - the source, which knows nothing of caches; `entities` - what is in it; `heroes`,
//! `children`, `stories` - one repository for each, with what is cached and what each write
//! invalidates; `tags` - the names by which they do; `by_hand` - single entries; `settings` - what
//! the environment says. `main.rs` is the demonstration.
//!
//! ```
//! use cache_aside::Cache;
//! use std::time::Duration;
//! use story_repository::{Database, Hero, Lives, Repositories};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::open(":memory:", Duration::ZERO)?;
//! let cache = Cache::in_process(); // or one that is shared: the repositories are the same
//! let heroes = Repositories::new(&cache, &database, &Lives::default()).heroes;
//!
//! let ada = heroes.save(Hero::new("Ada", "en", "patience")).await?;
//! for _ in 0..3 {
//!     assert_eq!(heroes.find_by_id(ada.id).await?, Some(ada.clone()));
//! }
//! assert_eq!(database.queries(), 1);
//!
//! heroes.update(ada.id, Hero::new("Ada", "en", "courage")).await?;
//! let ada = heroes.find_by_id(ada.id).await?.expect("it is there");
//! assert_eq!(ada.item.strength, "courage");
//! # Ok(()) }
//! ```

#![expect(
    clippy::missing_errors_doc,
    reason = "what fails here fails with its database or its cache, and its type says which"
)]

pub mod by_hand;
mod children;
mod database;
mod entities;
mod heroes;
mod settings;
mod stories;
mod tags;

use cache_aside::Cache;

pub use crate::children::ChildRepository;
pub use crate::database::{Database, DatabaseError, Entity, Saved};
pub use crate::entities::{Child, Hero, Story};
pub use crate::heroes::HeroRepository;
pub use crate::settings::{Lives, Settings};
pub use crate::stories::StoryRepository;

/// All that is in the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repositories {
    /// Who stories are about.
    pub heroes: HeroRepository,
    /// For whom they are.
    pub children: ChildRepository,
    /// The stories.
    pub stories: StoryRepository,
}

impl Repositories {
    /// All of them over one cache and one database: what one of them writes can end what another
    /// one keeps.
    pub fn new(cache: &Cache, database: &Database, lives: &Lives) -> Self {
        Self {
            heroes: HeroRepository::new(cache, database, lives.hero),
            children: ChildRepository::new(cache, database, lives.child),
            stories: StoryRepository::new(cache, database, lives.story),
        }
    }
}
