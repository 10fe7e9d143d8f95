//! The application as processes, on a private Redis and without.

use harness::{App, Ground, eventually, run, twice};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_warming");

/// A process that is warm.
async fn warm(ground: &Ground, settings: &[(&str, &str)]) -> App {
    let app = started(ground, settings).await;
    eventually("it is warm", async || {
        app.get("/health").send().await.status == 200
    })
    .await;
    app
}

async fn started(ground: &Ground, settings: &[(&str, &str)]) -> App {
    let mut all = ground.cache_settings();
    let ours = [
        ("WARMING_ADDRESS", "127.0.0.1:0"),
        ("WARMING_ARTICLES", "60"),
        ("WARMING_AT_ONCE", "5"),
        ("WARMING_FETCH_MILLIS", "10"),
        ("WARMING_EVERY_MILLIS", "20"),
        // A busy machine is not what is tested. Without Redis they wait unused.
        ("CACHE_READ_TIMEOUT", "5s"),
        ("CACHE_WRITE_TIMEOUT", "5s"),
    ];
    let ours = ours.iter().chain(settings);
    all.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    App::start(BINARY, all).await
}

async fn stats(app: &App) -> Value {
    app.get("/stats").send().await.expect(200)
}

async fn asked(app: &App) -> u64 {
    let stats = stats(app).await;
    stats["supplier"]["total"].as_u64().expect("a count")
}

/// So many more rounds.
async fn rounds(app: &App, kind: &str, count: u64) {
    let number = async || stats(app).await["keeper"][kind].as_u64().expect("a count");
    let before = number().await;
    eventually("it goes around", async || number().await >= before + count).await;
}

async fn outcome(app: &App, article: u64) -> String {
    let price = app.get(&format!("/prices/{article}")).send().await;
    assert_eq!(price.expect(200)["cents"], 100 * article);
    let from = price.header("x-cache").split(',').next();
    from.unwrap_or_default().to_owned()
}

twice! {
    every_key_is_loaded_once_and_a_few_at_a_time,
    a_key_that_cannot_be_loaded_stops_nothing,
    requests_are_answered_before_it_is_warm,
}

async fn every_key_is_loaded_once_and_a_few_at_a_time(ground: Ground) {
    let app = warm(&ground, &[]).await;
    rounds(&app, "rounds", 3).await;
    for article in 1..=60 {
        assert_eq!(outcome(&app, article).await, "hit", "{article}");
    }
    let stats = stats(&app).await;
    assert_eq!(stats["supplier"]["total"], 60, "{stats}");
    let most = stats["supplier"]["most_at_once"].as_u64();
    assert!((Some(2)..=Some(5)).contains(&most), "{stats}");
    assert_eq!(stats["keeper"]["first"]["loaded"], 60, "{stats}");

    // Not a terminal: lines, of which the last one is about all of them.
    let printed = app.printed();
    let last = "warming [##############################] 100 % 60/60\n";
    assert!(printed.contains(last), "{printed}");
    assert!(
        printed.contains(": 60 loaded, 0 found, 0 failed\n"),
        "{printed}"
    );
    assert!(!printed.contains('\r'), "{printed}");
    app.terminate();
    let ended = app.ended().await;
    assert!(ended.success(), "{ended}");
}

async fn a_key_that_cannot_be_loaded_stops_nothing(ground: Ground) {
    let app = warm(&ground, &[("WARMING_BROKEN", "3, 7")]).await;
    let stats = stats(&app).await;
    assert_eq!(stats["keeper"]["first"]["loaded"], 58, "{stats}");
    assert_eq!(stats["keeper"]["first"]["failed"], 2, "{stats}");
    assert!(app.printed().contains(": 58 loaded, 0 found, 2 failed\n"));
    assert_eq!(outcome(&app, 4).await, "hit");
    assert_eq!(app.get("/prices/3").send().await.status, 502);
    assert_eq!(app.get("/prices/61").send().await.status, 404);
    rounds(&app, "failed", 2).await;
}

async fn requests_are_answered_before_it_is_warm(ground: Ground) {
    let slow = [("WARMING_FETCH_MILLIS", "500"), ("WARMING_AT_ONCE", "1")];
    let app = started(&ground, &slow).await;
    assert_eq!(app.get("/health").send().await.status, 503);
    assert_eq!(outcome(&app, 60).await, "loaded");
    assert_eq!(outcome(&app, 60).await, "hit");
    app.terminate();
    let ended = app.ended().await;
    assert!(ended.success(), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_warm_without_a_load() {
    let ground = Ground::with_redis().await;
    let one = warm(&ground, &[]).await;
    let two = warm(&ground, &[]).await;
    rounds(&one, "rounds", 2).await;
    rounds(&two, "rounds", 2).await;
    for article in 1..=60 {
        assert_eq!(outcome(&two, article).await, "hit", "{article}");
    }
    assert_eq!((asked(&one).await, asked(&two).await), (60, 0));
    assert!(two.printed().contains(": 0 loaded, 60 found, 0 failed\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_start_together_load_each_key_once() {
    let ground = Ground::with_redis().await;
    let (one, two) = tokio::join!(warm(&ground, &[]), warm(&ground, &[]));
    assert_eq!(asked(&one).await + asked(&two).await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_it_does_not_load_round_after_round() {
    let ground = Ground::with_redis().await;
    let app = warm(&ground, &[]).await;
    let redis = ground.redis().expect("a server");
    redis.kill();
    rounds(&app, "skipped", 1).await;
    // No round is under way from here on.
    let before = asked(&app).await;
    rounds(&app, "skipped", 5).await;
    assert_eq!(asked(&app).await, before);
    // Requests are answered all the same.
    outcome(&app, 7).await;

    let before = asked(&app).await;
    redis.restart().await;
    eventually("it is warm again", async || {
        asked(&app).await >= before + 60
    })
    .await;
    rounds(&app, "rounds", 2).await;
    let warm = asked(&app).await;
    for article in 1..=60 {
        assert_eq!(outcome(&app, article).await, "hit", "{article}");
    }
    assert_eq!(asked(&app).await, warm);
}

#[tokio::test]
async fn what_is_not_kept_is_not_kept_warm() {
    let none = vec![("WARMING_TTL_SECONDS".to_owned(), "0".to_owned())];
    let finished = run(BINARY, none).await;
    assert!(!finished.status.success());
    let said = finished.errors;
    assert!(said.contains("`WARMING_TTL_SECONDS` is `0`"), "{said}");
}
