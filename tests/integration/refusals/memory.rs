//! Memory is full, or is made room in by evicting what is ours.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_aside::{Cache, Coherence, Error, ErrorKind, Key, Policy, cache_aside};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{
    Instant, MS, No, PATIENCE, Refusing, Server, eventually, item, item_key, said, settings,
    until_cached, until_healthy, until_said, world,
};
use crate::support::refusing::{evicted, evicting, squeeze};
use crate::support::{MINUTE, World};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "item", tags = ["item:{ids}"], each = ids, skip(world), cache = world.cache)]
async fn items(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, version)).collect()
}

/// Who waits for a load of this does not see for itself that it is over for half a minute.
#[cache_aside(ttl = "1m", jitter = 0, lease = "30s", prefix = "long", cache_if = |version| *version != 7, skip(world), cache = world.cache)]
async fn long(world: &World, id: u64) -> u64 {
    world.load().await
}

/// How long an invalidation may take to arrive where copies are trusted.
const WINDOW: Duration = Duration::from_secs(2);

/// Of the lease of a load that is over and was not stored. The lease of one that goes on lives for longer here.
const LAST_LIFE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_full_store_is_read_and_takes_nothing_else() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let other = world_beside(&world, &server.url()).await;
    for id in [1, 2] {
        until_cached(&world, id, 1).await;
    }
    let refusing = Refusing::begin(&server, No::Memory).await;

    let loads = world.loads();
    assert_eq!((item(&world, 1).await, item(&other, 1).await), (1, 1));
    assert_eq!(world.loads(), loads, "reads go on");
    let before = world.cache.stats().total;
    for _ in 0..3 {
        assert_eq!(item(&world, 3).await, 1);
    }
    let now = world.cache.stats().total;
    assert_eq!(world.loads(), loads + 3, "nothing is stored");
    assert_eq!(now.unshared - before.unshared, 3);
    assert_eq!(now.stored, before.stored);
    let found = items(&world, vec![1, 2, 4]).await;
    assert_eq!(found, HashMap::from([(1, 1), (2, 1), (4, 1)]));
    assert_eq!(world.loads(), loads + 4, "one body for what is missing");
    assert!(said(&world).await.contains("out of memory"));

    let place = world.cache.reserve(&key(9), &minute()).await;
    assert_eq!(place.unwrap_err().kind(), ErrorKind::Unavailable);
    let lock = world.cache.try_lock("nightly").await;
    assert_eq!(lock.unwrap_err().kind(), ErrorKind::Unavailable);
    let ran = AtomicBool::new(false);
    let write = async { ran.store(true, SeqCst) };
    let bracket = world.cache.write_bracket(["item:2"], write).await;
    assert_eq!(bracket.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!ran.load(SeqCst), "a write that cannot be covered");

    refusing.heal().await;
    until_cached(&world, 3, 1).await;
    until_healthy(&world).await;
}

/// Four ways to invalidate the item 1.
async fn invalidate(cache: &Cache, how: usize) -> Result<(), Error> {
    match how {
        0 => cache.invalidate_tag("item:1").await,
        1 => cache.invalidate(&key(1)).await,
        2 => cache.invalidate_prefix("item").await,
        _ => cache.clear().await,
    }
}

