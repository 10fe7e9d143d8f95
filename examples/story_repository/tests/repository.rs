//! The repositories: how often the database is asked, on a private Redis and without one.

use std::time::Duration;

use cache_aside::{Cache, Clock, Policy};
use harness::{Ground, eventually, twice};
use story_repository::{
    Child, Database, Hero, HeroRepository, Lives, Repositories, Saved, Story, by_hand,
};

/// What a process of an application has.
struct Process {
    cache: Cache,
    database: Database,
    repositories: Repositories,
}

impl Process {
    async fn of(ground: &Ground) -> Self {
        let mut builder = Cache::builder().namespace("stories");
        if let Some((_, url)) = ground.cache_settings().pop() {
            // A busy machine is not what is tested.
            let long = Duration::from_secs(5);
            builder = builder.redis(url).read_timeout(long).write_timeout(long);
        }
        let cache = builder.build().await.expect("settings");
        Self::with(cache, &ground.file("stories.db"))
    }

    fn with(cache: Cache, file: &str) -> Self {
        let database = Database::open(file, Duration::ZERO).expect("a database");
        let repositories = Repositories::new(&cache, &database, &Lives::default());
        Self {
            cache,
            database,
            repositories,
        }
    }

    async fn hero(&self, name: &str, language: &str) -> i64 {
        let hero = Hero::new(name, language, "patience");
        let saved = self.repositories.heroes.save(hero).await;
        saved.expect("saved").id
    }

    async fn child(&self) -> i64 {
        let child = Child::new("Mia", "en", 6);
        let saved = self.repositories.children.save(child).await;
        saved.expect("saved").id
    }

    async fn story(&self, hero: i64, child: i64, text: &str) -> i64 {
        let story = story(hero, child, text);
        let saved = self.repositories.stories.save(story).await;
        saved.expect("saved").id
    }
}

fn story(hero: i64, child: i64, text: &str) -> Story {
    Story {
        title: "Ada waits".to_owned(),
        language: "en".to_owned(),
        hero,
        child,
        text: text.to_owned(),
    }
}

fn ids<E>(found: &[Saved<E>]) -> Vec<i64> {
    found.iter().map(|saved| saved.id).collect()
}

/// The answer of a read, which must take so many queries.
macro_rules! takes {
    ($process:expr, $queries:expr, $read:expr) => {{
        let before = $process.database.queries();
        let answer = $read.await.expect("the database answers");
        let queries = $process.database.queries() - before;
        assert_eq!(queries, $queries, "{}", stringify!($read));
        answer
    }};
}

twice! {
    what_was_read_is_not_queried_again,
    a_write_ends_what_it_changes_and_nothing_else,
    what_is_not_there_is_known_until_it_is_saved,
    a_story_ends_with_its_hero_and_with_its_child,
    a_story_that_is_still_written_is_not_kept,
    a_list_of_many_is_kept_and_ends_with_any_of_them,
    single_entries_are_read_set_and_deleted_by_hand,
}

async fn a_list_of_many_is_kept_and_ends_with_any_of_them(ground: Ground) {
    let process = Process::of(&ground).await;
    let mut last = 0;
    for _ in 0..70 {
        last = process.hero("Ada", "en").await;
    }
    let child = process.child().await;
    for _ in 0..70 {
        process.story(last, child, "The end.").await;
    }
    let Repositories {
        heroes, stories, ..
    } = &process.repositories;
    let all = async |queries, count| {
        assert_eq!(
            takes!(process, queries, heroes.find_by_name("Ada")).len(),
            count
        );
        assert_eq!(
            takes!(process, queries, heroes.find_by_language("en")).len(),
            count
        );
    };
    let told = async |queries, count| {
        assert_eq!(
            takes!(process, queries, stories.find_by_language("en")).len(),
            count
        );
        assert_eq!(takes!(process, queries, stories.list_all()).len(), count);
    };
    for queries in [1, 0] {
        all(queries, 70).await;
        told(queries, 70).await;
    }
    let other = Hero::new("Bo", "de", "patience");
    heroes.update(last - 1, other).await.expect("updated");
    all(1, 69).await;
    told(1, 70).await;
    // Its stories go with it.
    assert!(heroes.delete(last).await.expect("deleted"));
    all(1, 68).await;
    told(1, 0).await;
}

