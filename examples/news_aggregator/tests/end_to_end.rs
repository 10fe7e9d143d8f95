//! The application's own binary, asked over HTTP; each test with Redis and without, but those of Redis.

use std::process::Command;

use harness::{App, Ground, Response, at_once, eventually, twice};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_news_aggregator");
/// Everything that is cached.
const CACHED: [&str; 3] = ["/articles/cached", "/articles/1", "/articles/trending"];

/// One process of the application, with a source that takes no time but where a test says so.
async fn app(ground: &Ground, settings: &[(&str, &str)]) -> App {
    let mut all = ground.cache_settings();
    let ours = [
        ("NEWS_ADDRESS", "127.0.0.1:0"),
        ("NEWS_SOURCE_MILLIS", "0"),
        // A busy machine is not what is tested. Without Redis they wait unused.
        ("CACHE_READ_TIMEOUT", "5s"),
        ("CACHE_WRITE_TIMEOUT", "5s"),
    ];
    let ours = ours.iter().chain(settings);
    all.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    App::start(BINARY, all).await
}

async fn stats(app: &App) -> Value {
    app.get("/cache/stats").send().await.expect(200)
}

/// How often this process asked the source: for the list, for one article, for what is trending.
async fn asked(app: &App) -> [u64; 3] {
    let source = &stats(app).await["source"];
    ["articles", "article", "trending"].map(|what| source[what].as_u64().expect("a count"))
}

fn from(answer: &Response) -> &str {
    answer.header("x-cache")
}

twice! {
    the_baseline_asks_each_time_and_the_cached_list_once,
    fifty_who_ask_what_is_trending_compute_it_once,
    nobody_waits_for_a_new_list_of_what_is_trending,
    forgetting_the_articles_reaches_articles_and_not_the_rest,
    the_counters_tell_the_truth,
    the_front_page_is_rendered_once_until_the_articles_are_forgotten,
    it_ends_in_order,
    what_is_no_article_is_not_found,
}

async fn the_baseline_asks_each_time_and_the_cached_list_once(ground: Ground) {
    let app = app(&ground, &[]).await;
    let index = app.get("/").send().await.expect(200);
    assert_eq!(index["endpoints"].as_array().map(Vec::len), Some(10));
    let mut lists = Vec::new();
    for count in 1..=3 {
        let answer = app.get("/articles").send().await;
        assert_eq!(from(&answer), "bypassed");
        assert_eq!(asked(&app).await, [count, 0, 0]);
        lists.push(answer.expect(200));
    }
    for expected in ["loaded", "hit, local", "hit, local"] {
        let answer = app.get("/articles/cached").send().await;
        assert_eq!(from(&answer), expected);
        assert_eq!(asked(&app).await, [4, 0, 0]);
        lists.push(answer.expect(200));
    }
    assert_eq!(lists[0][9]["title"], "The probe wakes up after nine years");
    assert!(lists.iter().all(|list| *list == lists[0]));

    for expected in ["loaded", "hit, local"] {
        let answer = app.get("/articles/1").send().await;
        assert_eq!(from(&answer), expected);
        assert_eq!(answer.expect(200), lists[0][0]);
    }
    assert_eq!(asked(&app).await, [4, 1, 0]);
}

async fn fifty_who_ask_what_is_trending_compute_it_once(ground: Ground) {
    let app = app(&ground, &[("NEWS_SOURCE_MILLIS", "300")]).await;
    let answers = at_once(&[&app], "/articles/trending", 50).await;
    // Three feeds write of the weather, two of energy.
    let expected = json!([
        { "id": 7, "title": "Late frost in the orchards", "score": 1350 },
        { "id": 5, "title": "Wind made more power than coal did", "score": 1280 },
        { "id": 9, "title": "A satellite that sees wind", "score": 1050 },
    ]);
    for answer in &answers {
        assert_eq!(answer.expect(200), expected);
    }
    assert_eq!(asked(&app).await, [0, 0, 1]);
    let count = |outcome| {
        answers
            .iter()
            .filter(|answer| from(answer) == outcome)
            .count()
    };
    assert_eq!(count("loaded"), 1);
    assert!(count("joined") > 0, "nobody waited for it");
    let joined = &stats(&app).await["per_prefix"]["trending"]["joined"];
    assert_eq!(joined.as_u64(), u64::try_from(count("joined")).ok());
}

async fn nobody_waits_for_a_new_list_of_what_is_trending(ground: Ground) {
    let app = app(&ground, &[("NEWS_TRENDING_SECONDS", "1")]).await;
    let path = "/articles/trending";
    assert_eq!(from(&app.get(path).send().await), "loaded");
    eventually("the old list is given", async || {
        let answer = app.get(path).send().await;
        assert_ne!(from(&answer), "loaded");
        from(&answer).starts_with("stale")
    })
    .await;
    eventually("a new one is computed", async || asked(&app).await[2] > 1).await;
}

