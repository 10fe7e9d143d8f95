//! Makes calls of one kind, which are what a tool that counts instructions sees in `measured`.
//!
//! `counted <variant> <calls> [<url of a server>]`; the variants are those of `expected.txt`. Everything runs on
//! one thread, and everything else (loads, connections, the pushes of the server) is over before.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_aside::{Cache, Coherence, cache_aside};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// 217 bytes as JSON.
#[derive(Clone, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
    about: String,
    id: u64,
    created: i64,
    score: f64,
}

/// How often a body ran.
static LOADS: AtomicU64 = AtomicU64::new(0);

impl User {
    fn load(id: u64, name: &str) -> Self {
        LOADS.fetch_add(1, Relaxed);
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

/// Of this process alone.
static ALONE: LazyLock<Cache> =
    LazyLock::new(|| ready(Cache::builder().build()).expect("good settings"));

/// The one that is shared, set by `main` where a server is named.
static SHARED: OnceLock<Cache> = OnceLock::new();

fn shared() -> &'static Cache {
    SHARED.get().expect("the url of a server")
}

/// The functions under test: the same but for tiers, tags and the type of their value.
mod cached {
    use super::{ALONE, Arc, HashMap, User, cache_aside, shared};

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *ALONE)]
    pub(super) async fn clone(id: u64, name: &str) -> User {
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *ALONE)]
    pub(super) async fn arc(id: u64, name: &str) -> Arc<User> {
        Arc::new(User::load(id, name))
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *ALONE)]
    pub(super) async fn joined(id: u64, name: &str) -> User {
        super::held().await;
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = shared())]
    pub(super) async fn trusted_clone(id: u64, name: &str) -> User {
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = shared())]
    pub(super) async fn trusted_arc(id: u64, name: &str) -> Arc<User> {
        Arc::new(User::load(id, name))
    }

    #[cache_aside(ttl = "1h", local = false, cache = shared())]
    pub(super) async fn remote_untagged(id: u64, name: &str) -> User {
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], local = false, cache = shared())]
    pub(super) async fn remote_tagged(id: u64, name: &str) -> User {
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["users"], local = false, cache = shared())]
    pub(super) async fn cold_miss(id: u64, name: &str) -> User {
        User::load(id, name)
    }

    #[cache_aside(ttl = "1h", local = false, each = ids, cache = shared())]
    pub(super) async fn batch_of_100(ids: Vec<u64>) -> HashMap<u64, User> {
        ids.into_iter()
            .map(|id| (id, User::load(id, "Ada")))
            .collect()
    }
}

/// What the tool is told to count: this, and what it calls.
#[inline(never)]
fn measured(calls: &mut dyn FnMut()) {
    calls();
}

/// A hit in this process is ready at the first poll.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a hit does not wait"),
    }
}

const NAME: &str = "name-0000";
/// Calls before those that are counted.
const WARM: u64 = 50;