async fn what_was_read_is_not_queried_again(ground: Ground) {
    let process = Process::of(&ground).await;
    let (hero, child) = (process.hero("Ada", "en").await, process.child().await);
    let story = process.story(hero, child, "The end.").await;
    let Repositories {
        heroes,
        children,
        stories,
    } = &process.repositories;
    for queries in [1, 0, 0] {
        let found = takes!(process, queries, heroes.find_by_id(hero));
        assert_eq!(found.expect("it is there").item.name, "Ada");
        let found = takes!(process, queries, heroes.find_by_name("Ada"));
        assert_eq!(ids(&found), [hero]);
        let found = takes!(process, queries, heroes.find_by_language("en"));
        assert_eq!(ids(&found), [hero]);
        assert_eq!(ids(&takes!(process, queries, heroes.list_all())), [hero]);

        let found = takes!(process, queries, children.find_by_id(child));
        assert_eq!(found.expect("it is there").item.age, 6);
        let found = takes!(process, queries, children.find_by_name("Mia"));
        assert_eq!(ids(&found), [child]);
        let found = takes!(process, queries, children.find_by_language("en"));
        assert_eq!(ids(&found), [child]);
        assert_eq!(ids(&takes!(process, queries, children.list_all())), [child]);

        let found = takes!(process, queries, stories.find_by_id(story));
        assert_eq!(found.expect("it is there").item.text, "The end.");
        let found = takes!(process, queries, stories.find_by_name("Ada waits"));
        assert_eq!(ids(&found), [story]);
        let found = takes!(process, queries, stories.find_by_language("en"));
        assert_eq!(ids(&found), [story]);
        assert_eq!(ids(&takes!(process, queries, stories.list_all())), [story]);
    }
}

async fn a_write_ends_what_it_changes_and_nothing_else(ground: Ground) {
    let process = Process::of(&ground).await;
    let heroes = &process.repositories.heroes;
    let (ada, bo) = (
        process.hero("Ada", "en").await,
        process.hero("Bo", "de").await,
    );
    for id in [ada, bo] {
        takes!(process, 1, heroes.find_by_id(id));
    }
    for name in ["Ada", "Bo", "Cleo"] {
        takes!(process, 1, heroes.find_by_name(name));
    }
    for language in ["en", "de", "fr"] {
        takes!(process, 1, heroes.find_by_language(language));
    }
    takes!(process, 1, heroes.list_all());

    // Ada becomes Cleo, and French.
    let cleo = Hero::new("Cleo", "fr", "patience");
    let changed = heroes.update(ada, cleo.clone()).await.expect("written");
    assert_eq!(changed.expect("it is there").item, cleo);
    let found = takes!(process, 1, heroes.find_by_id(ada));
    assert_eq!(found.expect("it is there").item, cleo);
    assert_eq!(ids(&takes!(process, 1, heroes.find_by_name("Ada"))), [0; 0]);
    assert_eq!(ids(&takes!(process, 1, heroes.find_by_name("Cleo"))), [ada]);
    assert_eq!(
        ids(&takes!(process, 1, heroes.find_by_language("en"))),
        [0; 0]
    );
    assert_eq!(
        ids(&takes!(process, 1, heroes.find_by_language("fr"))),
        [ada]
    );
    takes!(process, 1, heroes.list_all());
    takes!(process, 0, heroes.find_by_id(bo));
    takes!(process, 0, heroes.find_by_name("Bo"));
    takes!(process, 0, heroes.find_by_language("de"));

    // Bo goes.
    assert!(heroes.delete(bo).await.expect("written"));
    assert_eq!(takes!(process, 1, heroes.find_by_id(bo)), None);
    assert_eq!(ids(&takes!(process, 1, heroes.find_by_name("Bo"))), [0; 0]);
    assert_eq!(
        ids(&takes!(process, 1, heroes.find_by_language("de"))),
        [0; 0]
    );
    assert_eq!(ids(&takes!(process, 1, heroes.list_all())), [ada]);
    takes!(process, 0, heroes.find_by_id(ada));
    takes!(process, 0, heroes.find_by_language("fr"));
    assert!(!heroes.delete(bo).await.expect("written"));
    assert_eq!(heroes.update(bo, cleo).await.expect("written"), None);
}

