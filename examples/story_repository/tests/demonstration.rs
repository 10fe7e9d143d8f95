//! The demonstration as a process: what it says of queries, and not how long they took.

use harness::{Ground, run, server_settings, twice};

const BINARY: &str = env!("CARGO_BIN_EXE_story_repository");
const WITH_THE_CACHE: &str = "\
1. without the cache
  50 reads: 50 queries
2. with the cache
  50 reads: 5 queries
  50 reads: 0 queries
3. after writes
  the heroes and two lists: 2 queries
  a hero has another name: 2 queries
  one came and went: 1 queries
by hand
  kept: true
  deleted: true
  set: true
  prefix deleted: true
";

/// What it prints when it succeeds, without the times.
async fn printed(settings: Vec<(String, String)>, ours: &[(&str, &str)]) -> String {
    let quick = [("STORIES_QUERY_MILLIS", "1")];
    let ours = quick.iter().chain(ours);
    let ours = ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let finished = run(BINARY, settings.into_iter().chain(ours).collect()).await;
    assert!(finished.status.success(), "{finished:?}");
    let lines = finished
        .printed
        .lines()
        .map(|line| match line.split_once(", ") {
            Some((told, _)) => format!("{told}\n"),
            None => format!("{line}\n"),
        });
    lines.collect()
}

twice! {
    each_scenario_takes_the_queries_that_it_should,
    turned_off_it_asks_the_database_each_time,
}

async fn each_scenario_takes_the_queries_that_it_should(ground: Ground) {
    let mut settings = ground.cache_settings();
    // A busy machine is not what is tested. Without Redis they wait unused.
    for name in ["CACHE_READ_TIMEOUT", "CACHE_WRITE_TIMEOUT"] {
        settings.push((name.to_owned(), "5s".to_owned()));
    }
    let printed = printed(settings, &[]).await;
    let rest = printed.strip_prefix(WITH_THE_CACHE);
    let rest = rest.unwrap_or_else(|| panic!("{printed}"));
    let degraded = "\
4. Redis is not there
  50 reads: 50 queries
  a hero was renamed
  the cache is Degraded
";
    assert!(rest.starts_with(degraded), "{rest}");
}

async fn turned_off_it_asks_the_database_each_time(ground: Ground) {
    let printed = printed(ground.cache_settings(), &[("CACHE_ENABLED", "false")]).await;
    let (_, with) = printed.split_once("2. with the cache\n").expect("it");
    assert!(
        with.starts_with("  50 reads: 50 queries\n  50 reads: 50 queries\n"),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_its_redis_is_killed_it_goes_on_and_comes_back() {
    let mut settings = server_settings().await;
    settings.push(("STORIES_OWN_REDIS".to_owned(), "true".to_owned()));
    let printed = printed(settings, &[]).await;
    let rest = printed.strip_prefix(WITH_THE_CACHE);
    let rest = rest.unwrap_or_else(|| panic!("{printed}"));
    let (killed, back) = rest
        .split_once("  Redis is there again\n")
        .expect("it comes back");
    assert!(killed.starts_with("4. Redis is killed\n"), "{killed}");
    assert!(killed.contains("\n  a hero was renamed\n"), "{killed}");
    assert!(killed.contains("\n  the cache is Degraded\n"), "{killed}");
    assert_eq!(back, "  50 reads: 5 queries\n  50 reads: 0 queries\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_cannot_be_is_named() {
    for (name, value) in [
        ("STORIES_HERO_SECONDS", "soon"),
        ("CACHE_READ_TIMEOUT", "soon"),
        ("CACHE_ENABLED", "perhaps"),
        ("CACHE_URL", "http://127.0.0.1"),
    ] {
        let finished = run(BINARY, vec![(name.to_owned(), value.to_owned())]).await;
        assert!(!finished.status.success(), "{name}");
        assert!(finished.errors.contains(name), "{name}: {finished:?}");
    }
}
