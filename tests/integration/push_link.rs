//! The connection on which a server pushes what changes: when copies need not ask, and that they ask again
//! when it is gone, broken, forbidden or mute.

mod order;
mod told;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cache_aside::{Cache, Coherence, Key, Policy};

use crate::support::obtain::Flavor;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;
use crate::support::{MINUTE, SECOND};

const MS: Duration = Duration::from_millis(1);
/// How long an invalidation may take to arrive, where nothing else is said.
const WINDOW: Duration = SECOND;

/// Two processes in one, as far as the cache can tell, and a source.
struct Scene {
    server: Server,
    one: Cache,
    other: Cache,
    version: AtomicU64,
}

async fn cache(url: String) -> Cache {
    let builder = Cache::builder().namespace("push").redis(url);
    builder.build().await.expect("good settings")
}

/// The same, and it keeps a copy: from then on pushes are followed.
async fn following(url: String) -> Cache {
    let cache = cache(url).await;
    let (kept, policy) = (Key::new("kept", &0), Policy::ttl(MINUTE));
    let load = || async { Ok::<_, Infallible>(0_u64) };
    let answer = cache.get_or_load(&kept, &policy, load).await;
    answer.unwrap_or_else(|never| match never {});
    cache
}

impl Scene {
    async fn new() -> Self {
        Self::on(Server::start().await).await
    }

    async fn on(server: Server) -> Self {
        let url = server.url();
        Self::with(server, url).await
    }

    /// The one goes to `url`.
    async fn with(server: Server, url: String) -> Self {
        Self {
            one: following(url).await,
            other: following(server.url()).await,
            server,
            version: AtomicU64::new(1),
        }
    }

    async fn get(&self, id: u64) -> u64 {
        let load = || async { Ok::<_, Infallible>(self.version.load(SeqCst)) };
        let (key, policy) = (key(id), Policy::ttl(MINUTE));
        let answer = self.one.get_or_load(&key, &policy, load).await;
        answer.unwrap_or_else(|never| match never {})
    }

    /// A write, and what the other process does about it. Returns when it is done.
    async fn write(&self, how: usize, id: u64) -> u64 {
        let version = self.version.fetch_add(1, SeqCst) + 1;
        let invalidation = match how % 3 {
            0 => self.other.invalidate(&key(id)),
            1 => self.other.invalidate_prefix("item"),
            _ => self.other.clear(),
        };
        invalidation.await.expect("the server takes it");
        version
    }

    /// What a call sends to the server, checks of connections aside.
    async fn sends(&self, id: u64) -> BTreeMap<String, u64> {
        self.server.reset_stats().await;
        self.get(id).await;
        let mut stats = self.server.command_stats().await;
        stats.retain(|name, _| {
            matches!(
                name.as_str(),
                "mget" | "get" | "getrange" | "evalsha" | "eval"
            )
        });
        stats
    }

    /// Waits until a copy is given without a question.
    async fn trusts(&self) {
        for _ in 0..1_000 {
            self.get(0).await;
            if self.sends(0).await.is_empty() {
                return;
            }
            tokio::time::sleep(MS * 10).await;
        }
        panic!("copies are never trusted: {:?}", self.one.health().await);
    }

    /// Each hit is confirmed, so what was invalidated is never given.
    async fn asks_each_time(&self) {
        for how in 0..6 {
            let version = self.write(how, 0).await;
            assert_eq!(self.get(0).await, version);
            let sent = self.sends(0).await;
            assert!(!sent.is_empty(), "trusted: {sent:?}");
        }
    }

    /// Invalidates, and looks at copies until the window is over.
    async fn follows(&self, how: usize) -> Duration {
        self.get(0).await;
        let version = self.write(how, 0).await;
        let done = Instant::now();
        loop {
            let began = done.elapsed();
            let got = self.get(0).await;
            if got == version {
                return began;
            }
            assert!(began < WINDOW, "older {began:?} after the invalidation");
            tokio::time::sleep(MS).await;
        }
    }

    /// Waits until so many connections are there on which pushes come.
    async fn has_push_clients(&self, count: usize) {
        let start = Instant::now();
        while self.push_clients().await.len() != count {
            assert!(start.elapsed() < SECOND * 20);
            tokio::time::sleep(MS * 10).await;
        }
    }

    /// The ids of connections on which pushes come.
    async fn push_clients(&self) -> Vec<String> {
        push_clients(&self.server).await
    }
}

fn key(id: u64) -> Key<u64> {
    Key::new("item", &id)
}

async fn push_clients(server: &Server) -> Vec<String> {
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut server.admin().await)
        .await
        .unwrap();
    let named = |line: &&str| line.contains(" name=cache-aside-push ");
    let id = |line: &str| Some(line.strip_prefix("id=")?.split(' ').next()?.to_owned());
    list.lines().filter(named).filter_map(id).collect()
}

