//! Whether a store is used that fails again and again: what is sent to it, and what is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cache_aside::remote::double::{Op, Trouble};
use cache_aside::remote::redis::{RedisRemote, RedisSettings};
use cache_aside::remote::{
    Cell, DoubleServer, EntryName, Fault, Part, Read, Reading, Remote, Status, Turn,
};
use cache_aside::{
    BreakerState, Cache, CacheExt, Coherence, ErrorKind, HealthStatus, Key, Outcome, Policy,
};

use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;
use crate::support::{MINUTE, SECOND, eventually, until};

/// How long an operation may take.
const STORE: Duration = Duration::from_millis(150);

/// A source whose value is a version number, and two caches in front of it: one over the road, one
/// beside it.
struct Scene {
    server: Server,
    road: Proxy,
    version: AtomicU64,
    cut_off: Cache,
    other: Cache,
}

async fn cache(url: String, limit: Duration) -> Cache {
    let builder = Cache::builder().namespace("breaker").redis(url);
    let builder = builder.coherence(Coherence::Strict);
    let builder = builder.read_timeout(limit).write_timeout(limit);
    builder.build().await.unwrap()
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let road = Proxy::start(&server).await;
        let scene = Self {
            cut_off: cache(road.url(), STORE).await,
            other: cache(server.url(), 5 * SECOND).await,
            version: AtomicU64::new(1),
            server,
            road,
        };
        scene.settles().await;
        scene
    }

    async fn call(&self, cache: &Cache) -> (u64, Outcome) {
        let key = Key::<u64>::new("breaker.item", &());
        let policy = Policy::ttl(MINUTE);
        let load = || async { Ok::<_, std::io::Error>(self.version.load(SeqCst)) };
        let call = cache.get_or_load(&key, &policy, load);
        let (value, report) = call.with_cache_report().await;
        (value.unwrap(), report.outcome)
    }

    fn state(&self) -> BreakerState {
        self.cut_off.stats().breaker.unwrap()
    }

    /// Until the store answers, and the breaker says so.
    async fn settles(&self) {
        let version = self.version.load(SeqCst);
        eventually("a hit", async || {
            self.call(&self.cut_off).await == (version, Outcome::Hit)
        })
        .await;
        assert_eq!(self.state(), BreakerState::Closed);
    }

    /// One caller after the other, until so many operations were sent. How often it opened, and how many
    /// called.
    async fn suffers(&self, operations: u64) -> (u64, u64) {
        let mut seen = Vec::new();
        let (opened, mut calls) = (self.cut_off.stats().breaker_opened, 0);
        self.road.reset_counts();
        eventually("the operations are sent", async || {
            assert_eq!(self.call(&self.cut_off).await.0, 1);
            calls += 1;
            let state = self.state();
            if seen.last() != Some(&state) {
                seen.push(state);
            }
            self.road.operations() >= operations
        })
        .await;
        assert!(seen.contains(&BreakerState::Open), "{seen:?}");
        (self.cut_off.stats().breaker_opened - opened, calls)
    }

    async fn health(&self) -> (HealthStatus, String) {
        let health = self.cut_off.health().await;
        (health.status, health.reasons.join("; "))
    }
}

/// Operations get no answer in time, and heartbeats do, on the same connection or on the next.
async fn costs_a_bounded_number_of_time_outs(mode: Mode) {
    let scene = Scene::new().await;
    assert_eq!(scene.cut_off.stats().breaker_opened, 0);
    scene.road.set(mode).await;
    let (opened, calls) = scene.suffers(5).await;
    let sent = scene.road.operations();
    // A heartbeat and the operation behind it may both find that a connection is lost.
    assert!(sent <= opened && opened <= 2 * sent, "{sent}: {opened}");
    assert!(calls > 5 * sent, "{sent} of {calls} calls were sent");
    let (status, said) = scene.health().await;
    assert_eq!(status, HealthStatus::Degraded);
    assert!(said.contains("circuit breaker"), "{said}");

    until("it is tried", || scene.state() == BreakerState::HalfOpen).await;
    scene.road.set(Mode::Pass).await;
    scene.settles().await;
    let opened = scene.cut_off.stats().breaker_opened;
    scene.settles().await;
    assert_eq!(scene.cut_off.stats().breaker_opened, opened);
    until_healthy(&scene.cut_off).await;
}