async fn what_is_not_there_is_known_until_it_is_saved(ground: Ground) {
    let process = Process::of(&ground).await;
    let heroes = &process.repositories.heroes;
    for queries in [1, 0] {
        assert_eq!(takes!(process, queries, heroes.find_by_id(1)), None);
        assert!(takes!(process, queries, heroes.find_by_name("Ada")).is_empty());
        assert!(takes!(process, queries, heroes.list_all()).is_empty());
    }
    assert_eq!(process.hero("Ada", "en").await, 1);
    assert!(takes!(process, 1, heroes.find_by_id(1)).is_some());
    assert_eq!(ids(&takes!(process, 1, heroes.find_by_name("Ada"))), [1]);
    assert_eq!(ids(&takes!(process, 1, heroes.list_all())), [1]);
}

async fn a_story_ends_with_its_hero_and_with_its_child(ground: Ground) {
    let process = Process::of(&ground).await;
    let Repositories {
        heroes,
        children,
        stories,
    } = &process.repositories;
    let (ada, bo) = (
        process.hero("Ada", "en").await,
        process.hero("Bo", "en").await,
    );
    let child = process.child().await;
    let of_ada = process.story(ada, child, "The end.").await;
    let of_bo = process.story(bo, child, "The end.").await;
    for queries in [1, 0] {
        takes!(process, queries, stories.find_by_id(of_ada));
        takes!(process, queries, stories.find_by_id(of_bo));
        takes!(process, queries, stories.list_all());
    }
    assert!(heroes.delete(ada).await.expect("written"));
    assert_eq!(takes!(process, 1, stories.find_by_id(of_ada)), None);
    assert!(takes!(process, 0, stories.find_by_id(of_bo)).is_some());
    assert_eq!(ids(&takes!(process, 1, stories.list_all())), [of_bo]);

    assert!(children.delete(child).await.expect("written"));
    assert_eq!(takes!(process, 1, stories.find_by_id(of_bo)), None);
    assert!(takes!(process, 1, stories.list_all()).is_empty());
}

async fn a_story_that_is_still_written_is_not_kept(ground: Ground) {
    let process = Process::of(&ground).await;
    let stories = &process.repositories.stories;
    let (hero, child) = (process.hero("Ada", "en").await, process.child().await);
    let id = process.story(hero, child, "").await;
    for _ in 0..3 {
        takes!(process, 1, stories.find_by_id(id));
        takes!(process, 1, stories.list_all());
    }
    let written = stories.update(id, story(hero, child, "The end.")).await;
    assert!(written.expect("written").is_some());
    // With Redis, where an answer could not be stored none is for a second.
    eventually("it is kept", async || {
        let before = process.database.queries();
        let found = stories.find_by_id(id).await.expect("the database answers");
        assert!(found.expect("it is there").item.is_finished());
        let listed = stories.list_all().await.expect("the database answers");
        assert_eq!(ids(&listed), [id]);
        process.database.queries() == before
    })
    .await;
}

async fn single_entries_are_read_set_and_deleted_by_hand(ground: Ground) {
    let process = Process::of(&ground).await;
    let (cache, heroes) = (&process.cache, &process.repositories.heroes);
    let id = process.hero("Ada", "en").await;
    let key = HeroRepository::key(id);
    assert_eq!(by_hand::get(cache, &key).await, None);
    assert!(!by_hand::exists(cache, &key).await);

    let kept = takes!(process, 1, heroes.find_by_id(id));
    assert_eq!(by_hand::get(cache, &key).await, kept);
    let left = by_hand::ttl(cache, &key).await.expect("it is kept");
    let hour = Duration::from_secs(60 * 60);
    assert!(left <= hour && left > hour.mul_f64(0.8), "{left:?}");

    by_hand::delete(cache, &key).await.expect("deleted");
    assert!(!by_hand::exists(cache, &key).await);
    let mut hero = kept.expect("it is there");
    "set by hand".clone_into(&mut hero.item.strength);
    let minute = Duration::from_secs(60);
    let policy = Policy::ttl(minute).tags([format!("hero:{id}")]);
    let set = by_hand::set(cache, &key, &hero, &policy).await;
    set.expect("set");
    assert_eq!(
        takes!(process, 0, heroes.find_by_id(id)),
        Some(hero.clone())
    );
    assert!(by_hand::ttl(cache, &key).await.expect("it is kept") <= minute);

    // By its tag it ends with the next write.
    let written = heroes.update(id, hero.item).await;
    assert!(written.expect("written").is_some());
    assert!(!by_hand::exists(cache, &key).await);
    takes!(process, 1, heroes.find_by_id(id));
    takes!(process, 1, heroes.find_by_name("Ada"));
    let deleted = by_hand::delete_prefix(cache, "hero").await;
    deleted.expect("deleted");
    assert!(!by_hand::exists(cache, &key).await);
    takes!(process, 0, heroes.find_by_name("Ada"));

    // "No such hero" is known, and is no value.
    assert_eq!(takes!(process, 1, heroes.find_by_id(99)), None);
    assert_eq!(takes!(process, 0, heroes.find_by_id(99)), None);
    assert!(!by_hand::exists(cache, &HeroRepository::key(99)).await);
}

