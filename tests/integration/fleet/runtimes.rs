//! One cache, and the runtimes that come and go around it.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use cache_aside::{Cache, cache_aside};
use tokio::runtime::{Builder, Runtime};

use super::depot::settings;
use crate::support::process::{Child, Parent};
use crate::support::server::Server;

static LOADS: AtomicU64 = AtomicU64::new(0);

/// In the installed cache.
#[cache_aside(ttl = "1m", prefix = "fleet.plain", tags = ["plain:{id}"])]
async fn plain(id: u64) -> u64 {
    LOADS.fetch_add(1, SeqCst);
    id
}

#[tokio::test]
async fn an_installed_cache_outlives_the_runtimes_that_use_it() {
    let server = Server::start().await;
    let mut child = Child::spawn("two_runtimes", &[("URL", &server.url())]).await;
    for runtime in 1..=3 {
        child.expect("used").await;
        let entries = server.keys("fleet:v:*").await.len();
        assert_eq!(entries, runtime, "each has stored what it loaded");
        child.send("go on");
    }
    child.ends_well().await;
}

/// The role of a process that installs a cache and uses it as tests do: each on a runtime of its own.
pub(crate) async fn two_runtimes(mut parent: Parent) {
    let url = parent.env("URL");
    on_a_runtime(async move {
        settings(&url)
            .build()
            .await
            .expect("good settings")
            .install()
            .expect("the first");
    })
    .await;
    for runtime in 1..=3_u64 {
        on_a_runtime(async move {
            let before = LOADS.load(SeqCst);
            for _ in 0..2 {
                // What earlier runtimes loaded, and something new.
                for id in 1..=runtime {
                    assert_eq!(plain(id).await, id);
                }
            }
            assert_eq!(LOADS.load(SeqCst) - before, 1);
            Cache::installed()
                .invalidate_tag("plain:1")
                .await
                .expect("done");
            assert_eq!(plain(1).await, 1);
            assert_eq!(LOADS.load(SeqCst) - before, 2);
        })
        .await;
        parent.send("used");
        parent.expect("go on").await;
    }
}

/// That is gone on return.
async fn on_a_runtime(work: impl Future<Output = ()> + Send + 'static) {
    let run = || -> Runtime {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let done = tokio::task::spawn_blocking(move || run().block_on(work));
    done.await.expect("no panic");
}