/// Hits in this process, with no runtime.
fn hits<R, F: Future<Output = R>>(calls: u64, call: impl Fn(u64, &'static str) -> F) {
    let many = |calls| {
        for _ in 0..calls {
            black_box(ready(call(black_box(0), black_box(NAME))));
        }
    };
    many(1_000);
    LOADS.store(0, Relaxed);
    measured(&mut || many(calls));
    assert_eq!(LOADS.load(Relaxed), 0, "not all were hits");
}

/// Whether loads are let go on.
static LET_GO: AtomicBool = AtomicBool::new(false);

/// Waits, and has itself woken by nobody: who polls knows when.
fn held() -> impl Future<Output = ()> {
    poll_fn(|_| {
        if LET_GO.load(Relaxed) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

/// Calls that wait for one load. Each is boxed, which is counted, too.
fn joined(calls: u64) {
    let mut context = Context::from_waker(Waker::noop());
    let call = |_| Box::pin(cached::joined(black_box(0), black_box(NAME)));
    let mut leader = call(0);
    assert!(leader.as_mut().poll(&mut context).is_pending());
    measured(&mut || {
        let mut callers: Vec<_> = (0..calls).map(call).collect();
        for caller in &mut callers {
            assert!(caller.as_mut().poll(&mut context).is_pending());
        }
        LET_GO.store(true, Relaxed);
        assert!(leader.as_mut().poll(&mut context).is_ready());
        for caller in callers {
            black_box(ready(caller));
        }
    });
    assert_eq!(LOADS.load(Relaxed), 1, "not all have joined");
}

/// Calls that wait for the server, one after the other; each has a load, or none has.
fn trips<R, F: Future<Output = R>>(
    runtime: &Runtime,
    calls: u64,
    loads: u64,
    call: impl Fn(u64) -> F,
) {
    let many = |first: u64, calls: u64| {
        LOADS.store(0, Relaxed);
        runtime.block_on(async {
            for id in first..first + calls {
                black_box(call(black_box(id)).await);
            }
        });
    };
    many(0, WARM);
    for _ in 0..1_000 {
        // Before there is a connection nothing is stored.
        if LOADS.load(Relaxed) == 0 {
            break;
        }
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
        many(0, WARM);
    }
    measured(&mut || many(WARM, calls));
    assert_eq!(LOADS.load(Relaxed), loads * calls, "loads");
}

/// Loads the copy and waits until the pushes vouch for it: then a call is ready at once, and again a
/// while later, when what the load itself has changed was heard of.
fn vouched<R, F: Future<Output = R>>(runtime: &Runtime, call: impl Fn(u64, &'static str) -> F) {
    const IN_A_ROW: u32 = 5;
    let mut ready = 0;
    runtime.block_on(async {
        for _ in 0..1_000 {
            let polled = {
                let mut call = pin!(call(0, NAME));
                call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            };
            if polled.is_ready() {
                ready += 1;
            } else {
                ready = 0;
                call(0, NAME).await;
            }
            if ready == IN_A_ROW {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the pushes never vouch for the copy");
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (variant, calls, url) = match &arguments[..] {
        [variant, calls] => (variant, calls, None),
        [variant, calls, url] => (variant, calls, Some(url)),
        _ => panic!("counted <variant> <calls> [<url>]"),
    };
    let calls = calls.parse().expect("a number of calls");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let Some(url) = url {
        let long = Coherence::Bounded(Duration::from_secs(3_600));
        // Under the tool, and beside other tests, everything takes long.
        let patience = Duration::from_secs(20);
        let cache = Cache::builder()
            .redis(url)
            .read_timeout(patience)
            .write_timeout(patience)
            .coherence(long)
            .build();
        let cache = runtime.block_on(cache).expect("good settings");
        assert!(SHARED.set(cache).is_ok(), "set once");
    }
    match variant.as_str() {
        "clone" => hits(calls, cached::clone),
        "arc" => hits(calls, cached::arc),
        "joined" => {
            // Where the time is kept.
            let _inside = runtime.enter();
            joined(calls);
        }
        "trusted-clone" => {
            vouched(&runtime, cached::trusted_clone);
            hits(calls, cached::trusted_clone);
        }
        "trusted-arc" => {
            vouched(&runtime, cached::trusted_arc);
            hits(calls, cached::trusted_arc);
        }
        "remote-untagged" => {
            trips(&runtime, calls, 0, |id| {
                cached::remote_untagged(id % WARM, NAME)
            });
        }
        "remote-tagged" => trips(&runtime, calls, 0, |id| {
            cached::remote_tagged(id % WARM, NAME)
        }),
        "cold-miss" => trips(&runtime, calls, 1, |id| cached::cold_miss(id, NAME)),
        "batch-of-100" => {
            trips(&runtime, calls, 0, |_| {
                cached::batch_of_100((0..100).collect())
            });
        }
        _ => panic!("no variant is called {variant}"),
    }
}