async fn until_healthy(cache: &Cache) {
    eventually("all is well", async || {
        cache.health().await.status == HealthStatus::Healthy
    })
    .await;
}

#[tokio::test]
async fn operations_that_are_too_slow_cost_one_time_out_for_each_pause() {
    costs_a_bounded_number_of_time_outs(Mode::OperationsSlow(STORE * 3 / 2)).await;
}

#[tokio::test]
async fn a_server_that_takes_connections_and_hangs_costs_one_time_out_for_each_pause() {
    costs_a_bounded_number_of_time_outs(Mode::OperationsHang).await;
}

#[tokio::test]
async fn what_is_owed_is_done_before_the_first_hit_and_half_open_is_seen_meanwhile() {
    let scene = Scene::new().await;
    assert_eq!(scene.call(&scene.other).await, (1, Outcome::Hit));
    scene.road.set(Mode::OperationsHang).await;
    scene.suffers(3).await;
    scene.version.store(2, SeqCst);
    let undone = scene.cut_off.invalidate_prefix("breaker.item").await;
    assert_eq!(undone.unwrap_err().kind(), ErrorKind::Pending);

    // What is owed is what is tried.
    let sent = scene.road.operations();
    until("the next pause is over", || scene.road.operations() > sent).await;
    scene.road.set(Mode::Pass).await;
    let mut seen = Vec::new();
    eventually("a hit", async || {
        let before = scene.state();
        seen.push(before);
        let (value, outcome) = scene.call(&scene.cut_off).await;
        assert_eq!(value, 2, "{seen:?}");
        if outcome == Outcome::Hit {
            assert_eq!(scene.state(), BreakerState::Closed);
        }
        outcome == Outcome::Hit
    })
    .await;
    assert!(seen.contains(&BreakerState::HalfOpen), "{seen:?}");
    assert_eq!(scene.call(&scene.other).await.0, 2);
}

#[tokio::test]
async fn while_something_is_owed_the_breaker_is_half_open() {
    let server = DoubleServer::new(3);
    let (store, other) = (Arc::new(server.connect()), server.connect());
    let cache = Cache::builder().remote(store.clone());
    let cache = cache.build().await.unwrap();
    assert_eq!(cache.stats().breaker, Some(BreakerState::Closed));
    store.begin(Trouble::LoseReply, &[Op::Rotate]);
    cache.invalidate_tag("t").await.unwrap_err();
    assert_eq!(cache.stats().breaker, Some(BreakerState::HalfOpen));
    let said = cache.health().await.reasons.join("; ");
    assert!(said.contains("half-open"), "{said}");
    let shown = serde_json::to_value(cache.stats()).unwrap();
    assert_eq!(shown["breaker"], "half-open");

    server.go_down();
    assert_eq!(cache.stats().breaker, Some(BreakerState::Open));
    let said = cache.health().await.reasons.join("; ");
    assert!(said.contains("circuit breaker open"), "{said}");
    server.come_up();
    store.cut();
    store.cut();
    assert_eq!(
        (cache.stats().breaker_opened, other.breaker_opened()),
        (2, 1)
    );
    store.mend();
    store.end(Trouble::LoseReply);
    until("nothing is owed", || {
        cache.stats().breaker == Some(BreakerState::Closed)
    })
    .await;
    assert!(Cache::in_process().stats().breaker.is_none());
}

async fn remote(url: String, change: impl FnOnce(&mut RedisSettings)) -> Arc<RedisRemote> {
    let mut settings = RedisSettings::new(url, "breaker");
    change(&mut settings);
    RedisRemote::start(settings).await.unwrap()
}

async fn read(remote: &RedisRemote) -> Result<Reading, Fault> {
    let entries = vec![(EntryName::new("n"), Part::Whole)];
    let cells = Vec::new();
    remote.read(Read { entries, cells }).await
}

