//! R12, R13: a server that is gone, or hangs, or is hard to understand, costs loads and little time.

use std::time::{Duration, Instant};

use cache_aside::{Cache, Coherence, ErrorKind, HealthStatus, Outcome};

use super::depot::{Depot, Instance};
use super::eventually;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

/// How long a call may wait for the store.
const STORE: Duration = Duration::from_millis(300);
const CALLS: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outage {
    Killed,
    Stopped,
    Refused,
    BlackHole,
    RepliesLost,
    Truncated,
}

struct Scene {
    server: Server,
    road: Proxy,
    depot: Depot,
    /// Uses the road.
    cut_off: Instance,
    /// Does not.
    other: Instance,
}

async fn impatient(url: &str, depot: &Depot) -> Instance {
    let builder = Cache::builder().namespace("fleet").redis(url);
    let builder = builder.coherence(Coherence::Strict);
    Instance::with(builder.read_timeout(STORE).write_timeout(STORE), depot).await
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let road = Proxy::start(&server).await;
        let depot = Depot::new();
        let cut_off = impatient(&road.url(), &depot).await;
        let other = Instance::new(&server.url(), &depot).await;
        cut_off.settles_on("item", 1, 1).await;
        other.settles_on("item", 1, 1).await;
        Self {
            server,
            road,
            depot,
            cut_off,
            other,
        }
    }

    async fn begin(&self, outage: Outage) {
        match outage {
            Outage::Killed => self.server.kill(),
            Outage::Stopped => self.server.stop(),
            Outage::Refused => {
                self.road.set(Mode::Refuse).await;
                self.road.cut().await;
            }
            Outage::BlackHole => self.road.set(Mode::BlackHole).await,
            Outage::RepliesLost => self.road.set(Mode::LoseReplies).await,
            Outage::Truncated => self.road.set(Mode::Truncate(3)).await,
        }
    }

    async fn end(&self, outage: Outage) {
        match outage {
            Outage::Killed => self.server.restart().await,
            Outage::Stopped => self.server.cont(),
            _ => self.road.set(Mode::Pass).await,
        }
    }
}

async fn costs_loads_and_little_time(outage: Outage) {
    let scene = Scene::new().await;
    let (on, depot) = (&scene.cut_off, &scene.depot);
    scene.begin(outage).await;
    let version = depot.write();
    let before = depot.loads();
    let start = Instant::now();
    for id in 0..u64::from(CALLS) {
        assert_eq!(on.call("item", 100 + id).await, version.to_string());
    }
    let took = start.elapsed();
    assert!(took < STORE * 2, "{CALLS} calls: {took:?}");
    assert_eq!(depot.loads() - before, u64::from(CALLS));
    assert_eq!(
        on.call("item", 1).await,
        version.to_string(),
        "nothing unproven is served"
    );
    let health = on.cache.health().await;
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(!health.reasons.is_empty());

    let failed = on.invalidate("tag", "item", 1).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Pending);
    let failed = on.invalidate("key", "item", 2).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Pending);
    assert_eq!(on.call("item", 1).await, version.to_string());

    scene.end(outage).await;
    on.settles_on("item", 1, version).await;
    assert_eq!(
        scene.other.call("item", 1).await,
        version.to_string(),
        "the invalidation was done before the first answer of the store"
    );
    eventually("all is well", async || {
        on.cache.health().await.status == HealthStatus::Healthy
    })
    .await;
}

#[tokio::test]
async fn r12_a_server_that_is_killed_costs_loads_and_little_time() {
    costs_loads_and_little_time(Outage::Killed).await;
}

#[tokio::test]
async fn r12_a_server_that_refuses_costs_loads_and_little_time() {
    costs_loads_and_little_time(Outage::Refused).await;
}

#[tokio::test]
async fn r12_replies_cut_short_cost_loads_and_little_time() {
    costs_loads_and_little_time(Outage::Truncated).await;
}

#[tokio::test]
async fn r13_a_server_that_hangs_costs_loads_and_little_time() {
    costs_loads_and_little_time(Outage::Stopped).await;
}

#[tokio::test]
async fn r13_a_road_that_is_a_black_hole_costs_loads_and_little_time() {
    costs_loads_and_little_time(Outage::BlackHole).await;
}

#[tokio::test]
async fn r13_replies_that_are_lost_cost_loads_and_little_time() {
    costs_loads_and_little_time(Outage::RepliesLost).await;
}

/// The network breaks in the middle of things, again and again, and is there in between.
#[tokio::test]
async fn r12_connections_that_break_anywhere_change_no_answer() {
    let scene = Scene::new().await;
    let on = &scene.cut_off;
    for bytes in [0, 1, 40, 200, 700, 3_000, 9_000, 20_000] {
        scene.road.set(Mode::Truncate(bytes)).await;
        for _ in 0..3 {
            let version = scene.depot.write();
            // Done or owed: in this process it is in force either way.
            let _ = on.invalidate("tag", "item", 1).await;
            for _ in 0..3 {
                assert_eq!(on.call("item", 1).await, version.to_string(), "{bytes}");
            }
            scene.road.cut().await;
            assert_eq!(on.call("item", 1).await, version.to_string(), "{bytes}");
        }
    }
    scene.road.set(Mode::Pass).await;
    let version = scene.depot.write();
    let _ = on.invalidate("tag", "item", 1).await;
    on.settles_on("item", 1, version).await;
    assert_eq!(scene.other.call("item", 1).await, version.to_string());
}

#[tokio::test]
async fn a_cache_begins_without_its_server_and_uses_it_when_it_is_there() {
    let server = Server::start().await;
    let depot = Depot::new();
    server.kill();
    let on = impatient(&server.url(), &depot).await;
    let health = on.cache.health().await;
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(!health.reasons.is_empty());
    assert_eq!(on.call("item", 1).await, "1");
    assert_eq!(on.call("item", 1).await, "1");
    assert_eq!(depot.loads(), 2);

    server.restart().await;
    on.settles_on("item", 1, 1).await;
    // What hears of others' loads connects by itself.
    eventually("all is well", async || {
        on.cache.health().await.status == HealthStatus::Healthy
    })
    .await;
    let before = depot.loads();
    let other = Instance::new(&server.url(), &depot).await;
    assert_eq!(other.report("item", 1).await.1.outcome, Outcome::Hit);
    assert_eq!(depot.loads(), before);
}

#[tokio::test]
async fn r13_a_server_that_is_slow_is_used_by_many_readers_at_once() {
    let scene = Scene::new().await;
    scene.road.set(Mode::Delay(STORE / 3)).await;
    let mut readers = tokio::task::JoinSet::new();
    for turn in 0..20u32 {
        let on = scene.cut_off.clone();
        readers.spawn(async move {
            tokio::time::sleep(STORE / 20 * turn).await;
            let mut hits = 0;
            for _ in 0..4 {
                hits += u32::from(on.report("item", 1).await.1.outcome == Outcome::Hit);
            }
            hits
        });
    }
    let hits: u32 = readers.join_all().await.into_iter().sum();
    assert!(hits >= 72, "{hits} of 80");
}
