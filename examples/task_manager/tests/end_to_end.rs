//! The application's own binary, asked over HTTP; each test with Redis and without.

use std::sync::Arc;
use std::time::Duration;

use harness::{App, Ground, Response, at_once, eventually, run, twice};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const BINARY: &str = env!("CARGO_BIN_EXE_task_manager");

/// One process of the application, with nobody limited but where a test says so.
async fn app(ground: &Ground, settings: &[(&str, &str)]) -> App {
    let mut all = ground.cache_settings();
    let database = ground.file("tasks.db");
    let ours = [
        ("TASKS_ADDRESS", "127.0.0.1:0"),
        ("TASKS_DATABASE", &database),
        ("TASKS_PER_ADDRESS_AT_ONCE", "1000000"),
        // A busy machine is not what is tested. Without Redis they wait unused.
        ("CACHE_READ_TIMEOUT", "5s"),
        ("CACHE_WRITE_TIMEOUT", "5s"),
    ];
    let ours = ours.iter().chain(settings);
    all.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    App::start(BINARY, all).await
}

fn task(title: &str, owner: &str) -> Value {
    json!({ "title": title, "owner": owner })
}

async fn create(app: &App, title: &str) -> i64 {
    let created = app.post("/tasks").json(&task(title, "ann")).send().await;
    created.expect(201)["id"].as_i64().expect("an id")
}

async fn queries(app: &App, what: &str) -> u64 {
    let stats = app.get("/cache/stats").send().await.expect(200);
    stats["queries"][what].as_u64().expect("a count")
}

fn from(answer: &Response) -> &str {
    let from = answer.header("x-cache");
    from.split(',').next().unwrap_or_default()
}

twice! {
    tasks_are_made_found_changed_and_deleted,
    what_is_asked_again_is_not_queried_again,
    two_hundred_who_ask_for_a_cold_report_query_once,
    a_user_has_so_many_requests_and_an_address_so_many,
    what_the_limits_decide_is_counted,
    it_ends_in_order_and_keeps_its_tasks,
    what_is_no_task_is_refused,
}

async fn tasks_are_made_found_changed_and_deleted(ground: Ground) {
    let app = app(&ground, &[]).await;
    // Not found is an answer that is cached, and it ends with the task's creation.
    assert_eq!(app.get("/tasks/1").send().await.status, 404);
    assert_eq!(app.get("/tasks").send().await.expect(200), json!([]));
    let id = create(&app, "write").await;
    assert_eq!(id, 1);

    let mut expected = json!({ "id": 1, "title": "write", "owner": "ann", "status": "open" });
    assert_eq!(app.get("/tasks/1").send().await.expect(200), expected);
    assert_eq!(
        app.get("/tasks").send().await.expect(200),
        json!([expected])
    );
    let report = app.get("/stats").send().await.expect(200);
    assert_eq!(
        report,
        json!({ "open": 1, "done": 0, "by_owner": { "ann": 1 } })
    );

    expected["status"] = json!("done");
    let changed = app.put("/tasks/1").json(&expected).send().await;
    assert_eq!(changed.expect(200), expected);
    assert_eq!(app.get("/tasks/1").send().await.expect(200), expected);
    let done = app.get("/tasks?status=done").send().await.expect(200);
    assert_eq!(done, json!([expected]));
    let open = app.get("/tasks?status=open").send().await.expect(200);
    assert_eq!(open, json!([]));
    let report = app.get("/stats").send().await.expect(200);
    assert_eq!(report["done"], 1);

    assert_eq!(app.delete("/tasks/1").send().await.status, 204);
    assert_eq!(app.get("/tasks/1").send().await.status, 404);
    assert_eq!(app.get("/tasks").send().await.expect(200), json!([]));
    assert_eq!(app.get("/stats").send().await.expect(200)["done"], 0);
    assert_eq!(app.delete("/tasks/1").send().await.status, 404);
    assert_eq!(app.put("/tasks/1").json(&expected).send().await.status, 404);
}

