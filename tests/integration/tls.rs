//! Connections that are encrypted, to a server that proves who it is: the same cache as without, and nothing at
//! all where the proof fails.

mod certificates;
mod host;
mod tap;

use std::time::Duration;

use cache_aside::{
    Cache, CacheBuilder, Clock, Coherence, ErrorKind, HealthStatus, RateLimiter, cache_aside,
};
use tokio_rustls::rustls::crypto::ring;
use tracing::Level;

use crate::support::log::Log;
use crate::support::process::{Child, Parent};
use crate::support::server::Server;
use crate::support::{MINUTE, SECOND, World, eventually};
use certificates::{Authority, Identity};
use host::{Host, url_at};
use tap::Tap;

const HERE: &[&str] = &["127.0.0.1", "localhost"];
/// Answers have this in them, and so does the password.
const SECRET: &str = "hunter2hunter2";

#[cache_aside(ttl = "10m", jitter = 0, prefix = "tls.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> String {
    format!("{SECRET}:{}", world.load().await)
}

fn answer(version: u64) -> String {
    format!("{SECRET}:{version}")
}

/// Time-outs that a busy machine does not reach.
fn settings(url: String) -> CacheBuilder {
    let builder = Cache::builder().namespace("tls").redis(url);
    builder.read_timeout(5 * SECOND).write_timeout(5 * SECOND)
}

async fn cache(builder: CacheBuilder) -> Cache {
    builder.build().await.expect("good settings")
}

/// Two caches with one source.
async fn two(builder: impl Fn() -> CacheBuilder) -> [World; 2] {
    let one = World::with(cache(builder()).await, Clock::system());
    let cache = cache(builder()).await;
    [one.clone(), World { cache, ..one }]
}

async fn is_healthy(cache: &Cache) {
    eventually("it is healthy", async || {
        cache.health().await.status == HealthStatus::Healthy
    })
    .await;
}

/// One that is down, and why.
async fn reason(cache: &Cache) -> String {
    let health = cache.health().await;
    assert_eq!(health.status, HealthStatus::Degraded, "{health:?}");
    health.reasons.join("; ")
}

#[tokio::test]
async fn answers_invalidations_and_limits_are_shared_over_tls_alone() {
    let ca = Authority::new("the CA");
    let host = Host::start(&ca, &ca.signs(HERE), "no").await;
    // What is not pushed is not seen within the time this test takes.
    let builder = || {
        let builder = settings(host.url()).coherence(Coherence::Bounded(MINUTE));
        builder.tls_ca(ca.pem())
    };
    let [one, two] = two(builder).await;
    is_healthy(&one.cache).await;
    is_healthy(&two.cache).await;
    assert_eq!(item(&one, 1).await, answer(1));
    assert_eq!(item(&two, 1).await, answer(1));
    assert_eq!(one.loads(), 1);

    eventually("a copy is trusted", async || {
        host.server.reset_stats().await;
        item(&two, 1).await;
        let stats = host.server.command_stats().await;
        let trips = ["mget", "get", "getrange", "evalsha", "eval"];
        !trips.iter().any(|name| stats.contains_key(*name))
    })
    .await;
    one.write();
    one.cache
        .invalidate_tag("item:1")
        .await
        .expect("it is taken");
    eventually("the other is told", async || {
        item(&two, 1).await == answer(2)
    })
    .await;
    assert_eq!(one.loads(), 2);

    let limiters = [&one, &two].map(|world| {
        let limiter = RateLimiter::builder(&world.cache, "api").rate(1, 60 * MINUTE);
        limiter.burst(2).build().expect("good settings")
    });
    for (limiter, allowed) in [(0, true), (1, true), (0, false), (1, false)] {
        let decision = limiters[limiter].check("ann").await;
        assert_eq!(decision.allowed, allowed, "{decision:?}");
    }

    // Each has one for operations, one for pushes and one for announcements; at the other port is who asks.
    assert_eq!(host.clients().await, (6, 1));
}