#[tokio::test]
async fn who_is_tried_first_and_goes_away_leaves_its_place() {
    let server = Server::start().await;
    let road = Proxy::start(&server).await;
    let remote = remote(road.url(), |settings| {
        settings.read_timeout = 30 * SECOND;
        settings.write_timeout = STORE;
    })
    .await;
    road.set(Mode::OperationsSlow(STORE * 2)).await;
    for _ in 0..2 {
        until("heartbeats pass", || {
            remote.breaker() == BreakerState::Closed
        })
        .await;
        let removed = remote.remove(vec![EntryName::new("n")], Turn::keeping(MINUTE));
        let lost = removed.await;
        assert!(matches!(lost, Err(Fault::Lost(_))), "{lost:?}");
    }
    let refused = read(&remote).await.unwrap_err();
    assert!(matches!(refused, Fault::Unavailable(_)), "{refused:?}");
    until("the pause is over", || {
        remote.breaker() == BreakerState::HalfOpen
    })
    .await;

    road.set(Mode::OperationsHang).await;
    road.reset_counts();
    let tried = {
        let remote = Arc::clone(&remote);
        tokio::spawn(async move { read(&remote).await })
    };
    until("it is sent", || road.operations() == 1).await;
    for _ in 0..20 {
        let refused = read(&remote).await.unwrap_err().to_string();
        assert!(refused.contains("tried first"), "{refused}");
    }
    assert_eq!(road.operations(), 1);
    let Status::Degraded(why) = remote.status() else {
        panic!("{:?}", remote.status());
    };
    assert!(why.contains("one operation at a time"), "{why}");
    tried.abort();
    assert!(tried.await.unwrap_err().is_cancelled());
    road.set(Mode::Pass).await;
    read(&remote).await.expect("it is the next to be tried");
    assert_eq!(remote.breaker(), BreakerState::Closed);
    assert_eq!(remote.breaker_opened(), 2);
}

#[tokio::test]
async fn a_server_that_refuses_is_used_on() {
    let server = Server::start().await;
    let remote = remote(server.url(), |_| {}).await;
    let mut admin = server.admin().await;
    redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .exec_async(&mut admin)
        .await
        .unwrap();
    for _ in 0..5 {
        let cells = vec![Cell::Tag("t".into())];
        let refused = remote.ensure(cells, Vec::new(), MINUTE).await.unwrap_err();
        assert!(matches!(refused, Fault::Refused(_)), "{refused:?}");
        read(&remote).await.unwrap();
    }
    assert_eq!(remote.breaker(), BreakerState::Closed);
    assert_eq!(remote.breaker_opened(), 0);
}

#[tokio::test]
async fn a_connection_that_is_lost_opens_once_and_closes_when_it_is_back() {
    let scene = Scene::new().await;
    scene.server.kill();
    until("it is noticed", || scene.state() == BreakerState::Open).await;
    let reasons = scene.health().await.1;
    assert!(reasons.contains("(circuit breaker open)"), "{reasons}");
    for _ in 0..100 {
        assert_eq!(scene.call(&scene.cut_off).await.0, 1);
    }
    assert_eq!(scene.cut_off.stats().breaker_opened, 1);
    scene.server.restart().await;
    scene.settles().await;
    assert_eq!(scene.cut_off.stats().breaker_opened, 1);
}

#[tokio::test]
async fn health_says_that_announcements_are_not_heard() {
    let server = Server::start().await;
    let cache = cache(server.url(), 5 * SECOND).await;
    until_healthy(&cache).await;
    let mut admin = server.admin().await;
    let acl = |channels| {
        let mut acl = redis::cmd("ACL");
        acl.arg(&["SETUSER", "default", channels]);
        acl
    };
    acl("resetchannels").exec_async(&mut admin).await.unwrap();
    // Whether the server has ended it by itself, for the right that it lost, depends on its version.
    let mut kill = redis::cmd("CLIENT");
    kill.arg(&["KILL", "TYPE", "pubsub"]);
    kill.exec_async(&mut admin).await.unwrap();
    eventually("it is said", async || {
        let health = cache.health().await;
        let said = health.reasons.iter();
        let mut said = said.filter(|why| why.contains("loads of other processes"));
        said.next().is_some() && health.status == HealthStatus::Degraded
    })
    .await;
    assert_eq!(cache.stats().breaker, Some(BreakerState::Closed));
    acl("allchannels").exec_async(&mut admin).await.unwrap();
    until_healthy(&cache).await;
}
