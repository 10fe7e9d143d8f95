//! Users that may not do everything, and those who may do nothing any more.

use cache_aside::{Cache, Key, Policy, RateLimiter};
use redis::cmd;
use tracing::Level;

use super::{
    Lack, MS, PASSWORD, PATIENCE, Server, USER, eventually, item, item_key, said, until_cached,
    until_healthy, until_said, with, world,
};
use crate::support::log::Log;
use crate::support::refusing::{user, user_with_all, user_without};
use crate::support::{Broken, MINUTE, SECOND, World};

/// As the guide has it.
const GUIDE: &str = include_str!("../../../docs/guide/redis.md");

/// What is left of the cache for a user.
struct Left {
    /// What others stored is found.
    hits: bool,
    stores: bool,
    /// In `health`.
    said: &'static str,
}

fn left(lack: Lack) -> Left {
    let (hits, stores, said) = match lack {
        Lack::Writes => (true, false, "the shared store: no permission for "),
        Lack::Scripts => (true, false, "no permission for EVALSHA"),
        Lack::Channels => (true, true, "not told when loads of other processes end"),
        Lack::Keys => (false, false, "no permission for the keys of this namespace"),
        Lack::Tracking => (true, true, "no permission for CLIENT TRACKING"),
        // One that cannot tell which life of the server it is trusts no others.
        Lack::Info => (false, true, "the server hides INFO"),
        Lack::Wait => (true, true, "the server refuses WAIT"),
    };
    Left { hits, stores, said }
}

/// With the default of coherence, for which the server pushes.
async fn trusting(url: &str) -> World {
    let builder = Cache::builder().namespace(super::NAMESPACE).redis(url);
    with(
        builder
            .read_timeout(PATIENCE / 4)
            .write_timeout(PATIENCE / 4),
    )
    .await
}

async fn connections(server: &Server) -> u64 {
    let told: String = cmd("INFO")
        .arg("stats")
        .query_async(&mut server.admin().await)
        .await
        .unwrap();
    let mut lines = told.lines();
    let line = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().parse().unwrap()
}

async fn goes_on_without(lack: Lack) {
    let server = Server::start().await;
    let all = trusting(&server.url()).await;
    let left = left(lack);
    until_cached(&all, 1, 1).await;
    let url = user_without(&server, lack).await;
    let (log, guard) = Log::keep(Level::INFO);
    let mut world = trusting(&url).await;
    world.source = all.source.clone();

    let start = std::time::Instant::now();
    for round in 0..5 {
        let loads = world.loads();
        assert_eq!(item(&world, 1).await, 1);
        let hit = left.hits || left.stores && round > 0;
        assert_eq!(world.loads() == loads, hit, "{lack:?}");
    }
    for round in 0..5 {
        let loads = world.loads();
        assert_eq!(item(&world, 2).await, 1);
        assert_eq!(world.loads() == loads, left.stores && round > 0, "{lack:?}");
    }
    let took = start.elapsed();
    assert!(
        took < PATIENCE / 4,
        "{lack:?}: nobody waits for a time-out: {took:?}"
    );
    until_said(&world, left.said).await;

    if lack == Lack::Channels {
        // Less and less often, and not twice a second.
        let before = connections(&server).await;
        tokio::time::sleep(3 * SECOND).await;
        let opened = connections(&server).await - before;
        assert!(opened <= 5, "{opened} connections in three seconds");
    }
    for id in 0..20 {
        item(&world, 100 + id % 2).await;
        drop(world.cache.invalidate(&item_key(1)).await);
    }
    let lines = log.lines();
    for (at, line) in lines.iter().enumerate() {
        assert!(!lines[..at].contains(line), "{lack:?}: twice: {lines:#?}");
        assert!(!line.contains(PASSWORD) && !line.contains(USER), "{line}");
    }

    let version = world.write();
    let done = world.cache.invalidate_tag("item:1").await;
    assert_eq!(done.is_ok(), left.stores, "{lack:?}: {done:?}");
    assert_eq!(item(&world, 1).await, version);
    drop(guard);
    user_with_all(&server).await;
    if matches!(lack, Lack::Info | Lack::Wait) {
        // What a server shows is asked for when a connection begins.
        server.client_kill().await;
    }
    until_cached(&world, 1, version).await;
    until_cached(&world, 3, version).await;
    // Whether pushes are delivered by now is asked for every ten seconds.
    eventually("the store is used as before", async || {
        let said = said(&world).await;
        !said.contains("the shared store") && !said.contains("invalidations")
    })
    .await;
}

