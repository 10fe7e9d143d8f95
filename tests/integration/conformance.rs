//! A real server does what every store must do.

use std::collections::HashMap;
use std::sync::Arc;

use cache_aside::remote::Remote;
use cache_aside::remote::conformance::{CHECKS, Conformance};
use cache_aside::remote::redis::{RedisRemote, RedisSettings};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::server::Server;

/// The checks wait for leases to run out more than they work.
const SIDE_BY_SIDE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_what_every_store_must_do() {
    let server = Server::start().await;
    let url = server.url();
    let connect = move || {
        let mut settings = RedisSettings::new(url.clone(), "conformance");
        // A busy machine is not what is checked.
        settings.read_timeout = settings.write_timeout;
        async {
            let remote = RedisRemote::start(settings).await;
            remote.unwrap() as Arc<dyn Remote>
        }
    };
    let suite = Conformance::new(connect, sleep);
    let suite = Arc::new(suite.that_pushes().that_limits());
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut checks = JoinSet::new();
    let mut names = HashMap::new();
    for check in CHECKS {
        let (suite, places) = (Arc::clone(&suite), Arc::clone(&places));
        let running = checks.spawn(async move {
            let _place = places.acquire().await;
            check.run(&suite).await;
        });
        names.insert(running.id(), check.name());
    }
    let mut failed = Vec::new();
    while let Some(ended) = checks.join_next_with_id().await {
        if let Err(error) = ended {
            failed.push(names[&error.id()]);
        }
    }
    assert!(failed.is_empty(), "{}: {failed:?}", server.version());
}
