//! A hit in the shared store, against bare `redis`: one `GET` per call, and a decode.
//!
//! The function under test is that of `local_hit`, with `local = false`, so that every call goes to
//! the server. Variants run interleaved in one process against a server of this program's own; what
//! is printed are ratios of medians of throughput (above 1: more calls per second than the bare
//! client), and the goal beside. Also a cold miss against a miss without a lock, and a batch.
//!
//! ```text
//! CACHE_ASIDE_REDIS_BIN=/path/to/redis-server cargo bench --bench remote_hit
//! ```
//!
//! `-- --loop untagged 1000` makes nothing but 1,000 calls (also `bare`, `tagged`), to be counted by
//! callgrind; `CALLERS=64` takes one number of callers only.
//!
//! Without the variable `redis-server` or `valkey-server` is looked for on the `PATH`.

#![allow(missing_docs, reason = "a program")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cache_aside::{Cache, Key, Policy, cache_aside};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

const KEYS: u64 = 1_000;
const ROUNDS: usize = 9;

/// 217 bytes as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
    about: String,
    id: u64,
    created: i64,
    score: f64,
}

impl User {
    fn of(id: u64, name: &str) -> Self {
        Self {
            name: format!("{name} of the first house"),
            email: format!("{name}@long.example.org"),
            about: format!("{name} keeps bees, reads maps and answers letters on Sundays only"),
            id,
            created: 1_700_000_000 + i64::try_from(id).unwrap_or_default(),
            score: 0.25,
        }
    }
}

static CACHE: OnceLock<Cache> = OnceLock::new();

fn cache() -> &'static Cache {
    CACHE.get().expect("set at the start")
}

#[cache_aside(ttl = "1h", prefix = "bare", local = false, cache = cache())]
async fn untagged(id: u64, name: &str) -> User {
    User::of(id, name)
}

#[cache_aside(ttl = "1h", prefix = "tagged", local = false, tags = ["user:{id}", "users"], cache = cache())]
async fn tagged(id: u64, name: &str) -> User {
    User::of(id, name)
}

#[cache_aside(ttl = "1h", prefix = "each", local = false, each = ids, cache = cache())]
async fn batch(ids: Vec<u64>) -> HashMap<u64, User> {
    ids.into_iter()
        .map(|id| (id, User::of(id, "Ada")))
        .collect()
}

/// A server of this program's own.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let chosen = std::env::var("CACHE_ASIDE_REDIS_BIN").ok();
        let names = chosen
            .into_iter()
            .chain(["redis-server", "valkey-server"].map(String::from));
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a port")
            .port();
        for name in names {
            let child = Command::new(name)
                .args([
                    "--port",
                    &port.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                ])
                .stdout(Stdio::null())
                .spawn();
            if let Ok(child) = child {
                let url = format!("redis://127.0.0.1:{port}");
                return Self { child, url };
            }
        }
        panic!(
            "no server: install `redis-server` or `valkey-server`, or set CACHE_ASIDE_REDIS_BIN"
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy)]
enum What {
    Bare,
    Untagged,
    Tagged,
}

async fn call(what: What, bare: &mut MultiplexedConnection, id: u64) {
    let user = match what {
        What::Bare => {
            let bytes: Vec<u8> = redis::cmd("GET")
                .arg(format!("plain:{id}"))
                .query_async(bare)
                .await
                .expect("a reply");
            rmp_serde::from_slice(&bytes).expect("a user")
        }
        What::Untagged => untagged(id, "Ada").await,
        What::Tagged => tagged(id, "Ada").await,
    };
    black_box(user);
}