async fn forgetting_the_articles_reaches_articles_and_not_the_rest(ground: Ground) {
    let app = app(&ground, &[]).await;
    for path in CACHED {
        for expected in ["loaded", "hit, local"] {
            assert_eq!(from(&app.get(path).send().await), expected, "{path}");
        }
    }
    let forgotten = app.delete("/cache/articles").send().await.expect(200);
    assert_eq!(forgotten, json!({ "forgotten": "everywhere" }));
    for (path, expected) in CACHED.into_iter().zip(["loaded", "loaded", "hit, local"]) {
        assert_eq!(from(&app.get(path).send().await), expected, "{path}");
    }
    assert_eq!(asked(&app).await, [2, 2, 1]);

    let forgotten = app.delete("/cache").send().await.expect(200);
    assert_eq!(forgotten, json!({ "forgotten": "everywhere" }));
    for path in CACHED {
        assert_eq!(from(&app.get(path).send().await), "loaded", "{path}");
    }
    assert_eq!(asked(&app).await, [3, 3, 2]);
}

async fn the_counters_tell_the_truth(ground: Ground) {
    let app = app(&ground, &[]).await;
    for (path, count) in [
        ("/articles", 2),
        ("/articles/cached", 3),
        ("/articles/1", 2),
        ("/articles/999", 2),
        ("/articles/trending", 4),
    ] {
        for _ in 0..count {
            app.get(path).send().await;
        }
    }
    let mut told = stats(&app).await;
    let memory = told["memory_bytes"].take().as_u64();
    // Four keys of at least 120 bytes, and ten articles of which one is there twice.
    assert!((1_000..20_000).contains(&memory.unwrap_or(0)), "{memory:?}");
    let answers = |hits: u32, misses: u32, bypassed: u32| {
        let hit_rate = f64::from(hits) / f64::from(hits + misses);
        json!({ "hits": hits, "misses": misses, "hit_rate": hit_rate, "joined": 0, "bypassed": bypassed })
    };
    let mut expected = answers(7, 4, 2);
    expected["keys"] = json!(4);
    expected["memory_bytes"] = Value::Null;
    expected["per_prefix"] = json!({
        "article": answers(2, 2, 0),
        "articles": answers(2, 1, 2),
        "trending": answers(3, 1, 0),
    });
    expected["source"] = json!({ "articles": 3, "article": 2, "trending": 1 });
    assert_eq!(told, expected);

    app.delete("/cache").send().await.expect(200);
    let told = stats(&app).await;
    assert_eq!([&told["keys"], &told["memory_bytes"]], [0, 0]);
    assert_eq!(told["hits"], 7, "what was counted stays");
}

async fn the_front_page_is_rendered_once_until_the_articles_are_forgotten(ground: Ground) {
    let app = app(&ground, &[("NEWS_SOURCE_MILLIS", "300")]).await;
    let pages = at_once(&[&app], "/front", 50).await;
    for page in &pages {
        assert_eq!(page.status, 200);
        assert!(["miss", "hit"].contains(&from(page)), "{}", from(page));
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.body, pages[0].body);
    }
    let entry = "<li><a href=\"/articles/7\">Late frost in the orchards</a>";
    assert!(pages[0].body.contains(entry), "{}", pages[0].body);
    assert_eq!(asked(&app).await, [1, 0, 0]);
    // The page is the same for all: neither a cookie nor a parameter is looked at.
    let with_cookie = app.get("/front?utm=1").header("cookie", "id=1");
    for request in [app.get("/front"), with_cookie] {
        let page = request.send().await;
        assert_eq!((from(&page), &page.body), ("hit", &pages[0].body));
    }
    let for_one = app.get("/front").header("authorization", "Bearer id");
    assert_eq!(from(&for_one.send().await), "bypass");
    assert_eq!(asked(&app).await, [2, 0, 0]);

    app.delete("/cache/articles").send().await.expect(200);
    for expected in ["miss", "hit"] {
        assert_eq!(from(&app.get("/front").send().await), expected);
    }
    assert_eq!(asked(&app).await, [3, 0, 0]);
}

async fn it_ends_in_order(ground: Ground) {
    let app = app(&ground, &[("NEWS_SOURCE_MILLIS", "1000")]).await;
    // A request that is under way is answered.
    let slow = tokio::spawn(app.get("/articles/cached").send());
    eventually("the source is asked", async || asked(&app).await[0] == 1).await;
    app.terminate();
    let answer = slow.await.expect("an answer").expect(200);
    assert_eq!(answer.as_array().map(Vec::len), Some(10));
    let status = app.ended().await;
    assert!(status.success(), "{status}");
}