#[tokio::test]
async fn a_full_store_takes_invalidations() {
    let server = Server::start().await;
    let one = world(&server.url()).await;
    let two = world_beside(&one, &server.url()).await;
    // It trusts its copies for a time.
    let mut trusting = settings(&server.url()).coherence(Coherence::Bounded(WINDOW));
    trusting = trusting.read_timeout(PATIENCE / 4);
    let mut three = super::with(trusting).await;
    three.source = Arc::clone(&one.source);
    for how in 0..4 {
        let old = one.write();
        one.cache.clear().await.unwrap();
        for id in [1, 2] {
            until_cached(&one, id, old).await;
            item(&two, id).await;
            until_cached(&three, id, old).await;
        }
        until_healthy(&one).await;
        let refusing = Refusing::begin(&server, No::Memory).await;
        let keys = server.keys("*").await.len();
        let version = one.write();
        let done = invalidate(&one.cache, how).await;
        done.unwrap_or_else(|error| panic!("{how}: {error}"));
        let start = Instant::now();
        one.cache.invalidate_tag("nobody").await.unwrap();
        for world in [&one, &two] {
            assert_eq!(item(world, 1).await, version, "{how}");
        }
        loop {
            let asked = start.elapsed();
            if item(&three, 1).await == version {
                break;
            }
            assert!(asked < WINDOW, "{how}: not heard of");
            tokio::time::sleep(MS).await;
        }
        assert!(server.keys("*").await.len() <= keys, "{how}: more memory");
        assert_eq!(server.keys("no:t:*nobody*").await, [""; 0]);
        if how < 2 {
            let loads = one.loads();
            for world in [&one, &two, &three] {
                assert_eq!(item(world, 2).await, old, "{how}");
            }
            assert_eq!(one.loads(), loads, "{how}: the store is used");
        }
        for world in [&one, &two, &three] {
            let said = said(world).await;
            assert!(!said.contains("wait for the shared store"), "{said}");
        }
        assert!(said(&one).await.contains("out of memory"));
        refusing.heal().await;
        for (world, new) in [(&one, 10), (&two, 20), (&three, 30)] {
            until_cached(world, 1, version).await;
            // What it was refused, it is not any more.
            until_cached(world, new + how as u64, version).await;
            until_healthy(world).await;
        }
    }
}

#[tokio::test]
async fn an_invalidation_alone_says_that_memory_is_full_and_that_it_is_not() {
    let server = Server::start().await;
    let other = world(&server.url()).await;
    until_cached(&other, 1, 1).await;
    let world = world_beside(&other, &server.url()).await;
    for tag in ["item:1", "nobody"] {
        let refusing = Refusing::begin(&server, No::Memory).await;
        world.cache.invalidate_tag(tag).await.unwrap();
        assert!(said(&world).await.contains("out of memory"));
        refusing.heal().await;
        world.cache.invalidate_tag(tag).await.unwrap();
        assert_eq!(said(&world).await, "");
    }
}

#[tokio::test]
async fn a_write_under_way_ends_where_memory_is_full_by_now() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let other = world_beside(&world, &server.url()).await;
    until_cached(&world, 1, 1).await;
    let write = async {
        let version = world.write();
        (version, Refusing::begin(&server, No::Memory).await)
    };
    let bracket = world.cache.write_bracket(["item:1", "item:2"], write).await;
    let (version, refusing) = bracket.unwrap();
    for world in [&world, &other] {
        assert_eq!(item(world, 1).await, version);
    }
    assert!(!said(&world).await.contains("wait for the shared store"));
    refusing.heal().await;
    // It has ended: what is loaded is stored, long before an intent without its writer would end.
    for world in [&world, &other] {
        until_cached(world, 1, version).await;
    }
    until_healthy(&world).await;
}

#[tokio::test]
async fn a_full_store_owes_what_has_to_last_for_a_source_that_lags() {
    let server = Server::start().await;
    let builder = settings(&server.url()).read_timeout(PATIENCE / 4);
    let world = super::with(builder.settle_lag(MINUTE)).await;
    assert_eq!(item(&world, 1).await, 1);
    let refusing = Refusing::begin(&server, No::Memory).await;
    let pending = world.cache.invalidate_tag("nobody").await.unwrap_err();
    assert_eq!(pending.kind(), ErrorKind::Pending);
    let version = world.write();
    for id in [1, 2, 1] {
        // The store is not used while it is owed something, by this process.
        assert_eq!(item(&world, id).await, version);
    }
    assert!(said(&world).await.contains("wait for the shared store: 1"));
    refusing.heal().await;
    eventually("nothing is owed", async || {
        let said = said(&world).await;
        !said.contains("wait for the shared store")
    })
    .await;
    assert_eq!(server.keys("no:t:*nobody*").await.len(), 1);
}