/// Calls per second with so many callers at once.
async fn throughput(what: What, callers: u64, bare: &MultiplexedConnection) -> f64 {
    let calls = if callers == 1 { 3_000 } else { 24_000 };
    let each = calls / callers;
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let mut bare = bare.clone();
            tokio::spawn(async move {
                for step in 0..each {
                    let id = (caller * 7_919 + step) % KEYS;
                    call(what, &mut bare, id).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = (each * callers) as f64 / began.elapsed().as_secs_f64();
    rate
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn hits(bare: &MultiplexedConnection) {
    println!("throughput against bare GET + decode (goal)");
    let only: Option<u64> = std::env::var("CALLERS").ok().and_then(|n| n.parse().ok());
    for (callers, goals) in [
        (1, [1.0, 0.9]),
        (8, [0.95, 0.85]),
        (64, [1.5, 1.3]),
        (1_024, [2.5, 2.2]),
    ] {
        if only.is_some_and(|only| only != callers) {
            continue;
        }
        let mut rates = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (rates, what) in rates
                .iter_mut()
                .zip([What::Bare, What::Untagged, What::Tagged])
            {
                rates.push(throughput(what, callers, bare).await);
            }
        }
        let [bare, untagged, tagged] = rates.map(median);
        println!(
            "{callers:5} callers: no tag {:.2} ({}), 2 tags {:.2} ({}); bare {:.0}/s",
            untagged / bare,
            goals[0],
            tagged / bare,
            goals[1],
            bare
        );
    }
}

/// A miss with its lease, against `GET` and `SET`; a batch of hits, against one `MGET`.
async fn misses_and_batches(bare: &MultiplexedConnection) {
    let policy = Policy::ttl(Duration::from_secs(3_600))
        .tags(["t"])
        .not_local();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut many, mut mget) = (Vec::new(), Vec::new());
    let mut connection = bare.clone();
    let mut next = 0_u64;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..300 {
            next += 1;
            let key = Key::<User>::new("miss", &(next,));
            let load = || async { Ok::<_, Infallible>(User::of(next, "Ada")) };
            black_box(cache().get_or_load(&key, &policy, load).await).ok();
        }
        ours.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        for _ in 0..300 {
            next += 1;
            let key = format!("miss:{next}");
            let found: Option<Vec<u8>> = redis::cmd("GET")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .expect("a reply");
            assert!(found.is_none());
            let bytes = rmp_serde::to_vec_named(&User::of(next, "Ada")).expect("bytes");
            let _: () = redis::cmd("SET")
                .arg((&key, bytes, "PX", 3_600_000))
                .query_async(&mut connection)
                .await
                .expect("a reply");
        }
        theirs.push(began.elapsed().as_secs_f64());

        let ids: Vec<u64> = (0..100).collect();
        let began = Instant::now();
        for _ in 0..100 {
            black_box(batch(ids.clone()).await);
        }
        many.push(began.elapsed().as_secs_f64());
        let keys: Vec<String> = ids.iter().map(|id| format!("plain:{id}")).collect();
        let began = Instant::now();
        for _ in 0..100 {
            let found: Vec<Vec<u8>> = redis::cmd("MGET")
                .arg(&keys)
                .query_async(&mut connection)
                .await
                .expect("a reply");
            let users: HashMap<u64, User> = found
                .iter()
                .map(|bytes| rmp_serde::from_slice::<User>(bytes).expect("a user"))
                .map(|user| (user.id, user))
                .collect();
            black_box(users);
        }
        mget.push(began.elapsed().as_secs_f64());
    }
    println!(
        "cold miss against GET, SET: {:.2} (1.7)",
        median(ours) / median(theirs)
    );
    println!(
        "batch of 100 against MGET: {:.2} (1.2)",
        median(many) / median(mget)
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = Arc::new(Server::start());
    runtime.block_on(async {
        let client = redis::Client::open(&*server.url).expect("a client");
        let mut bare = None;
        for _ in 0..500 {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => {
                    bare = Some(connection);
                    break;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        let mut bare = bare.expect("the server answers");
        let cache = Cache::builder()
            .redis(&*server.url)
            .build()
            .await
            .expect("good settings");
        CACHE.set(cache).ok();
        for id in 0..KEYS {
            let bytes = rmp_serde::to_vec_named(&User::of(id, "Ada")).expect("bytes");
            let _: () = redis::cmd("SET")
                .arg((format!("plain:{id}"), bytes))
                .query_async(&mut bare)
                .await
                .expect("a reply");
            untagged(id, "Ada").await;
            tagged(id, "Ada").await;
        }
        batch((0..100).collect()).await;
        let arguments: Vec<String> = std::env::args().collect();
        if let Some(at) = arguments.iter().position(|argument| argument == "--loop") {
            let what = match &*arguments[at + 1] {
                "bare" => What::Bare,
                "untagged" => What::Untagged,
                _ => What::Tagged,
            };
            let calls = arguments[at + 2].parse().expect("a number");
            for id in 0..calls {
                call(what, &mut bare, id % KEYS).await;
            }
            return;
        }
        hits(&bare).await;
        misses_and_batches(&bare).await;
        let stats = cache_stats();
        assert_eq!(stats, (0, 0), "corrupt and unshared");
    });
}

fn cache_stats() -> (u64, u64) {
    let total = cache().stats().total;
    (total.corrupt, total.unshared)
}