#[tokio::test]
async fn another_process_shares_over_tls_and_trusts_whom_its_system_trusts() {
    let ca = Authority::new("the CA");
    let host = Host::start(&ca, &ca.signs(HERE), "no").await;
    let world = World::with(
        cache(settings(host.url()).tls_ca(ca.pem())).await,
        Clock::system(),
    );
    assert_eq!(item(&world, 7).await, answer(1));

    let (url, roots) = (host.url(), host.path("ca.pem"));
    let mut child = Child::spawn("tls_member", &[("URL", &url), ("SSL_CERT_FILE", &roots)]).await;
    child.expect(&format!("answer {}", answer(1))).await;
    child.expect("loads 0").await;
    child.ends_well().await;

    // The same process with others to trust.
    let other = host.path("other.pem");
    std::fs::write(&other, Authority::new("another").pem()).expect("a file");
    let mut child = Child::spawn("tls_member", &[("URL", &url), ("SSL_CERT_FILE", &other)]).await;
    child.expect(&format!("answer {}", answer(1))).await;
    child.expect("loads 1").await;
    child.ends_well().await;
}

/// A role: nothing is said but the URL.
pub(crate) async fn member(parent: Parent) {
    let cache = cache(settings(parent.env("URL"))).await;
    let world = World::with(cache, Clock::system());
    let answer = item(&world, 7).await;
    parent.send(&format!("answer {answer}"));
    parent.send(&format!("loads {}", world.loads()));
    let installed = ring::default_provider().install_default();
    assert!(installed.is_ok(), "it is for the application to do that");
}

#[tokio::test]
async fn a_provider_that_the_application_installed_is_used() {
    Child::spawn("tls_provider", &[]).await.ends_well().await;
}