#[tokio::test]
async fn a_user_without_the_right_to_write_reads() {
    goes_on_without(Lack::Writes).await;
}

#[tokio::test]
async fn a_user_without_scripts_reads() {
    goes_on_without(Lack::Scripts).await;
}

#[tokio::test]
async fn a_user_without_channels_looks_for_itself() {
    goes_on_without(Lack::Channels).await;
}

#[tokio::test]
async fn a_user_without_our_keys_loads() {
    goes_on_without(Lack::Keys).await;
}

#[tokio::test]
async fn a_user_without_tracking_confirms_each_copy() {
    goes_on_without(Lack::Tracking).await;
}

#[tokio::test]
async fn a_user_without_info_or_wait_is_told_what_that_means() {
    goes_on_without(Lack::Info).await;
    goes_on_without(Lack::Wait).await;
}

#[tokio::test]
async fn a_lease_without_tokens_is_given_back() {
    let server = Server::start().await;
    let rules = ["~no:[vli]:*", "%R~no:[te]:*", "&*", "+@all"];
    let world = world(&user(&server, &rules).await).await;
    for id in [1, 1, 2] {
        assert_eq!(item(&world, id).await, 1);
    }
    assert_eq!(server.keys("no:l:*").await, [""; 0]);
}

/// The rights that the guide asks for, for a user of the namespace `shop`.
fn documented(server: &Server) -> Vec<String> {
    let line = GUIDE.lines().find(|line| line.starts_with("ACL SETUSER"));
    let mut words = line.expect("a line in the guide").split(' ').skip(5);
    let mut rules: Vec<_> = words.by_ref().map(str::to_owned).collect();
    if !server.version().starts_with("7.0.") {
        rules.push("+client|setinfo".to_owned());
    }
    rules
}

