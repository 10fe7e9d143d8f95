//! The application's own binary, asked over HTTP; each test with Redis and without, but those of Redis.

use std::sync::Arc;

use harness::{App, Ground, Response, eventually, twice};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_product_catalogue");

/// One process of the application; those of one ground have one database.
async fn app(ground: &Ground) -> App {
    let mut settings = ground.cache_settings();
    let database = ground.file("catalogue.db");
    let ours = [
        ("CATALOGUE_ADDRESS", "127.0.0.1:0"),
        ("CATALOGUE_DATABASE", &*database),
        // A busy machine is not what is tested. Without Redis they wait unused.
        ("CACHE_READ_TIMEOUT", "5s"),
        ("CACHE_WRITE_TIMEOUT", "5s"),
    ];
    let ours = ours.into_iter();
    settings.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    App::start(BINARY, settings).await
}

fn content(name: &str, category: &str, cents: u32) -> Value {
    json!({ "name": name, "category": category, "cents": cents })
}

async fn create(app: &App, name: &str, category: &str, cents: u32) -> i64 {
    let body = content(name, category, cents);
    let created = app.post("/products").json(&body).send().await;
    created.expect(201)["id"].as_i64().expect("an id")
}

async fn change(app: &App, id: i64, name: &str, category: &str, cents: u32) {
    let body = content(name, category, cents);
    let changed = app.put(&format!("/products/{id}")).json(&body).send().await;
    assert_eq!(changed.expect(200)["category"], category);
}

/// A cup and a pan in the kitchen, and a lamp in the living room.
async fn three_products(app: &App) {
    for (name, category) in [("cup", "kitchen"), ("pan", "kitchen"), ("lamp", "living")] {
        create(app, name, category, 500).await;
    }
}

/// Queries for one product, for many, how many products in these, and queries for a category.
async fn queries(app: &App) -> [u64; 4] {
    let told = app.get("/cache/hit-rate").send().await.expect(200);
    let queries = &told["queries"];
    ["one", "many", "products_of_many", "category"]
        .map(|what| queries[what].as_u64().expect("a count"))
}

fn ids(products: &Value) -> Vec<i64> {
    let products = products.as_array().expect("a list").iter();
    let ids = products.map(|product| product["id"].as_i64().expect("an id"));
    ids.collect()
}

async fn category(app: &App, name: &str) -> Vec<i64> {
    let answer = app.get(&format!("/categories/{name}")).send().await;
    ids(&answer.expect(200))
}

fn from(answer: &Response) -> &str {
    let from = answer.header("x-cache");
    from.split(',').next().unwrap_or_default()
}

twice! {
    an_update_is_seen_in_item_batch_and_lists,
    a_product_that_moves_is_where_it_is_and_nowhere_else,
    a_batch_asks_for_the_missing_ones_only,
    unknown_ids_are_answers_until_there_is_such_a_product,
    a_page_is_kept_and_one_that_leaves_it_moves_no_other_page,
    the_hit_rate_is_that_of_the_products,
    what_is_no_product_is_refused,
}

async fn an_update_is_seen_in_item_batch_and_lists(ground: Ground) {
    let app = app(&ground).await;
    three_products(&app).await;
    let paths = [
        "/products/1",
        "/products?ids=1,2,3",
        "/categories/kitchen",
        "/products/2",
        "/products/3",
        "/categories/living",
    ];
    for path in paths {
        app.get(path).send().await.expect(200);
        assert_eq!(from(&app.get(path).send().await), "hit", "{path}");
    }
    let before = queries(&app).await;

    change(&app, 1, "mug", "kitchen", 600).await;
    let mug = json!({ "id": 1, "name": "mug", "category": "kitchen", "cents": 600 });
    assert_eq!(app.get("/products/1").send().await.expect(200), mug);
    let batch = app.get("/products?ids=1,2,3").send().await.expect(200);
    assert_eq!(batch["products"][0], mug);
    assert_eq!(ids(&batch["products"]), [1, 2, 3]);
    let kitchen = app.get("/categories/kitchen").send().await.expect(200);
    assert_eq!(kitchen[0], mug);
    assert_eq!(ids(&kitchen), [1, 2]);
    // It was asked for once, its category once, and nothing else.
    for path in paths {
        assert_eq!(from(&app.get(path).send().await), "hit", "{path}");
    }
    let [one, many, products, category] = before;
    assert_eq!(queries(&app).await, [one + 1, many, products, category + 1]);
    // The batch alone would have asked for that one.
    change(&app, 1, "cup", "kitchen", 600).await;
    let batch = app.get("/products?ids=1,2,3").send().await.expect(200);
    assert_eq!(batch["products"][0]["name"], "cup");
    assert_eq!(queries(&app).await[..3], [one + 1, many + 1, products + 1]);
}

