//! R9: a server that loses what it was told, and forgets or repeats itself, brings nothing back.

use cache_aside::{HealthStatus, Outcome};

use super::depot::{Depot, Instance};
use super::eventually;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

/// Two caches, and the server behind a front that can lead to another.
struct Scene {
    server: Server,
    front: Proxy,
    depot: Depot,
    caches: [Instance; 2],
}

impl Scene {
    async fn before(server: Server) -> Self {
        let front = Proxy::start(&server).await;
        let depot = Depot::new();
        let caches = [
            Instance::new(&front.url(), &depot).await,
            Instance::new(&front.url(), &depot).await,
        ];
        Self {
            server,
            front,
            depot,
            caches,
        }
    }

    /// Both have the first version, in the server and in the process.
    async fn filled(&self) {
        for cache in &self.caches {
            cache.settles_on("item", 1, 1).await;
            let (_, report) = cache.report("item", 1).await;
            assert_eq!(report.outcome, Outcome::Hit);
        }
        assert_eq!(self.depot.loads(), 1);
    }

    /// The second version is there, and the first invalidated.
    async fn overtaken(&self) {
        self.depot.write();
        let [_, second] = &self.caches;
        second.invalidate("tag", "item", 1).await.unwrap();
    }

    /// Those who were there and one who was not see the second version only.
    async fn nothing_comes_back(&self) {
        let newcomer = Instance::new(&self.front.url(), &self.depot).await;
        let [first, second] = &self.caches;
        tokio::join!(
            newcomer.settles_on("item", 1, 2),
            first.settles_on("item", 1, 2),
            second.settles_on("item", 1, 2),
        );
    }
}

#[tokio::test]
async fn r9_eviction_of_tokens_brings_nothing_back() {
    for pattern in ["fleet:t:*", "*"] {
        let scene = Scene::before(Server::start().await).await;
        scene.filled().await;
        scene.overtaken().await;
        scene.server.evict(pattern).await;
        scene.nothing_comes_back().await;
        // What is invalidated when its token is gone already is invalidated, too.
        scene.server.evict(pattern).await;
        let [first, second] = &scene.caches;
        let version = scene.depot.write();
        second.invalidate("tag", "item", 1).await.unwrap();
        scene.server.evict(pattern).await;
        first.settles_on("item", 1, version).await;
    }
}

#[tokio::test]
async fn r9_eviction_during_a_load_brings_nothing_back() {
    for flushed in [false, true] {
        let scene = Scene::before(Server::start().await).await;
        let [first, _] = &scene.caches;
        first.hold();
        let running = tokio::spawn({
            let first = first.clone();
            async move { first.call("item", 1).await }
        });
        first.loading().await;
        scene.overtaken().await;
        if flushed {
            scene.server.flush().await;
        } else {
            assert!(scene.server.evict("fleet:t:*").await > 0);
        }
        first.let_go();
        assert_eq!(running.await.unwrap(), "1");
        scene.nothing_comes_back().await;
    }
}

#[tokio::test]
async fn r9_a_flush_brings_nothing_back() {
    let scene = Scene::before(Server::start().await).await;
    scene.filled().await;
    scene.overtaken().await;
    scene.server.flush().await;
    scene.nothing_comes_back().await;
}

#[tokio::test]
async fn r9_a_restart_from_an_old_snapshot_brings_nothing_back() {
    let scene = Scene::before(Server::start().await).await;
    scene.filled().await;
    let snapshot = scene.server.save_snapshot().await;
    scene.overtaken().await;
    scene.server.restore_snapshot(&snapshot).await;
    assert!(
        !scene.server.keys("fleet:v:*").await.is_empty(),
        "the old entry is there again"
    );
    scene.nothing_comes_back().await;
}

#[tokio::test]
async fn r9_a_replica_without_the_last_writes_brings_nothing_back() {
    let primary = Server::start().await;
    let link = Proxy::start(&primary).await;
    let replica = Server::options().replica_of_port(link.port()).start().await;
    let scene = Scene::before(primary).await;
    scene.filled().await;
    scene.server.replicated().await;
    link.set(Mode::BlackHole).await;
    scene.overtaken().await;
    scene.server.kill();
    replica.promote().await;
    assert!(
        !replica.keys("fleet:v:*").await.is_empty(),
        "the old entry is there"
    );
    scene.front.retarget(&replica);
    scene.front.cut().await;
    scene.nothing_comes_back().await;
}