#[tokio::test]
async fn what_a_full_store_refused_to_put_is_invalidated() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let other = world_beside(&world, &server.url()).await;
    world.cache.put(&key(1), &1, &minute()).await.unwrap();
    assert_eq!(other.cache.get(&key(1)).await, Some(1));
    let refusing = Refusing::begin(&server, No::Memory).await;
    let put = world.cache.put(&key(1), &2, &minute()).await.unwrap_err();
    assert_eq!(put.kind(), ErrorKind::Unavailable);
    assert_eq!(world.cache.get(&key(1)).await, None);
    // To take a key away needs no memory.
    eventually("others do not have it either", async || {
        other.cache.get(&key(1)).await.is_none()
    })
    .await;
    refusing.heal().await;
    eventually("what was owed is done, and writes are taken", async || {
        world.cache.put(&key(1), &3, &minute()).await.is_ok()
    })
    .await;
    until_healthy(&world).await;
    assert_eq!(other.cache.get(&key(1)).await, Some(3));
}

#[tokio::test]
async fn who_waits_for_a_load_that_a_full_store_refuses_is_told_at_once() {
    // The first is refused when it is stored; the second is not to be stored.
    for version in [1, 7] {
        let server = Server::start().await;
        let one = world(&server.url()).await;
        let two = world_beside(&one, &server.url()).await;
        for _ in 1..version {
            one.write();
        }
        one.hold();
        let loader = one.spawn(|world| async move { long(&world, 1).await });
        one.reached(1).await;
        let waiter = two.spawn(|world| async move { long(&world, 1).await });
        eventually("it waits", async || waits(&server, "no:l:{long*").await).await;
        let refusing = Refusing::begin(&server, No::Memory).await;
        let start = Instant::now();
        one.let_go();
        let answers = (loader.await.unwrap(), waiter.await.unwrap());
        assert_eq!(answers, (version, version));
        let took = start.elapsed();
        assert!(took < LAST_LIFE / 2, "version {version}: {took:?}");
        assert_eq!(one.loads(), 2);
        refusing.heal().await;
    }
}

#[tokio::test]
async fn memory_that_comes_and_goes_leaves_nothing_behind() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    until_cached(&world, 1, 1).await;
    for round in 0..5 {
        let refusing = Refusing::begin(&server, No::Memory).await;
        let version = world.write();
        world.cache.invalidate_tag("item:1").await.unwrap();
        assert_eq!(item(&world, 1).await, version);
        until_said(&world, "out of memory").await;
        refusing.heal().await;
        until_cached(&world, 1, version).await;
        until_cached(&world, 100 + round, version).await;
        until_healthy(&world).await;
    }
}

#[tokio::test]
async fn a_lease_that_is_evicted_again_and_again_costs_few_loads() {
    let server = Server::start().await;
    let one = world(&server.url()).await;
    let two = world_beside(&one, &server.url()).await;
    one.hold();
    let callers: Vec<_> = (0..20)
        .map(|number| {
            let world = if number % 2 == 0 { &one } else { &two };
            world.spawn(|world| async move { long(&world, 1).await })
        })
        .collect();
    one.reached(1).await;
    eventually("the other process waits", async || {
        waits(&server, "no:l:{long*").await
    })
    .await;
    assert_eq!(server.evict("no:l:*").await, 1);
    // The other process notices when it looks, and loads, too. Its lease goes, too.
    one.reached(1).await;
    assert_eq!(server.evict("no:l:*").await, 1);
    one.let_go();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert!(one.loads() <= 4, "{} loads", one.loads());
}

/// What is sold: large enough that the server has to evict.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Product {
    version: u64,
    picture: String,
}

const HEADROOM: u64 = 500_000;
const PRODUCTS: usize = 150;
const CALLS: usize = 600;
const CALLERS: usize = 6;

/// Versions as they are at the source, and as they were when the last invalidation was done.
struct Shelf {
    now: [AtomicU64; PRODUCTS],
    invalidated: [AtomicU64; PRODUCTS],
    /// Writes of one product are one after the other.
    writing: [tokio::sync::Mutex<()>; PRODUCTS],
    /// Answers that were older than they may be.
    wrong: Mutex<Vec<String>>,
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "product", key_fn = product_key, tags = ["product:{id}", "shelf:{result.version}"], skip(cache, shelf), cache = cache)]
async fn product(cache: &Cache, shelf: &Shelf, id: usize) -> Product {
    let version = shelf.now[id].load(SeqCst);
    tokio::task::yield_now().await;
    Product {
        version,
        picture: "x".repeat(6_000),
    }
}