async fn what_is_no_article_is_not_found(ground: Ground) {
    let app = app(&ground, &[]).await;
    for expected in ["loaded", "negative, local"] {
        let answer = app.get("/articles/11").send().await;
        assert_eq!(answer.expect(404)["error"], "no such article");
        assert_eq!(from(&answer), expected);
    }
    assert_eq!(asked(&app).await, [0, 1, 0]);
    assert_eq!(app.get("/articles/first").send().await.status, 400);
    assert_eq!(app.delete("/articles/1").send().await.status, 405);
    assert_eq!(app.get("/nothing").send().await.status, 404);
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health, json!({ "status": "healthy", "reasons": [] }));
}

#[test]
fn a_setting_that_cannot_be_is_refused() {
    let started = Command::new(BINARY)
        .env("NEWS_SOURCE_MILLIS", "soon")
        .output();
    let started = started.expect("the binary is there");
    assert!(!started.status.success());
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(said.contains("`NEWS_SOURCE_MILLIS` is `soon`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_has_what_the_first_loaded() {
    let ground = Ground::with_redis().await;
    let one = app(&ground, &[]).await;
    let mut loaded = Vec::new();
    for path in CACHED {
        loaded.push(one.get(path).send().await.expect(200));
    }
    let two = app(&ground, &[]).await;
    for (path, loaded) in CACHED.into_iter().zip(loaded) {
        for expected in ["hit, remote", "hit, local"] {
            let answer = two.get(path).send().await;
            assert_eq!(from(&answer), expected, "{path}");
            assert_eq!(answer.expect(200), loaded);
        }
    }
    assert_eq!(asked(&two).await, [0, 0, 0]);

    // What one forgets the other does not have, a second later at the latest.
    one.delete("/cache/articles").send().await.expect(200);
    for path in ["/articles/cached", "/articles/1"] {
        eventually("it is loaded again", async || {
            from(&two.get(path).send().await) == "loaded"
        })
        .await;
    }
    let answer = two.get("/articles/trending").send().await;
    assert_eq!(from(&answer), "hit, local");
    assert_eq!(asked(&two).await, [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_compute_what_is_trending_once_together() {
    let ground = Ground::with_redis().await;
    let slow = [("NEWS_SOURCE_MILLIS", "300")];
    let (one, two) = (app(&ground, &slow).await, app(&ground, &slow).await);
    for answer in at_once(&[&one, &two], "/articles/trending", 50).await {
        assert_eq!(answer.expect(200)[0]["id"], 7);
    }
    let each = (asked(&one).await, asked(&two).await);
    assert_eq!(each.0[2] + each.1[2], 1, "{each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_page_that_one_process_rendered_the_other_gives() {
    let ground = Ground::with_redis().await;
    let (one, two) = (app(&ground, &[]).await, app(&ground, &[]).await);
    let page = one.get("/front").send().await;
    assert_eq!(from(&page), "miss");
    for _ in 0..2 {
        let same = two.get("/front").send().await;
        assert_eq!((from(&same), &same.body), ("hit", &page.body));
        assert_eq!(same.header("content-type"), page.header("content-type"));
    }
    assert_eq!(asked(&two).await, [0, 0, 0]);

    // What one forgets the other does not have, a second later at the latest.
    one.delete("/cache/articles").send().await.expect(200);
    eventually("it is rendered again", async || {
        from(&two.get("/front").send().await) == "miss"
    })
    .await;
    assert_eq!(asked(&two).await, [1, 0, 0]);

    // The page was rendered: without the server it is rendered again where it is not at hand.
    ground.redis().expect("a server").kill();
    let again = one.get("/front").send().await;
    assert_eq!((again.status, &again.body), (200, &page.body));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_answers_go_on() {
    let ground = Ground::with_redis().await;
    let app = app(&ground, &[]).await;
    let redis = ground.redis().expect("a server");
    let mut before = Vec::new();
    for path in CACHED {
        before.push(app.get(path).send().await.expect(200));
    }
    redis.kill();
    for _ in 0..20 {
        for (path, before) in CACHED.into_iter().zip(&before) {
            assert_eq!(app.get(path).send().await.expect(200), *before);
        }
        // It was not asked for before.
        app.get("/articles/2").send().await.expect(200);
    }
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health["status"], "degraded", "{health}");
    let forgotten = app.delete("/cache/articles").send().await.expect(200);
    assert_eq!(forgotten["forgotten"], "here, and elsewhere later");
    assert_eq!(app.get(CACHED[0]).send().await.expect(200), before[0]);

    redis.restart().await;
    eventually("it is healthy again", async || {
        let health = app.get("/health").send().await.expect(200);
        health["status"] == "healthy"
    })
    .await;
    app.get(CACHED[0]).send().await.expect(200);
    let again = app.get(CACHED[0]).send().await;
    assert!(from(&again).starts_with("hit"), "{}", from(&again));
}