async fn kill(server: &Server, clients: &[String]) {
    let mut admin = server.admin().await;
    for id in clients {
        let killed: redis::RedisResult<i64> = redis::cmd("CLIENT")
            .arg(&["KILL", "ID", id])
            .query_async(&mut admin)
            .await;
        assert_eq!(killed.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_copy_that_is_trusted_asks_nobody() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let start = Instant::now();
        let server = Server::options().flavor(flavor).start().await;
        let launched = start.elapsed();
        let scene = Scene::on(server).await;
        scene.trusts().await;
        assert!(start.elapsed() - launched < SECOND * 2);
        scene.server.reset_stats().await;
        for _ in 0..1_000 {
            scene.get(0).await;
        }
        let mut stats = scene.server.command_stats().await;
        stats.retain(|name, _| {
            // Beats of three kinds of connections, and this test itself.
            !matches!(
                name.as_str(),
                "ping" | "info" | "time" | "hello" | "exists" | "select"
            ) && !name.contains('|')
        });
        assert!(stats.is_empty(), "{stats:?}");
    }
}

#[tokio::test]
async fn a_cache_that_keeps_no_copies_has_nothing_pushed() {
    let server = Server::start().await;
    let cache = cache(server.url()).await;
    let load = || async { Ok::<_, Infallible>(1_u64) };
    let tagged = Policy::ttl(MINUTE).tags(["t"]);
    let elsewhere = tagged.clone().local(false).stale_if_error(MINUTE);
    for id in 0..100 {
        let answer = cache.get_or_load(&key(id), &elsewhere, load).await;
        assert!(answer.is_ok());
    }
    let all = vec![key(0), key(1)];
    assert!(cache.invalidate_tag("t").await.is_ok());
    for each in &all {
        assert!(cache.put(each, &1, &elsewhere).await.is_ok());
    }
    assert_eq!(push_clients(&server).await.len(), 0);
    assert_eq!(cache.health().await.reasons, Vec::<String>::new());
    // The first function that keeps them.
    assert!(cache.get_or_load(&key(0), &tagged, load).await.is_ok());
    let start = Instant::now();
    while push_clients(&server).await.is_empty() {
        assert!(start.elapsed() < SECOND * 20);
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn what_another_process_invalidates_is_seen_at_once() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let scene = Scene::on(Server::options().flavor(flavor).start().await).await;
        scene.trusts().await;
        let mut slow = 0;
        for how in 0..60 {
            slow += usize::from(scene.follows(how).await > MS * 100);
        }
        assert!(
            slow < 20,
            "{slow} of 60 took longer than a tenth of a second"
        );
        scene.trusts().await;
    }
}

#[tokio::test]
async fn a_strict_cache_has_no_such_connection() {
    let server = Server::start().await;
    let builder = Cache::builder().namespace("push").redis(server.url());
    let strict = builder.coherence(Coherence::Strict).build().await.unwrap();
    let scene = Scene {
        other: following(server.url()).await,
        one: strict,
        server,
        version: AtomicU64::new(1),
    };
    scene.asks_each_time().await;
    // That of the other one.
    scene.has_push_clients(1).await;
}

#[tokio::test]
async fn what_is_missed_while_the_connection_is_gone_is_seen_in_time() {
    let scene = Scene::new().await;
    for how in 0..6 {
        scene.trusts().await;
        kill(&scene.server, &scene.push_clients().await).await;
        scene.follows(how).await;
    }
    scene.trusts().await;
    scene.has_push_clients(2).await;
}

#[tokio::test]
async fn connections_that_end_in_an_orderly_way_are_replaced() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let scene = Scene::with(server, proxy.url()).await;
    for how in 0..3 {
        scene.trusts().await;
        proxy.close().await;
        scene.follows(how).await;
    }
    scene.trusts().await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_not_trusted_for_longer_than_the_window() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let scene = Scene::with(server, proxy.url()).await;
    for how in 0..3 {
        scene.trusts().await;
        proxy.set(Mode::PushesHang).await;
        scene.follows(how).await;
        tokio::time::sleep(WINDOW).await;
        scene.asks_each_time().await;
        proxy.set(Mode::Pass).await;
    }
    scene.trusts().await;
}

#[tokio::test]
async fn a_server_that_comes_back_empty_is_followed_again() {
    let scene = Scene::new().await;
    scene.trusts().await;
    scene.server.restart().await;
    let start = Instant::now();
    while scene.other.invalidate(&key(1)).await.is_err() {
        assert!(start.elapsed() < SECOND * 20);
        tokio::time::sleep(MS * 10).await;
    }
    scene.has_push_clients(2).await;
    scene.trusts().await;
    for how in 0..3 {
        scene.follows(how).await;
    }
}

#[tokio::test]
async fn whoever_may_not_turn_pushes_on_asks_each_time() {
    let server = Server::start().await;
    redis::cmd("ACL")
        .arg(&["SETUSER", "app", "on", ">pw", "~*", "&*", "+@all"])
        .arg("-client|tracking")
        .exec_async(&mut server.admin().await)
        .await
        .unwrap();
    let url = format!("redis://app:pw@127.0.0.1:{}", server.port());
    Scene::with(server, url).await.asks_each_time().await;
}

#[tokio::test]
async fn a_server_of_the_old_protocol_is_asked_each_time() {
    let server = Server::options().args(["--rename-command", "HELLO", ""]);
    let scene = Scene::on(server.start().await).await;
    scene.asks_each_time().await;
}

#[tokio::test]
async fn a_road_on_which_pushes_are_lost_is_asked_each_time() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    proxy.set(Mode::PushesLost).await;
    let scene = Scene::with(server, proxy.url()).await;
    scene.asks_each_time().await;
    assert!(scene.one.stats().pushes_withheld > 0);
}

#[test]
fn what_its_runtime_left_behind_is_followed_on_the_next_one() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let scene = runtime().block_on(async {
        let scene = Scene::new().await;
        scene.trusts().await;
        scene
    });
    std::thread::sleep(WINDOW);
    runtime().block_on(async {
        scene.trusts().await;
        assert_eq!(scene.push_clients().await.len(), 1);
    });
}