#[tokio::test]
async fn r9_a_load_that_outlives_its_master_brings_nothing_back() {
    let primary = Server::start().await;
    let link = Proxy::start(&primary).await;
    let replica = Server::options().replica_of_port(link.port()).start().await;
    let scene = Scene::before(primary).await;
    let [first, _] = &scene.caches;
    first.hold();
    let running = tokio::spawn({
        let first = first.clone();
        async move { first.call("item", 1).await }
    });
    first.loading().await;
    // The replica has the lease and the tokens, and is not told that one of them changes.
    scene.server.replicated().await;
    link.set(Mode::BlackHole).await;
    scene.overtaken().await;
    scene.server.kill();
    replica.promote().await;
    scene.front.retarget(&replica);
    scene.front.cut().await;
    eventually("the new master is used", async || {
        first.invalidate("tag", "item", 2).await.is_ok()
    })
    .await;
    first.let_go();
    assert_eq!(running.await.unwrap(), "1");
    scene.nothing_comes_back().await;
}

#[tokio::test]
async fn r9_a_demoted_master_is_not_read_on_an_open_connection() {
    // Before: the first replica that comes begins a new life of its master.
    let primary = Server::start().await;
    let other = Server::options().replica_of(&primary).start().await;
    let silent = Proxy::start(&other).await;
    let scene = Scene::before(primary).await;
    scene.filled().await;
    let newcomer = Instance::new(&scene.front.url(), &scene.depot).await;
    scene.server.replicated().await;

    other.promote().await;
    let elsewhere = Instance::new(&other.url(), &scene.depot).await;
    let version = scene.depot.write();
    elsewhere.invalidate("tag", "item", 1).await.unwrap();
    // It follows the new master from now on, and does not hear from it: it has what it had.
    silent.set(Mode::BlackHole).await;
    demote(&scene.server, silent.port()).await;
    let [first, second] = &scene.caches;
    for cache in [&newcomer, first, second] {
        assert_eq!(cache.call("item", 1).await, version.to_string());
    }
    assert!(
        !scene.server.keys("fleet:v:*").await.is_empty(),
        "it has what it had"
    );

    scene.front.retarget(&other);
    scene.front.cut().await;
    scene.nothing_comes_back().await;
}

#[tokio::test]
async fn r9_two_changes_of_roles_and_a_lost_backlog_bring_nothing_back() {
    let primary = Server::options()
        .args(["--repl-backlog-ttl", "1"])
        .start()
        .await;
    let link = Proxy::start(&primary).await;
    let replica = Server::options().replica_of_port(link.port()).start().await;
    let scene = Scene::before(primary).await;
    scene.filled().await;
    scene.server.replicated().await;
    link.set(Mode::BlackHole).await;
    scene.overtaken().await;

    replica.promote().await;
    scene.server.replica_of(&replica).await;
    // Both changes between two checks of a connection, a quarter of a second apart, pass unseen.
    for cache in &scene.caches {
        eventually("the change is noticed", async || {
            cache.cache.health().await.status == HealthStatus::Degraded
        })
        .await;
    }
    scene.server.promote().await;
    assert!(
        !scene.server.keys("fleet:v:*").await.is_empty(),
        "the old entry is there again"
    );
    scene.nothing_comes_back().await;

    // The same entry once more, and no trace of the change of roles.
    drop(replica);
    eventually("the backlog is dropped", async || {
        let mut admin = scene.server.admin().await;
        let told: String = redis::cmd("INFO")
            .arg("replication")
            .query_async(&mut admin)
            .await
            .unwrap();
        told.contains("repl_backlog_active:0")
    })
    .await;
    scene.nothing_comes_back().await;
}

/// Makes it a replica of a port where nobody answers, and returns at once.
async fn demote(server: &Server, port: u16) {
    let mut admin = server.admin().await;
    let mut command = redis::cmd("REPLICAOF");
    command.arg("127.0.0.1").arg(port);
    command.query_async::<()>(&mut admin).await.unwrap();
}