#[tokio::test]
async fn each_entity_is_kept_as_long_as_its_setting_says() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await;
    let process = Process::with(cache.expect("settings"), ":memory:");
    let (hero, child) = (process.hero("Ada", "en").await, process.child().await);
    let story = process.story(hero, child, "The end.").await;
    let Repositories {
        heroes,
        children,
        stories,
    } = &process.repositories;
    takes!(process, 1, heroes.find_by_id(hero));
    takes!(process, 1, children.find_by_id(child));
    takes!(process, 1, stories.find_by_id(story));
    // Lives are shortened by up to a tenth, so that they do not end together.
    let mut passed = Duration::ZERO;
    for (minutes, queries) in [
        (8, [0, 0, 0]),
        (10, [0, 0, 1]),
        (26, [0, 0, 1]),
        (30, [0, 1, 0]),
        (53, [0, 0, 1]),
        (60, [1, 1, 0]),
    ] {
        let until = Duration::from_secs(60 * minutes);
        clock.advance(until.saturating_sub(passed));
        passed = until;
        takes!(process, queries[0], heroes.find_by_id(hero));
        takes!(process, queries[1], children.find_by_id(child));
        takes!(process, queries[2], stories.find_by_id(story));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_has_read_the_other_does_not_query() {
    let ground = Ground::with_redis().await;
    let (one, two) = (Process::of(&ground).await, Process::of(&ground).await);
    let id = one.hero("Ada", "en").await;
    let heroes = |process: &Process| process.repositories.heroes.clone();
    let read = takes!(one, 1, heroes(&one).find_by_id(id));
    assert_eq!(takes!(two, 0, heroes(&two).find_by_id(id)), read);
    takes!(two, 1, heroes(&two).list_all());
    takes!(one, 0, heroes(&one).list_all());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_one_process_changes_is_changed_in_the_other() {
    let ground = Ground::with_redis().await;
    let (one, two) = (Process::of(&ground).await, Process::of(&ground).await);
    let id = one.child().await;
    for age in 7..27 {
        let changed = Child::new("Mia", "en", age);
        let written = one.repositories.children.update(id, changed).await;
        assert!(written.expect("written").is_some());
        for _ in 0..2 {
            let found = two.repositories.children.find_by_id(id).await;
            let found = found.expect("the database answers").expect("it is there");
            assert_eq!(found.item.age, age);
        }
    }
    // Half of that came out of the cache.
    assert_eq!(two.database.queries(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_reads_and_writes_go_on() {
    let ground = Ground::with_redis().await;
    let process = Process::of(&ground).await;
    let heroes = &process.repositories.heroes;
    let id = process.hero("Ada", "en").await;
    takes!(process, 1, heroes.find_by_id(id));
    ground.redis().expect("a server").kill();
    for name in ["Bo", "Cleo", "Dora"] {
        let written = heroes.update(id, Hero::new(name, "en", "patience")).await;
        assert!(written.expect("written").is_some());
        for _ in 0..5 {
            let found = heroes.find_by_id(id).await.expect("it goes on");
            assert_eq!(found.expect("it is there").item.name, name);
            assert_eq!(heroes.list_all().await.expect("it goes on").len(), 1);
        }
    }
    ground.redis().expect("a server").restart().await;
    eventually("it is kept again", async || {
        let before = process.database.queries();
        let found = heroes.find_by_id(id).await.expect("it goes on");
        assert_eq!(found.expect("it is there").item.name, "Dora");
        process.database.queries() == before
    })
    .await;
}