async fn what_is_asked_again_is_not_queried_again(ground: Ground) {
    let app = app(&ground, &[]).await;
    for title in ["one", "two"] {
        create(&app, title).await;
    }
    for (path, what) in [
        ("/tasks", "list"),
        ("/tasks/1", "find"),
        ("/stats", "report"),
    ] {
        let before = queries(&app, what).await;
        let first = app.get(path).send().await;
        assert_eq!(from(&first), "loaded", "{path}");
        for _ in 0..3 {
            let again = app.get(path).send().await;
            assert_eq!((from(&again), &again.body), ("hit", &first.body), "{path}");
        }
        assert_eq!(queries(&app, what).await, before + 1, "{path}");
    }
    // A write invalidates its task, the lists and the report, and no other task.
    app.get("/tasks/2").send().await;
    let changed = app.put("/tasks/1").json(&task("three", "bob")).send().await;
    changed.expect(200);
    for (path, outcome) in [
        ("/tasks", "loaded"),
        ("/tasks/1", "loaded"),
        ("/tasks/2", "hit"),
        ("/stats", "loaded"),
    ] {
        assert_eq!(from(&app.get(path).send().await), outcome, "{path}");
    }

    let cleared = app.post("/cache/clear").send().await.expect(200);
    assert_eq!(cleared, json!({ "cleared": "everywhere" }));
    for path in ["/tasks", "/tasks/1", "/tasks/2", "/stats"] {
        assert_eq!(from(&app.get(path).send().await), "loaded", "{path}");
    }
    let stats = app.get("/cache/stats").send().await.expect(200);
    assert_eq!(stats["cache"]["namespace"], "tasks");
    assert_eq!(stats["cache"]["prefixes"]["list"]["hits"], 3);
}

async fn two_hundred_who_ask_for_a_cold_report_query_once(ground: Ground) {
    let app = app(&ground, &[("TASKS_REPORT_MILLIS", "300")]).await;
    create(&app, "write").await;
    let answers = at_once(&[&app], "/stats", 200).await;
    for answer in &answers {
        assert_eq!(answer.expect(200)["open"], 1);
    }
    assert_eq!(queries(&app, "report").await, 1);
    let outcomes = |outcome| {
        answers
            .iter()
            .filter(|answer| from(answer) == outcome)
            .count()
    };
    assert_eq!(outcomes("loaded"), 1);
    assert!(outcomes("joined") > 0, "nobody waited for it");
}

async fn a_user_has_so_many_requests_and_an_address_so_many(ground: Ground) {
    let hourly = [
        // One in 60 s: none comes back while the test runs, on a machine that is not too slow.
        ("TASKS_PER_USER", "1"),
        ("TASKS_PER_USER_AT_ONCE", "5"),
        ("TASKS_PER_ADDRESS", "1"),
        ("TASKS_PER_ADDRESS_AT_ONCE", "12"),
    ];
    let app = app(&ground, &hourly).await;
    let ask = |user: &str| app.get("/tasks").header("x-user", user).send();
    for left in (0..5).rev() {
        let answer = ask("ann").await;
        answer.expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = ask("ann").await;
    assert_eq!(refused.expect(429)["error"], "too many requests");
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    // Others are not hindered by that, until the address has used up what it has: 12, of which 6 are gone.
    for _ in 0..4 {
        ask("bob").await.expect(200);
    }
    for user in ["cid", "dan"] {
        ask(user).await.expect(200);
    }
    assert_eq!(ask("eve").await.status, 429);
    assert_eq!(app.get("/tasks").send().await.status, 429);
    assert_eq!(app.get("/health").send().await.status, 200);
}

async fn what_the_limits_decide_is_counted(ground: Ground) {
    let few = [("TASKS_PER_USER", "1"), ("TASKS_PER_USER_AT_ONCE", "2")];
    let app = app(&ground, &few).await;
    for _ in 0..5 {
        app.get("/tasks").header("x-user", "ann").send().await;
    }
    let stats = app.get("/cache/stats").send().await.expect(200);
    let user = json!({ "allowed": 2, "refused": 3, "unshared": 0 });
    assert_eq!(stats["limits"]["user"], user);
    // This request among them.
    let address = json!({ "allowed": 6, "refused": 0, "unshared": 0 });
    assert_eq!(stats["limits"]["address"], address);
    assert_eq!(stats["cache"]["total"]["hit_rate"], 0.5);
}

async fn it_ends_in_order_and_keeps_its_tasks(ground: Ground) {
    let first = app(&ground, &[("TASKS_REPORT_MILLIS", "1000")]).await;
    let id = create(&first, "write").await;
    // A request that is under way is answered.
    let slow = tokio::spawn(first.get("/stats").send());
    eventually("the query has begun", async || {
        queries(&first, "report").await == 1
    })
    .await;
    first.terminate();
    assert_eq!(slow.await.expect("an answer").expect(200)["open"], 1);
    let address = first.address();
    let status = first.ended().await;
    assert!(status.success(), "{status}");

    let second = app(&ground, &[]).await;
    let found = second.get(&format!("/tasks/{id}")).send().await;
    assert_eq!(found.expect(200)["title"], "write");
    assert_ne!(second.address(), address, "the first one is gone");
}

async fn what_is_no_task_is_refused(ground: Ground) {
    let app = app(&ground, &[]).await;
    let bad = app.post("/tasks").json(&json!({ "title": 1 })).send().await;
    assert_eq!(bad.status, 422);
    let id = create(&app, "write").await;
    let long = "x".repeat(201);
    for bad in [task("", "ann"), task("write", " \n"), task(&long, "ann")] {
        let created = app.post("/tasks").json(&bad).send().await;
        assert!(created.expect(422)["error"].is_string());
        let changed = app.put(&format!("/tasks/{id}")).json(&bad).send().await;
        changed.expect(422);
    }
    let one = json!([{ "id": id, "title": "write", "owner": "ann", "status": "open" }]);
    assert_eq!(app.get("/tasks").send().await.expect(200), one);
    for expected in ["loaded", "negative"] {
        let unknown = app.get("/tasks/-1").send().await;
        assert_eq!((unknown.status, from(&unknown)), (404, expected));
    }
    assert_eq!(app.get("/tasks/one").send().await.status, 400);
    assert_eq!(app.get("/tasks?status=lost").send().await.status, 400);
    assert_eq!(app.get("/nothing").send().await.status, 404);
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health["cache"]["status"], "healthy", "{health}");
}