#[tokio::test]
async fn the_rights_in_the_guide_suffice_for_everything() {
    let server = Server::start().await;
    let rules = documented(&server);
    assert_eq!(rules[0], "~shop:*", "{rules:?}");
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    let url = user(&server, &rules).await;
    let shop = || {
        let builder = Cache::builder()
            .namespace("shop")
            .redis(&url)
            .settle_lag(MS);
        builder
            .read_timeout(PATIENCE / 4)
            .write_timeout(PATIENCE / 4)
    };
    let (one, mut two) = (with(shop()).await, with(shop()).await);
    two.source = one.source.clone();
    until_healthy(&one).await;

    one.hold();
    let loader = one.spawn(|world| async move { item(&world, 1).await });
    one.reached(1).await;
    let waiter = two.spawn(|world| async move { item(&world, 1).await });
    tokio::time::sleep(50 * MS).await;
    one.let_go();
    assert_eq!((loader.await.unwrap(), waiter.await.unwrap()), (1, 1));
    assert_eq!(one.loads(), 1);

    let key = Key::<u64>::new("by hand", &(1,));
    let policy = Policy::ttl(MINUTE)
        .tags(["by:hand"])
        .tags_with(|n: &u64| [format!("n:{n}")]);
    one.cache.put(&key, &1, &policy).await.unwrap();
    assert_eq!(
        two.cache.get_many(std::slice::from_ref(&key)).await,
        [Some(1)]
    );
    let place = two.cache.reserve(&key, &policy).await.unwrap();
    place.fill(&2).await.unwrap();
    one.cache
        .invalidate_tag("by:hand")
        .soft(SECOND)
        .await
        .unwrap();
    one.cache.invalidate(&key).settled().await.unwrap();
    // One that is not stored.
    let small = policy.clone().max_size(0);
    let load = async || Ok::<_, Broken>(3);
    assert_eq!(one.cache.get_or_load(&key, &small, load).await, Ok(3));
    one.cache.invalidate_prefix("item").await.unwrap();
    one.cache
        .write_bracket(["by:hand"], async {})
        .settled()
        .await
        .unwrap();
    one.cache.clear().await.unwrap();
    let lease = one.cache.lock("nightly").await.unwrap();
    lease.release().await.unwrap();
    let limiter = RateLimiter::builder(&one.cache, "api").rate(1, MINUTE);
    assert!(limiter.build().unwrap().check("ann").await.shared);
    eventually("it hears pushes", async || {
        let clients: String = cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut server.admin().await)
            .await
            .unwrap();
        clients.contains("name=cache-aside-push ")
    })
    .await;
    assert_eq!(said(&one).await, "");
    for world in [one, two] {
        world.cache.close().await.unwrap();
    }
    let denied: Vec<redis::Value> = cmd("ACL")
        .arg("LOG")
        .query_async(&mut server.admin().await)
        .await
        .unwrap();
    assert!(denied.is_empty(), "{denied:?}");
}

#[tokio::test]
async fn a_user_that_is_gone_or_has_another_password_is_waited_for() {
    let server = Server::start().await;
    let world = world(&user_with_all(&server).await).await;
    until_cached(&world, 1, 1).await;
    let (log, guard) = Log::keep(Level::INFO);
    let admin = async |words: &[&str]| {
        let mut admin = server.admin().await;
        cmd("ACL").arg(words).exec_async(&mut admin).await.unwrap();
    };
    let changes: [&[&[&str]]; 2] = [
        &[&["DELUSER", USER]],
        &[&["SETUSER", USER, "resetpass", ">another"]],
    ];
    for change in changes {
        let version = world.write();
        for words in change {
            admin(words).await;
        }
        if change[0][0] == "SETUSER" {
            // Who is known already goes on.
            world.cache.invalidate_tag("item:1").await.unwrap();
            until_cached(&world, 1, version).await;
            server.client_kill().await;
        }
        until_said(&world, "wrong password").await;
        let version = world.write();
        assert_eq!(item(&world, 1).await, version);
        drop(world.cache.invalidate_tag("item:1").await.unwrap_err());
        user_with_all(&server).await;
        until_healthy(&world).await;
        until_cached(&world, 1, version).await;
    }
    drop(guard);
    assert_eq!(
        log.count("no connection: wrong password"),
        2,
        "{:#?}",
        log.lines()
    );
    assert_eq!(log.count(PASSWORD) + log.count("another"), 0);
}

#[tokio::test]
async fn a_password_that_is_changed_meanwhile_is_waited_for() {
    let server = Server::options().password("right").start().await;
    let world = world(&server.url()).await;
    until_cached(&world, 1, 1).await;
    let mut admin = server.admin().await;
    let mut set = async |password: &str| {
        cmd("CONFIG")
            .arg(&["SET", "requirepass", password])
            .exec_async(&mut admin)
            .await
            .unwrap();
        let killed: u64 = cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .query_async(&mut admin)
            .await
            .unwrap();
        assert!(killed > 0 || password == "right");
    };
    set("changed").await;
    until_said(&world, "wrong password").await;
    let version = world.write();
    assert_eq!(item(&world, 1).await, version);
    drop(world.cache.invalidate_tag("item:1").await.unwrap_err());
    set("right").await;
    until_healthy(&world).await;
    until_cached(&world, 1, version).await;
}
