//! How often something may be done, where a server counts for all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cache_aside::remote::redis::{RedisRemote, RedisSettings};
use cache_aside::remote::{Draw, EntryName, Pace, Remote};
use cache_aside::{BreakerState, Cache, RateLimiter};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, cmd};
use tokio::task::JoinSet;

use crate::support::server::Server;
use crate::support::{SECOND, eventually};

const HOUR: Duration = Duration::from_secs(3_600);

async fn cache(server: &Server, limit: Duration) -> Cache {
    let builder = Cache::builder().namespace("limits").redis(server.url());
    let builder = builder.read_timeout(limit).write_timeout(limit);
    builder.build().await.unwrap()
}

/// A time-out that a busy machine does not reach.
async fn patient(server: &Server) -> Cache {
    cache(server, 10 * SECOND).await
}

fn limiter(cache: &Cache, count: u64, per: Duration, burst: u64) -> RateLimiter {
    let settings = RateLimiter::builder(cache, "api").rate(count, per);
    settings.burst(burst).build().unwrap()
}

/// The only bucket: its name in the server, and its numbers.
async fn bucket(server: &Server, admin: &mut MultiplexedConnection) -> (String, [u64; 3]) {
    let keys = server.keys("limits:r:*").await;
    let [key] = &keys[..] else {
        panic!("{keys:?}");
    };
    let kept: String = admin.get(key).await.unwrap();
    let numbers: Vec<u64> = kept.split(' ').map(|part| part.parse().unwrap()).collect();
    (key.clone(), numbers.try_into().unwrap())
}