async fn a_product_that_moves_is_where_it_is_and_nowhere_else(ground: Ground) {
    let app = Arc::new(app(&ground).await);
    three_products(&app).await;
    let (busy, rooms) = (Arc::clone(&app), ["kitchen", "living", "garden"]);
    // Somebody asks all the time, so that there is always something to be old.
    let asking = tokio::spawn(async move {
        loop {
            for room in rooms {
                category(&busy, room).await;
            }
            busy.get("/products/1").send().await.expect(200);
            busy.get("/products?ids=1,2").send().await.expect(200);
        }
    });
    for round in 1..=30 {
        let room = rooms[round % 3];
        change(&app, 1, "cup", room, 500).await;
        let item = app.get("/products/1").send().await.expect(200);
        assert_eq!(item["category"], room);
        let batch = app.get("/products?ids=1,2").send().await.expect(200);
        assert_eq!(batch["products"][0]["category"], room);
        for (other, stays) in rooms.into_iter().zip([vec![2], vec![3], vec![]]) {
            let mut expected = stays;
            if other == room {
                expected.insert(0, 1);
            }
            assert_eq!(category(&app, other).await, expected, "{other}");
        }
    }
    asking.abort();
    let told = app.get("/cache/hit-rate").send().await.expect(200);
    let hits = told["per_prefix"]["category"]["hits"].as_u64();
    assert!(hits > Some(30), "it was the cache that answered: {told}");
}

async fn a_batch_asks_for_the_missing_ones_only(ground: Ground) {
    let app = app(&ground).await;
    three_products(&app).await;
    create(&app, "chair", "living", 9_900).await;
    let ask = async |path: &str| {
        let answer = app.get(path).send().await;
        (from(&answer).to_owned(), answer.expect(200))
    };
    assert_eq!(ask("/products/1").await.0, "loaded");
    assert_eq!(queries(&app).await, [1, 0, 0, 0]);
    let (outcome, batch) = ask("/products?ids=1,2,3").await;
    assert_eq!(
        (&*outcome, ids(&batch["products"])),
        ("loaded", vec![1, 2, 3])
    );
    assert_eq!(queries(&app).await, [1, 1, 2, 0], "without 1");
    assert_eq!(ask("/products?ids=1,2,3").await, ("hit".to_owned(), batch));
    // What a batch has loaded is there for whoever asks for one.
    let (outcome, lamp) = ask("/products/3").await;
    assert_eq!((&*outcome, &lamp["name"]), ("hit", &json!("lamp")));
    assert_eq!(queries(&app).await, [1, 1, 2, 0]);
    ask("/products?ids=4,3,3,4").await;
    assert_eq!(queries(&app).await, [1, 2, 3, 0], "4, and once");
}

async fn unknown_ids_are_answers_until_there_is_such_a_product(ground: Ground) {
    let app = app(&ground).await;
    three_products(&app).await;
    for expected in ["loaded", "negative"] {
        let answer = app.get("/products/4").send().await;
        assert_eq!(answer.expect(404)["error"], "no such product");
        assert_eq!(from(&answer), expected);
    }
    for _ in 0..2 {
        let batch = app.get("/products?ids=5,3,4,5").send().await.expect(200);
        assert_eq!(ids(&batch["products"]), [3]);
        assert_eq!(batch["unknown"], json!([4, 5]), "each once");
        assert_eq!(queries(&app).await, [1, 1, 2, 0], "without 4");
    }
    let unknown = app.get("/products/5").send().await;
    assert_eq!((unknown.status, from(&unknown)), (404, "negative"));
    assert_eq!(category(&app, "garden").await, [0_i64; 0]);

    assert_eq!(create(&app, "rake", "garden", 1_200).await, 4);
    let found = app.get("/products/4").send().await.expect(200);
    assert_eq!(found["name"], "rake");
    let batch = app.get("/products?ids=3,4,5").send().await.expect(200);
    assert_eq!(ids(&batch["products"]), [3, 4]);
    assert_eq!(batch["unknown"], json!([5]));
    assert_eq!(category(&app, "garden").await, [4]);
    assert_eq!(queries(&app).await, [2, 1, 2, 2]);
}

async fn a_page_is_kept_and_one_that_leaves_it_moves_no_other_page(ground: Ground) {
    let app = app(&ground).await;
    for number in 1..=60 {
        create(&app, &format!("cup {number}"), "kitchen", 500).await;
    }
    let page = async |after: i64| {
        let path = format!("/categories/kitchen?after={after}");
        let answer = app.get(&path).send().await;
        (from(&answer).to_owned(), ids(&answer.expect(200)))
    };
    let (first, second) = ((1..=50).collect::<Vec<_>>(), (51..=60).collect::<Vec<_>>());
    for expected in ["loaded", "hit"] {
        assert_eq!(page(0).await, (expected.to_owned(), first.clone()));
        assert_eq!(page(50).await, (expected.to_owned(), second.clone()));
    }
    change(&app, 10, "cup 10", "living", 500).await;
    let without: Vec<i64> = (1..=51).filter(|id| *id != 10).collect();
    assert_eq!(page(0).await, ("loaded".to_owned(), without));
    assert_eq!(page(50).await, ("hit".to_owned(), second));
    assert_eq!(queries(&app).await[3], 3);
}