/// Whoever sends half of a request keeps it from what is to be done at the end for a while, and no longer.
#[tokio::test]
async fn who_never_ends_a_request_does_not_keep_it() {
    let ground = Ground::without_redis();
    let app = app(&ground, &[]).await;
    let mut halves = Vec::new();
    for half in [
        "",
        "GET /tasks HT",
        "POST /tasks HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    ] {
        let mut stream = TcpStream::connect(app.address()).await.expect("it listens");
        stream.write_all(half.as_bytes()).await.expect("it reads");
        halves.push(stream);
    }
    app.get("/tasks").send().await.expect(200);
    app.terminate();
    let address = app.address();
    let (status, printed) = app.ended_with().await;
    assert!(
        status.success() && printed.contains("ended in order"),
        "{status}: {printed}"
    );
    assert!(TcpStream::connect(address).await.is_err(), "it is gone");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ground = Ground::without_redis();
    let settings = [
        ("TASKS_ADDRESS", address.clone()),
        ("TASKS_DATABASE", ground.file("tasks.db")),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let finished = run(BINARY, settings.into()).await;
    assert!(!finished.status.success());
    assert!(finished.errors.contains(&address), "{}", finished.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_query_once_together() {
    let ground = Ground::with_redis().await;
    let slow = [("TASKS_REPORT_MILLIS", "300")];
    let (one, two) = (app(&ground, &slow).await, app(&ground, &slow).await);
    create(&one, "write").await;
    for answer in at_once(&[&one, &two], "/stats", 200).await {
        assert_eq!(answer.expect(200)["open"], 1);
    }
    let each = (queries(&one, "report").await, queries(&two, "report").await);
    assert_eq!(each.0 + each.1, 1, "{each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_has_changed_the_other_does_not_give_as_it_was() {
    let ground = Ground::with_redis().await;
    let road = ground.redis().expect("a server").road().await;
    let one = app(&ground, &[]).await;
    let two = app(&ground, &[("CACHE_URL", &road.url())]).await;
    let path = format!("/tasks/{}", create(&one, "0").await);
    // Somebody asks the other one all the time, so that it has a copy of whatever there is.
    let two = Arc::new(two);
    let (busy, asked) = (Arc::clone(&two), path.clone());
    let asking = tokio::spawn(async move {
        loop {
            busy.get(&asked).send().await.expect(200);
            busy.get("/tasks").send().await.expect(200);
        }
    });
    for round in 1..=50 {
        if round == 50 {
            // Now nobody tells it.
            road.lose_pushes().await;
        }
        let title = round.to_string();
        let changed = one.put(&path).json(&task(&title, "ann")).send().await;
        changed.expect(200);
        assert_eq!(two.get(&path).send().await.expect(200)["title"], title);
        let list = two.get("/tasks").send().await.expect(200);
        assert_eq!(list[0]["title"], title);
    }
    asking.abort();
    // It was the cache that answered, and not the database each time.
    let hits = two.get("/cache/stats").send().await.expect(200);
    let hits = hits["cache"]["prefixes"]["task"]["hits"].as_u64();
    assert!(hits > Some(20), "{hits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_that_of_all_processes() {
    let ground = Ground::with_redis().await;
    let few = [("TASKS_PER_USER", "1"), ("TASKS_PER_USER_AT_ONCE", "40")];
    let (one, two) = (app(&ground, &few).await, app(&ground, &few).await);
    let mut asking = JoinSet::new();
    for number in 0..100 {
        let app = [&one, &two][number % 2];
        asking.spawn(app.get("/tasks").header("x-user", "ann").send());
    }
    let answers = asking.join_all().await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((passed, refused), (40, 60));
    let buckets = ground.redis().expect("a server").keys("tasks:r:*").await;
    assert_eq!(
        buckets.len(),
        2,
        "one for the user, one for the address: {buckets:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_requests_go_on() {
    let ground = Ground::with_redis().await;
    let app = app(
        &ground,
        &[("TASKS_PER_USER", "1"), ("TASKS_PER_USER_AT_ONCE", "10")],
    )
    .await;
    let redis = ground.redis().expect("a server");
    let id = create(&app, "write").await;
    let path = format!("/tasks/{id}");
    let ask = || app.get(&path).header("x-user", "ann").send();
    for _ in 0..4 {
        ask().await.expect(200);
    }
    redis.kill();
    for _ in 0..6 {
        assert_eq!(ask().await.expect(200)["title"], "write");
    }
    assert_eq!(ask().await.status, 429, "the limit holds");
    let stats = app.get("/cache/stats").send().await.expect(200);
    let alone = stats["limits"]["user"]["unshared"].as_u64();
    assert_eq!(alone, Some(7), "decided here");
    let changed = app.put(&path).json(&task("read", "ann")).send().await;
    changed.expect(200);
    for _ in 0..20 {
        assert_eq!(app.get(&path).send().await.expect(200)["title"], "read");
        assert_eq!(app.get("/stats").send().await.expect(200)["open"], 1);
    }
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health["cache"]["status"], "degraded", "{health}");
    let cleared = app.post("/cache/clear").send().await.expect(200);
    assert_eq!(cleared["cleared"], "here, and elsewhere later");

    redis.restart().await;
    eventually("it is healthy again", async || {
        let health = app.get("/health").send().await.expect(200);
        health["cache"]["status"] == "healthy"
    })
    .await;
    assert_eq!(app.get(&path).send().await.expect(200)["title"], "read");
    let again = app.get(&path).send().await;
    assert_eq!(from(&again), "hit");
}

/// A server that hangs is worse than one that is gone: it takes connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_delays_few_requests() {
    const STORE: Duration = Duration::from_secs(1);
    let ground = Ground::with_redis().await;
    let short = [("CACHE_READ_TIMEOUT", "1s"), ("CACHE_WRITE_TIMEOUT", "1s")];
    let app = app(&ground, &short).await;
    let id = create(&app, "write").await;
    let path = format!("/tasks/{id}");
    app.get(&path).send().await.expect(200);
    ground.redis().expect("a server").stop();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(app.get(&path).send().await.expect(200)["title"], "write");
    }
    // One waits for the limit, or for that and the task; then nobody does.
    assert!(start.elapsed() < 10 * STORE, "{:?}", start.elapsed());
    let stats = app.get("/cache/stats").send().await.expect(200);
    assert_eq!(stats["cache"]["breaker"], "open", "{stats}");
    assert_eq!(stats["cache"]["breaker_opened"], 1, "{stats}");
    ground.redis().expect("a server").cont();
    eventually("it is healthy again", async || {
        let health = app.get("/health").send().await.expect(200);
        health["cache"]["status"] == "healthy"
    })
    .await;
}