/// As if so much more time had passed for the only bucket.
async fn passes(server: &Server, admin: &mut MultiplexedConnection, time: u64) {
    let (key, [token, missing, at]) = bucket(server, admin).await;
    let earlier = format!("{token} {missing} {}", at - time);
    let mut set = cmd("SET");
    set.arg(key).arg(earlier).arg("KEEPTTL");
    set.query_async::<()>(admin).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_the_burst_passes_in_two_processes_over_a_server() {
    let server = Server::start().await;
    let caches = [patient(&server).await, patient(&server).await];
    let limiters = caches.each_ref().map(|cache| limiter(cache, 1, HOUR, 100));
    let passed = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (limiter, passed) = (limiters[task % 2].clone(), Arc::clone(&passed));
        tasks.spawn(async move {
            for _ in 0..50 {
                let decision = limiter.check("ann").await;
                assert!(decision.shared);
                passed.fetch_add(u64::from(decision.allowed), SeqCst);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(passed.load(SeqCst), 100);
    let refused = limiters[0].check("ann").await;
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    let after = refused.retry_after.unwrap();
    assert!(HOUR - 60 * SECOND < after && after <= HOUR, "{after:?}");
}

#[tokio::test]
async fn a_server_gives_back_what_its_own_clock_says() {
    let server = Server::start().await;
    let limiter = limiter(&patient(&server).await, 1, HOUR, 10);
    let mut admin = server.admin().await;
    assert!(limiter.check_cost("ann", 10).await.allowed);
    let after = limiter.check("ann").await.retry_after.unwrap();
    // A second earlier it is not yet there; this machine is not that slow.
    let short = u64::try_from((after - SECOND).as_micros()).unwrap();
    passes(&server, &mut admin, short).await;
    assert!(!limiter.check("ann").await.allowed);
    passes(&server, &mut admin, 1_000_000).await;
    assert!(limiter.check("ann").await.allowed);
    assert!(!limiter.check("ann").await.allowed);
}

/// The script against numbers that cannot overflow.
#[tokio::test]
async fn the_script_counts_exactly() {
    let server = Server::start().await;
    let settings = RedisSettings::new(server.url(), "limits");
    let remote = RedisRemote::start(settings).await.unwrap();
    let mut admin = server.admin().await;
    let most = 1_u64 << 53;
    let mut dice = crate::support::dice::Dice::new(7);
    let mut upto = |most: u64| dice.below(most) + 1;
    // Of any size.
    let sizes: Vec<[u64; 3]> = (0..300).map(|_| [upto(50), upto(52), upto(40)]).collect();
    for (round, [small, slow, long]) in sizes.into_iter().enumerate() {
        let token = upto(most >> small);
        let pace = Pace {
            token,
            speed: upto(most >> slow),
            capacity: token * upto(most / token),
        };
        let was = upto(pace.capacity);
        let ago = upto(1 << long);
        let parts = upto(pace.capacity);
        let bucket = EntryName::new(format!("exact:{round}"));
        let key = format!("limits:r:{{exact:{round}}}");
        let (seconds, micros): (u64, u64) = cmd("TIME").query_async(&mut admin).await.unwrap();
        let at = seconds * 1_000_000 + micros - ago;
        let level = format!("{token} {was} {at}");
        admin.set::<_, _, ()>(&key, level).await.unwrap();
        let draw = Draw {
            bucket,
            pace,
            parts,
        };
        let drawn = remote.draw(draw).await.unwrap();
        let missing = |now: u64| {
            let back = u128::from(now - at) * u128::from(pace.speed);
            u128::from(was).saturating_sub(back)
        };
        if drawn.allowed {
            let full = drawn.missing.div_ceil(pace.speed).div_ceil(1_000);
            // A bucket that is full soon may be gone by now.
            let kept: Option<String> = admin.get(&key).await.unwrap();
            let life: i64 = admin.pttl(&key).await.unwrap();
            let (Some(kept), Ok(life)) = (kept, u64::try_from(life)) else {
                assert!(full < 10_000, "{full}");
                continue;
            };
            let now = kept.rsplit(' ').next().unwrap().parse().unwrap();
            let left = u128::from(pace.capacity) - missing(now);
            assert!(u128::from(parts) <= left, "{pace:?}");
            assert_eq!(u128::from(drawn.missing), missing(now) + u128::from(parts));
            assert_eq!(kept, format!("{token} {} {now}", drawn.missing));
            assert!(life <= full && life + 60_000 > full, "{life} of {full}");
        } else {
            assert!(drawn.missing + parts > pace.capacity, "{pace:?}");
            assert!(u128::from(drawn.missing) <= missing(at + ago), "{pace:?}");
        }
    }
}

#[tokio::test]
async fn a_bucket_in_the_server_has_a_digest_for_its_name_and_an_end() {
    let server = Server::start().await;
    let limiter = limiter(&patient(&server).await, 1, SECOND, 60);
    let mut admin = server.admin().await;
    let odd = "ann}\r\nSET x 1\r\n{*?[".repeat(10_000);
    assert!(limiter.check_cost(&odd, 30).await.shared);
    let (key, [token, missing, _]) = bucket(&server, &mut admin).await;
    let digest = key.strip_prefix("limits:r:{api:").unwrap();
    let digest = digest.strip_suffix('}').unwrap();
    assert_eq!(digest.len(), 32);
    assert!(digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(missing, 30 * token);
    let life: i64 = admin.pttl(&key).await.unwrap();
    assert!(0 < life && life <= 30_000, "{life}");
    assert!(limiter.check_cost("", 0).await.shared);
    assert_eq!(server.keys("*").await.len(), 1);
}

#[tokio::test]
async fn what_is_no_bucket_is_a_full_one() {
    let server = Server::start().await;
    let limiter = limiter(&patient(&server).await, 1, HOUR, 3);
    let mut admin = server.admin().await;
    assert!(limiter.check("ann").await.shared);
    let (key, _) = bucket(&server, &mut admin).await;
    for garbage in [
        "", "x", "0 5 7", "-1 5 7", "1 2", "1 2 3 4", "1e3 5 7", "7 9 \0",
    ] {
        admin.set::<_, _, ()>(&key, garbage).await.unwrap();
        assert_eq!(limiter.check("ann").await.remaining, 2, "{garbage}");
    }
    let digits = "9".repeat(400);
    for strange in [format!("{digits} 1 1"), format!("1 {digits} {digits}")] {
        admin.set::<_, _, ()>(&key, &strange).await.unwrap();
        let decision = limiter.check("ann").await;
        assert!(decision.shared && decision.remaining <= 3);
    }
    admin.del::<_, ()>(&key).await.unwrap();
    admin.rpush::<_, _, ()>(&key, "x").await.unwrap();
    assert_eq!(limiter.check("ann").await.remaining, 2);
}

/// From 2 of 10: none of them twice, and the server's word again when it is back.
async fn the_limit_holds_without(server: &Server, limiter: &RateLimiter) {
    let mut passed = 0;
    for _ in 0..50 {
        let decision = limiter.check("ann").await;
        assert!(!decision.shared);
        passed += u64::from(decision.allowed);
    }
    assert_eq!(passed, 2, "{}", server.version());
}

#[tokio::test]
async fn without_the_server_the_limit_holds_in_each_process() {
    let server = Server::start().await;
    let limiter = limiter(&cache(&server, SECOND).await, 1, HOUR, 10);
    assert!(limiter.check_cost("ann", 8).await.shared);
    server.kill();
    the_limit_holds_without(&server, &limiter).await;
    server.restart().await;
    eventually("it counts for all again", async || {
        limiter.check_cost("bob", 0).await.shared
    })
    .await;
    // It has forgotten everything, and all are full.
    assert_eq!(limiter.check("ann").await.remaining, 9);
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_time_out() {
    const STORE: Duration = Duration::from_millis(500);
    let server = Server::start().await;
    let cache = cache(&server, STORE).await;
    let limiter = limiter(&cache, 1, HOUR, 10);
    assert!(limiter.check_cost("ann", 8).await.shared);
    server.stop();
    let (opened, start) = (cache.stats().breaker_opened, Instant::now());
    the_limit_holds_without(&server, &limiter).await;
    let took = start.elapsed();
    assert_eq!(cache.stats().breaker, Some(BreakerState::Open));
    assert_eq!(cache.stats().breaker_opened, opened + 1);
    // Fifty questions, of which one waited.
    assert!(took < 25 * STORE, "{took:?}");
    server.cont();
    eventually("it counts for all again", async || {
        limiter.check_cost("bob", 0).await.shared
    })
    .await;
    // What it was asked while it hung it may have counted, and that was one question.
    let decision = limiter.check("ann").await;
    assert!(decision.allowed && decision.shared, "{decision:?}");
    assert!(decision.remaining <= 1, "{decision:?}");
}