/// A role: the installed provider can do nothing, so whoever uses it can connect to nobody.
pub(crate) async fn provider(_: Parent) {
    let mut provider = ring::default_provider();
    provider.cipher_suites.clear();
    provider.install_default().expect("there is none yet");
    let builder = settings(url_at(1)).tls_ca(Authority::new("the CA").pem());
    let error = builder.build().await.expect_err("no cipher");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("provider"), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_over_tls_again() {
    let ca = Authority::new("the CA");
    let host = Host::start(&ca, &ca.signs(HERE), "no").await;
    let [one, two] = two(|| settings(host.url()).tls_ca(ca.pem())).await;
    assert_eq!(item(&one, 1).await, answer(1));
    host.server.kill();
    one.write();
    eventually("it is gone", async || {
        one.cache.health().await.status == HealthStatus::Degraded
    })
    .await;
    assert_eq!(item(&one, 2).await, answer(2), "a call loads");

    host.server.restart().await;
    is_healthy(&one.cache).await;
    is_healthy(&two.cache).await;
    let loads = one.loads();
    assert_eq!(item(&one, 3).await, answer(2));
    assert_eq!(item(&two, 3).await, answer(2));
    assert_eq!(one.loads(), loads + 1, "shared again");
    eventually("all connections", async || host.clients().await == (6, 1)).await;
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_is_told_nothing() {
    let (ca, other) = (Authority::new("the CA"), Authority::new("another"));
    let elsewhere = ["cache.example", "127.0.0.2"];
    for (identity, word) in [
        (other.signs(HERE), "signed by nobody who is trusted"),
        (ca.signs(&elsewhere), "another host name"),
        (ca.signs_expired(HERE), "has expired"),
    ] {
        let host = Host::start(&ca, &identity, "no").await;
        let tap = Tap::to(host.port).await;
        let (log, guard) = Log::keep(Level::INFO);
        let builder = settings(url_at(tap.port)).redis_password(SECRET);
        let world = World::with(cache(builder.tls_ca(ca.pem())).await, Clock::system());

        let said = reason(&world.cache).await;
        assert!(said.contains("TLS") && said.contains(word), "{said}");
        for version in 1..=2 {
            assert_eq!(item(&world, 1).await, answer(version), "not shared");
            world.write();
            world
                .cache
                .invalidate_tag("item:1")
                .await
                .expect_err("nobody takes it");
        }
        let told = |line: &&String| line.contains("no connection") && line.contains(word);
        let lines = log.lines();
        assert_eq!(lines.iter().filter(told).count(), 1, "{lines:?}");
        drop(guard);
        // It tries again and again, and says nothing to this one.
        let seen = tap.bytes();
        eventually("another attempt", async || tap.bytes() > seen).await;
        for told in [SECRET, "HELLO", "AUTH", "tls.item"] {
            assert!(!tap.has_seen(told), "{told}");
        }
        assert!(host.server.keys("*").await.is_empty());
    }
}

#[tokio::test]
async fn what_goes_over_the_network_is_encrypted() {
    // Without TLS everything can be read, or this shows nothing.
    let server = Server::start().await;
    let tap = Tap::to(server.port()).await;
    let plain = cache(settings(format!("redis://127.0.0.1:{}", tap.port))).await;
    let world = World::with(plain, Clock::system());
    assert_eq!(item(&world, 1).await, answer(1));
    eventually("it was stored", async || tap.has_seen(SECRET)).await;
    assert!(tap.has_seen("HELLO") && tap.has_seen("tls.item"));

    let ca = Authority::new("the CA");
    let host = Host::start(&ca, &ca.signs(HERE), "no").await;
    let tap = Tap::to(host.port).await;
    let [one, two] = two(|| settings(url_at(tap.port)).tls_ca(ca.pem())).await;
    assert_eq!(item(&one, 1).await, answer(1));
    assert_eq!(item(&two, 1).await, answer(1));
    assert_eq!(one.loads(), 1, "it went there and back");
    for told in [SECRET, "HELLO", "tls.item", "CLIENT", "cache-aside"] {
        assert!(!tap.has_seen(told), "{told}");
    }

    // Nor does the server take anything else at that port.
    let plain = cache(settings(format!("redis://127.0.0.1:{}", host.port))).await;
    reason(&plain).await;
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_clients_is_shown_a_certificate() {
    let (ca, other) = (Authority::new("the CA"), Authority::new("another"));
    let host = Host::start(&ca, &ca.signs(HERE), "yes").await;
    let trusting = || settings(host.url()).tls_ca(ca.pem());
    let with = |Identity { cert, key }: Identity| trusting().tls_client_cert(cert, key);

    let [one, two] = two(|| with(ca.signs(&["shop"]))).await;
    is_healthy(&one.cache).await;
    assert_eq!(item(&one, 1).await, answer(1));
    assert_eq!(item(&two, 1).await, answer(1));
    assert_eq!(one.loads(), 1);

    for (refused, word) in [
        (trusting(), "wants a certificate of this process"),
        (
            with(other.signs(&["shop"])),
            "does not accept the certificate of this process",
        ),
    ] {
        let world = World::with(cache(refused).await, Clock::system());
        // Where the end of the connection is seen before the reason, another attempt sees it.
        eventually(word, async || reason(&world.cache).await.contains(word)).await;
        assert_eq!(item(&world, 1).await, answer(1));
        assert_eq!(world.loads(), 1, "not shared");
    }
}

#[tokio::test]
async fn whoever_does_not_finish_the_handshake_costs_the_time_to_connect_and_no_more() {
    // Takes connections, and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it listens").port();
    let ca = Authority::new("the CA").pem();
    let world = World::with(
        cache(settings(url_at(port)).tls_ca(ca)).await,
        Clock::system(),
    );
    eventually("it is given up", async || {
        let said = reason(&world.cache).await;
        said.contains("cannot be used: no reply within 2s")
    })
    .await;
    let asked = tokio::time::timeout(Duration::from_secs(10), item(&world, 1)).await;
    assert_eq!(asked.expect("a call loads"), answer(1));
}
