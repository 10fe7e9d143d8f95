//! The scenarios. Each says how many queries it took, and how long.

use std::error::Error;
use std::time::{Duration, Instant};

use cache_aside::{Cache, CacheExt as _, Policy};
use story_repository::{
    Child, Database, DatabaseError, Hero, HeroRepository, Lives, Repositories, Saved, Story,
    by_hand,
};

const READS: usize = 50;
/// In two languages, so that there is something that a write does not change.
const HEROES: [(&str, &str, &str); 5] = [
    ("Ada", "en", "patience"),
    ("Bo", "en", "courage"),
    ("Carla", "de", "curiosity"),
    ("Dora", "de", "kindness"),
    ("Emil", "en", "humour"),
];

/// Where a scenario happens.
pub(crate) struct Stage {
    cache: Cache,
    database: Database,
    repositories: Repositories,
    ids: Vec<i64>,
}

type Done = Result<(), Box<dyn Error>>;

impl Stage {
    /// A database that has nothing is given the samples.
    pub(crate) async fn set(
        cache: &Cache,
        database: Database,
        lives: &Lives,
    ) -> Result<Self, DatabaseError> {
        let repositories = Repositories::new(cache, &database, lives);
        let Repositories {
            heroes,
            children,
            stories,
        } = &repositories;
        let mut present = heroes.list_all().bypass_cache().await?;
        if present.is_empty() {
            for (name, language, strength) in HEROES {
                present.push(heroes.save(Hero::new(name, language, strength)).await?);
            }
            let child = children.save(Child::new("Mia", "en", 6)).await?;
            let story = Story {
                title: "Ada waits".to_owned(),
                language: "en".to_owned(),
                hero: present[0].id,
                child: child.id,
                text: "Once upon a time Mia met Ada, who had all the time in the world.".to_owned(),
            };
            stories.save(story).await?;
        }
        Ok(Self {
            cache: cache.clone(),
            database,
            ids: present.iter().map(|hero| hero.id).collect(),
            repositories,
        })
    }

    pub(crate) async fn without_the_cache(&self) -> Done {
        println!("1. without the cache");
        let reads = async {
            for id in self.reads() {
                let hero = self.repositories.heroes.find_by_id(id);
                hero.bypass_cache().await?;
            }
            Ok::<_, DatabaseError>(())
        };
        self.measured(&format!("{READS} reads"), reads).await
    }

    pub(crate) async fn with_the_cache(&self) -> Done {
        println!("2. with the cache");
        for _ in 0..2 {
            self.read().await?;
        }
        Ok(())
    }

    /// What a write does not change is given as before.
    pub(crate) async fn after_writes(&self) -> Done {
        println!("3. after writes");
        self.measured("the heroes and two lists", self.look_around())
            .await?;
        let name = self.rename("the Great").await?;
        self.measured("a hero has another name", self.look_around())
            .await?;
        self.check(&name).await?;
        let heroes = &self.repositories.heroes;
        let guest = heroes.save(Hero::new("Guest", "de", "surprise")).await?;
        heroes.delete(guest.id).await?;
        self.measured("one came and went", self.look_around()).await
    }

    /// Reads and writes go on; they take as long as the database does.
    pub(crate) async fn degraded(&self) -> Done {
        self.read().await?;
        let name = self.rename("the Unshaken").await?;
        self.check(&name).await?;
        println!("  a hero was renamed, and has the new name");
        let health = self.cache.health().await;
        println!("  the cache is {:?}", health.status);
        for reason in health.reasons {
            println!("    {reason}");
        }
        Ok(())
    }

    pub(crate) async fn recovered(&self) -> Done {
        self.read().await?;
        self.read().await
    }

    /// The same entries, one at a time.
    pub(crate) async fn by_hand(&self) -> Done {
        println!("by hand");
        let cache = &self.cache;
        let id = self.ids[0];
        let key = HeroRepository::key(id);
        let Some(hero) = self.repositories.heroes.find_by_id(id).await? else {
            return Err("the first hero is gone".into());
        };
        let left = by_hand::ttl(cache, &key).await;
        let left = left.unwrap_or_default().as_secs();
        let kept = by_hand::get(cache, &key).await;
        println!("  kept: {}, for {left} s", kept == Some(hero.clone()));
        by_hand::delete(cache, &key).await?;
        println!("  deleted: {}", !by_hand::exists(cache, &key).await);
        let policy = Policy::ttl(Duration::from_secs(60)).tags([format!("hero:{id}")]);
        by_hand::set(cache, &key, &hero, &policy).await?;
        println!("  set: {}", by_hand::exists(cache, &key).await);
        by_hand::delete_prefix(cache, "hero").await?;
        println!("  prefix deleted: {}", !by_hand::exists(cache, &key).await);
        Ok(())
    }

    async fn read(&self) -> Done {
        let reads = async {
            for id in self.reads() {
                self.repositories.heroes.find_by_id(id).await?;
            }
            Ok::<_, DatabaseError>(())
        };
        self.measured(&format!("{READS} reads"), reads).await
    }

    fn reads(&self) -> impl Iterator<Item = i64> {
        self.ids.iter().copied().cycle().take(READS)
    }

    async fn look_around(&self) -> Result<(), DatabaseError> {
        let heroes = &self.repositories.heroes;
        for id in &self.ids {
            heroes.find_by_id(*id).await?;
        }
        for language in ["en", "de"] {
            heroes.find_by_language(language).await?;
        }
        Ok(())
    }

    /// Gives the first hero another name, which is returned.
    async fn rename(&self, surname: &str) -> Result<String, Box<dyn Error>> {
        let (heroes, id) = (&self.repositories.heroes, self.ids[0]);
        let hero = heroes.find_by_id(id).bypass_cache().await?;
        let Some(Saved { item: mut hero, .. }) = hero else {
            return Err("the first hero is gone".into());
        };
        let first = hero.name.split(' ').next().unwrap_or_default();
        let name = format!("{first} {surname}");
        hero.name.clone_from(&name);
        heroes.update(id, hero).await?;
        Ok(name)
    }

    /// Nobody is given the name from before.
    async fn check(&self, name: &str) -> Done {
        let hero = self.repositories.heroes.find_by_id(self.ids[0]).await?;
        assert_eq!(hero.map(|hero| hero.item.name).as_deref(), Some(name));
        Ok(())
    }

    async fn measured(
        &self,
        what: &str,
        work: impl Future<Output = Result<(), DatabaseError>>,
    ) -> Done {
        let (before, start) = (self.database.queries(), Instant::now());
        work.await?;
        let queries = self.database.queries() - before;
        println!("  {what}: {queries} queries, {:.1?}", start.elapsed());
        Ok(())
    }
}