async fn trade(cache: Cache, shelf: Arc<Shelf>, seed: u64) {
    let mut below = dice(seed);
    for _ in 0..CALLS {
        // Few are asked for often, and so are evicted late.
        let id = below(PRODUCTS).min(below(PRODUCTS));
        if below(10) == 0 {
            let _alone = shelf.writing[id].lock().await;
            let version = shelf.now[id].fetch_add(1, SeqCst) + 1;
            let done = match below(3) {
                0 => cache.invalidate(&product_key(id)).await,
                _ => cache.invalidate_tag(format!("product:{id}")).await,
            };
            if done.is_ok() {
                shelf.invalidated[id].store(version, SeqCst);
            }
        } else {
            let least = shelf.invalidated[id].load(SeqCst);
            let given = product(&cache, &shelf, id).await.version;
            if given < least {
                let wrong = format!("{id}: {given} after {least}");
                shelf.wrong.lock().unwrap().push(wrong);
            }
        }
    }
}

/// Numbers below an end: `SplitMix64`.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |end| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % end as u64).expect("less than an end")
    }
}

async fn nothing_comes_back_under(policy: &str) {
    let server = evicting(policy, HEADROOM).await;
    let shelf = Arc::new(Shelf {
        now: [const { AtomicU64::new(1) }; PRODUCTS],
        invalidated: [const { AtomicU64::new(1) }; PRODUCTS],
        writing: [const { tokio::sync::Mutex::const_new(()) }; PRODUCTS],
        wrong: Mutex::default(),
    });
    let mut caches = Vec::new();
    for _ in 0..2 {
        let built = settings(&server.url()).local_capacity(40).build().await;
        caches.push(built.unwrap());
    }
    // The connections need memory, too.
    squeeze(&server, HEADROOM).await;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (cache, shelf) = (caches[number % caches.len()].clone(), Arc::clone(&shelf));
        callers.spawn(trade(cache, shelf, number as u64));
    }
    // Tokens and leases go, not only what is large.
    for _ in 0..10 {
        for kind in ["no:[te]:*", "no:l:*"] {
            server.evict(kind).await;
            tokio::time::sleep(5 * MS).await;
        }
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    let wrong = std::mem::take(&mut *shelf.wrong.lock().unwrap());
    assert!(wrong.is_empty(), "{policy}: {wrong:?}");
    let evicted = evicted(&server).await;
    let hits: u64 = caches.iter().map(|cache| cache.stats().total.hits).sum();
    assert!(evicted > 100, "{policy}: {evicted} evicted");
    assert!(hits > 100, "{policy}: {hits} hits");
}

#[tokio::test]
async fn nothing_comes_back_under_allkeys_lru() {
    nothing_comes_back_under("allkeys-lru").await;
}

#[tokio::test]
async fn nothing_comes_back_under_allkeys_lfu() {
    nothing_comes_back_under("allkeys-lfu").await;
}

#[tokio::test]
async fn nothing_comes_back_under_volatile_lru() {
    nothing_comes_back_under("volatile-lru").await;
}

#[tokio::test]
async fn nothing_comes_back_under_volatile_ttl() {
    nothing_comes_back_under("volatile-ttl").await;
}

/// With the same source.
async fn world_beside(world: &World, url: &str) -> World {
    let mut other = super::world(url).await;
    other.source = Arc::clone(&world.source);
    other
}

/// Whether somebody waits for the only lease with such a name.
async fn waits(server: &Server, lease: &str) -> bool {
    let Some(key) = server.keys(lease).await.pop() else {
        return false;
    };
    let length = redis::cmd("STRLEN")
        .arg(key)
        .query_async::<u64>(&mut server.admin().await)
        .await;
    length.unwrap() >= 16
}

fn key(id: u64) -> Key<u64> {
    item_key(id)
}

fn minute() -> Policy {
    Policy::ttl(MINUTE).jitter(0.0).tags(["by hand"])
}