async fn the_hit_rate_is_that_of_the_products(ground: Ground) {
    let app = app(&ground).await;
    three_products(&app).await;
    for path in [
        "/products/1",
        "/products/1",
        "/products?ids=1,2,3,4",
        "/products?ids=1,2,3,4",
        "/categories/kitchen",
        "/categories/kitchen",
        "/categories/kitchen",
    ] {
        app.get(path).send().await.expect(200);
    }
    let told = app.get("/cache/hit-rate").send().await.expect(200);
    let rate = |hits: u32, misses: u32| {
        let hit_rate = f64::from(hits) / f64::from(hits + misses);
        json!({ "hits": hits, "misses": misses, "hit_rate": hit_rate })
    };
    // Of the products: one, then 1 of 4, then 4 of 4; that there is no fourth is a hit, too.
    let mut expected = rate(8, 5);
    expected["per_prefix"] = json!({ "product": rate(6, 4), "category": rate(2, 1) });
    expected["queries"] = json!({ "one": 1, "many": 1, "products_of_many": 3, "category": 1 });
    assert_eq!(told, expected);
}

async fn what_is_no_product_is_refused(ground: Ground) {
    let app = app(&ground).await;
    let bad = json!({ "name": "cup", "category": "kitchen", "cents": -1 });
    assert_eq!(app.post("/products").json(&bad).send().await.status, 422);
    let good = content("cup", "kitchen", 1);
    assert_eq!(app.put("/products/1").json(&good).send().await.status, 404);
    assert_eq!(app.get("/products/one").send().await.status, 400);
    let long = "x".repeat(201);
    for wrong in [
        content(" ", "kitchen", 1),
        content("cup", "", 1),
        content("cup", &long, 1),
    ] {
        let made = app.post("/products").json(&wrong).send().await;
        assert!(made.expect(422)["error"].is_string());
        app.put("/products/1").json(&wrong).send().await.expect(422);
    }
    for wrong in ["", "ids=", "ids=1,two", "ids=1,,2"] {
        let refused = app.get(&format!("/products?{wrong}")).send().await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let many = |count| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>();
    for (count, status) in [(100, 200), (101, 400)] {
        let path = format!("/products?ids={}", many(count).join(","));
        assert_eq!(app.get(&path).send().await.status, status, "{count}");
    }
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health["cache"]["status"], "healthy", "{health}");
    app.terminate();
    let status = app.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_what_is_loaded_and_what_is_changed() {
    let ground = Ground::with_redis().await;
    let (one, two) = (app(&ground).await, app(&ground).await);
    three_products(&one).await;
    let paths = ["/products/1", "/products?ids=1,2,3", "/categories/kitchen"];
    for path in paths {
        one.get(path).send().await.expect(200);
    }
    for path in paths {
        assert_eq!(from(&two.get(path).send().await), "hit", "{path}");
    }
    assert_eq!(queries(&two).await, [0, 0, 0, 0]);

    // A second later at the latest.
    change(&one, 1, "cup", "living", 700).await;
    eventually("the other has it", async || {
        let item = two.get("/products/1").send().await.expect(200);
        let batch = two.get("/products?ids=1,2").send().await.expect(200);
        item["cents"] == 700
            && batch["products"][0]["cents"] == 700
            && category(&two, "kitchen").await == [2]
            && category(&two, "living").await == [1, 3]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_changes_are_seen() {
    let ground = Ground::with_redis().await;
    let app = app(&ground).await;
    three_products(&app).await;
    let seen = async |room: &str, ids: &[i64]| {
        let item = app.get("/products/1").send().await.expect(200);
        assert_eq!(item["category"], room);
        let batch = app.get("/products?ids=1,2").send().await.expect(200);
        assert_eq!(batch["products"][0]["category"], room);
        assert_eq!(category(&app, room).await, ids);
    };
    seen("kitchen", &[1, 2]).await;
    ground.redis().expect("a server").kill();
    seen("kitchen", &[1, 2]).await;
    for _ in 0..5 {
        change(&app, 1, "cup", "living", 500).await;
        seen("living", &[1, 3]).await;
        change(&app, 1, "cup", "kitchen", 500).await;
        seen("kitchen", &[1, 2]).await;
    }
    let health = app.get("/health").send().await.expect(200);
    assert_eq!(health["cache"]["status"], "degraded", "{health}");

    ground.redis().expect("a server").restart().await;
    eventually("it is healthy again", async || {
        let health = app.get("/health").send().await.expect(200);
        health["cache"]["status"] == "healthy"
    })
    .await;
    seen("kitchen", &[1, 2]).await;
    let again = app.get("/products/1").send().await;
    assert_eq!(from(&again), "hit");
}
