//! What a hostile reader of the code found, and what holds since then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Broken, MINUTE, SECOND, World, settle};
use cache_aside::remote::double::{Op, Point, Trouble};
use cache_aside::remote::{Double, DoubleServer, Remote};
use cache_aside::{Cache, CacheBuilder, CacheExt, Clock, Coherence, Key, Policy};

struct P {
    world: World,
    way: Arc<Double>,
}

struct Fleet {
    server: DoubleServer,
    clock: Clock,
    p: Vec<P>,
}

impl Fleet {
    async fn on(clock: Clock, n: usize, settings: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        let server = DoubleServer::new(5);
        clock.advance(MINUTE);
        let mut p: Vec<P> = Vec::new();
        for _ in 0..n {
            let way = Arc::new(server.connect());
            let remote = Arc::clone(&way) as Arc<dyn Remote>;
            let cache = settings(Cache::builder().clock(clock.clone()).remote(remote))
                .build()
                .await
                .unwrap();
            let world = match p.first() {
                None => World::with(cache, clock.clone()),
                Some(first) => World {
                    cache,
                    ..first.world.clone()
                },
            };
            p.push(P { world, way });
        }
        Self { server, clock, p }
    }
    async fn new(n: usize, settings: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        Self::on(Clock::manual(), n, settings).await
    }
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.advance(by);
    }
}

fn same(b: CacheBuilder) -> CacheBuilder {
    b
}

fn key(id: u64) -> Key<u64> {
    Key::new("r1.hand", &(id,))
}

fn policy() -> Policy {
    Policy::ttl(MINUTE * 10).jitter(0.0)
}

async fn hand(world: &World, policy: &Policy) -> u64 {
    let load = || async { Ok::<_, Infallible>(world.load().await) };
    world
        .cache
        .get_or_load(&key(1), policy, load)
        .await
        .unwrap()
}

#[tokio::test]
async fn strict_asks_each_time_on_the_clock_of_the_system() {
    let fleet = Fleet::on(Clock::system(), 2, same).await;
    let two = &fleet.p[1];
    let (bounded, strict) = (policy(), policy().coherence(Coherence::Strict));
    for _ in 0..3 {
        hand(&two.world, &bounded).await;
    }
    let mut unasked = 0;
    for _ in 0..2000 {
        let before = two.way.trips();
        hand(&two.world, &strict).await;
        unasked += u32::from(two.way.trips() == before);
    }
    assert_eq!(unasked, 0, "of 2000 strict calls");
}

#[tokio::test]
async fn strict_gives_nothing_older_while_a_push_is_late() {
    let fleet = Fleet::on(Clock::system(), 2, same).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    let tagged = || policy().tags(["t"]);
    let (bounded, strict) = (tagged(), tagged().coherence(Coherence::Strict));
    let mut stale = 0;
    for _ in 0..500 {
        two.way.push_by_hand(false);
        for _ in 0..3 {
            hand(&two.world, &bounded).await;
        }
        two.way.push_by_hand(true);
        // A beat, heard at once.
        two.way.beat();
        while two.way.deliver_push().is_some() {}
        let version = one.world.write();
        one.world.cache.invalidate_tag("t").await.unwrap();
        stale += u32::from(hand(&two.world, &strict).await != version);
    }
    assert_eq!(stale, 0, "of 500 strict calls after an invalidation");
}

#[tokio::test]
async fn a_strict_caller_is_not_given_what_a_view_confirmed() {
    let fleet = Fleet::new(2, |b| b.trust_views(true)).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    let tagged = || policy().tags(["t"]);
    let (bounded, strict) = (tagged(), tagged().coherence(Coherence::Strict));
    // Both know the tokens.
    hand(&one.world, &bounded).await;
    hand(&two.world, &bounded).await;
    hand(&two.world, &bounded).await;
    two.world.cache.invalidate(&key(1)).await.unwrap();
    two.way.push_by_hand(true);
    // The leader: finds nothing, asks for the lease, and another process stores meanwhile.
    let hold = Trouble::Hold(Point::Sent);
    two.way.begin(hold, &[Op::Lock]);
    let leader = {
        let (world, bounded) = (two.world.clone(), bounded.clone());
        tokio::spawn(async move { hand(&world, &bounded).await })
    };
    settle().await;
    assert_eq!(fleet.server.held().len(), 1, "the lease is asked for");
    let old = hand(&one.world, &bounded).await;
    // The push of this is late.
    let version = one.world.write();
    one.world.cache.invalidate_tag("t").await.unwrap();
    let joiner = {
        let (world, strict) = (two.world.clone(), strict.clone());
        tokio::spawn(async move { hand(&world, &strict).await })
    };
    settle().await;
    two.way.end(hold);
    fleet.server.release_all();
    let given = joiner.await.unwrap();
    let led = leader.await.unwrap();
    assert_eq!(given, version, "strict; old {old}, leader {led}");
}

#[tokio::test]
async fn overlapping_brackets_lag_as_well() {
    let lag = MINUTE;
    let fleet = Fleet::new(2, |b| b.settle_lag(lag)).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    let tagged = policy().tags(["t"]);
    // Two writes at once.
    let outer = one.world.cache.write_bracket(["t"], async {
        two.world
            .cache
            .write_bracket(["t"], async {})
            .await
            .unwrap();
        fleet.advance(SECOND * 10);
        // commit; the replica has it a minute later
    });
    outer.await.unwrap();
    let stored = async |w: &World| {
        let before = w.loads();
        hand(w, &tagged).await;
        hand(w, &tagged).await;
        w.loads() - before
    };
    assert_eq!(stored(&one.world).await, 2);
    fleet.advance(SECOND * 25);
    assert_eq!(
        stored(&one.world).await,
        2,
        "25 s after the commit, of a lag of 60"
    );
    fleet.advance(SECOND * 20);
    assert_eq!(
        stored(&one.world).await,
        2,
        "45 s after the commit, of a lag of 60"
    );
}

#[tokio::test]
async fn soft_answers_are_not_given_at_once_for_errors_alone() {
    for shared in [true, false] {
        let world = if shared {
            let mut fleet = Fleet::new(1, same).await;
            fleet.p.remove(0).world
        } else {
            World::new().await
        };
        let policy = policy().tags(["t"]).stale_if_error(MINUTE * 20);
        let get = async || {
            let source = world.clone();
            let load = move || async move { Ok::<_, Infallible>(source.load().await) };
            world
                .cache
                .get_or_load_owned(&key(1), &policy, load)
                .await
                .unwrap()
        };
        get().await;
        let version = world.write();
        world.cache.invalidate_tag("t").soft(MINUTE).await.unwrap();
        assert_eq!(get().await, version, "shared: {shared}");
    }
}

#[tokio::test]
async fn who_takes_stale_answers_for_errors_waits_for_a_load_that_runs() {
    let world = World::new().await;
    let policy = policy().tags(["t"]).stale_if_error(MINUTE * 20);
    hand(&world, &policy).await;
    world.forget_reached();
    let version = world.write();
    world.cache.invalidate_tag("t").soft(MINUTE).await.unwrap();
    world.hold();
    let first = {
        let (world, policy) = (world.clone(), policy.clone());
        tokio::spawn(async move { hand(&world, &policy).await })
    };
    world.reached(1).await;
    let second = {
        let (world, policy) = (world.clone(), policy.clone());
        tokio::spawn(async move { hand(&world, &policy).await })
    };
    settle().await;
    world.let_go();
    assert_eq!(first.await.unwrap(), version);
    assert_eq!(second.await.unwrap(), version);
}

#[tokio::test(start_paused = true)]
async fn the_longest_window_can_be_waited_for() {
    let fleet = Fleet::new(1, |b| b.coherence(Coherence::Bounded(Duration::MAX))).await;
    let world = fleet.p[0].world.clone();
    let task = tokio::spawn(async move { world.cache.invalidate_tag("t").settled().await });
    settle().await;
    if task.is_finished() {
        task.await.expect("no panic").unwrap();
    }
}

#[tokio::test]
async fn a_put_reaches_the_copies_of_others() {
    let fleet = Fleet::new(2, same).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    for _ in 0..3 {
        hand(&two.world, &policy()).await;
    }
    one.world.cache.put(&key(1), &77, &policy()).await.unwrap();
    let mut t = 0;
    while hand(&two.world, &policy()).await != 77 && t < 100 {
        fleet.advance(SECOND);
        two.way.beat();
        t += 1;
    }
    assert!(
        t <= 1,
        "another process gave the answer before the put for {t} s"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_stored_ends_the_copies_of_others() {
    for coherence in [Coherence::Strict, Coherence::default()] {
        let fleet = Fleet::new(2, |b| b.coherence(coherence)).await;
        let (one, two) = (&fleet.p[0], &fleet.p[1]);
        let get = async |w: &World, refresh: bool, found: bool| {
            let policy = policy().negative_ttl(Duration::ZERO);
            let load = || async { Ok::<_, Infallible>(found.then_some(1u64)) };
            let k = key(1);
            let call = w.cache.find_or_load(&k, &policy, load);
            if refresh {
                call.refresh_cache().await.unwrap()
            } else {
                call.await.unwrap()
            }
        };
        for p in [one, two] {
            for _ in 0..3 {
                assert_eq!(get(&p.world, false, true).await, Some(1));
            }
        }
        assert_eq!(get(&one.world, true, false).await, None);
        fleet.advance(SECOND * 2);
        two.way.beat();
        assert_eq!(get(&one.world, false, false).await, None, "{coherence:?}");
        let mut given = 0;
        while get(&two.world, false, false).await.is_some() && given < 100 {
            fleet.advance(SECOND);
            two.way.beat();
            given += 1;
        }
        assert_eq!(given, 0, "{coherence:?}: for so many seconds more");
    }
}

#[tokio::test]
async fn windows_that_cannot_be_kept_ask_each_time() {
    let fleet = Fleet::on(Clock::system(), 1, same).await;
    let p = &fleet.p[0];
    let close = policy().coherence(Coherence::Bounded(Duration::from_millis(10)));
    for _ in 0..3 {
        hand(&p.world, &policy()).await;
    }
    let mut unasked = 0;
    for _ in 0..1000 {
        let before = p.way.trips();
        hand(&p.world, &close).await;
        unasked += u32::from(p.way.trips() == before);
    }
    assert_eq!(unasked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_asks_each_time_on_a_real_server() {
    let server = crate::support::server::Server::start().await;
    let settings = cache_aside::remote::redis::RedisSettings::new(server.url(), "r1");
    let remote = cache_aside::remote::redis::RedisRemote::start(settings)
        .await
        .unwrap();
    let cache = Cache::builder().remote(remote).build().await.unwrap();
    let world = World::with(cache, Clock::system());
    let strict = policy().coherence(Coherence::Strict);
    for _ in 0..10 {
        hand(&world, &policy()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A second cache makes no questions of its own meanwhile.
    server.reset_stats().await;
    let mut calls = 0u64;
    let began = std::time::Instant::now();
    while began.elapsed() < SECOND * 5 {
        hand(&world, &strict).await;
        calls += 1;
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
    let stats = server.command_stats().await;
    let asked = stats.get("getrange").copied().unwrap_or_default();
    assert_eq!(
        calls - asked,
        0,
        "of {calls} strict calls were not asked; {stats:?}"
    );
}

#[cache_aside::cache_invalidate(tags = ["other:{id}"], keys = [Key::<u64>::new("r1.hand", &(id,))], bracket = true, cache = world.cache)]
async fn bracketed(world: &World, id: u64) -> Result<(), Broken> {
    world.write();
    Ok(())
}

#[tokio::test]
async fn keys_of_a_bracketed_write_are_invalidated_although_its_caller_goes_away() {
    let fleet = Fleet::new(2, same).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    hand(&one.world, &policy()).await;
    let hold = Trouble::Hold(Point::Sent);
    one.way.begin(hold, &[Op::Conclude]);
    let write = {
        let world = one.world.clone();
        tokio::spawn(async move { bracketed(&world, 1).await })
    };
    settle().await;
    assert_eq!(
        fleet.server.held().len(),
        1,
        "the end of the bracket is on its way"
    );
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    one.way.end(hold);
    fleet.server.release_all();
    settle().await;
    fleet.advance(MINUTE);
    let got = [
        hand(&one.world, &policy()).await,
        hand(&two.world, &policy()).await,
    ];
    assert_eq!(got, [2, 2]);
}

#[tokio::test]
async fn an_outdated_entry_costs_its_neighbour_no_load() {
    let fleet = Fleet::new(2, |b| b.trust_views(true)).await;
    let (one, two) = (&fleet.p[0], &fleet.p[1]);
    let tagged = policy().tags(["t"]);
    let (a, b) = (key(1), key(2));
    // The store has an entry of the first that is no longer valid.
    one.world.cache.put(&a, &1, &tagged).await.unwrap();
    one.world.cache.invalidate_tag("t").await.unwrap();
    one.world.cache.put(&b, &2, &tagged).await.unwrap();
    for _ in 0..3 {
        two.world.cache.get(&b).await;
    }
    // In doubt, and the tokens known.
    fleet.advance(SECOND * 2);
    two.way.beat();
    two.world
        .cache
        .get(&Key::<u64>::new("r1.hand", &(3u64,)))
        .await;
    for keys in [[b.clone(), a.clone()], [a, b]] {
        two.world.cache.get(&keys[0]).await;
        fleet.advance(SECOND * 31);
        two.way.beat();
        two.world
            .cache
            .get(&Key::<u64>::new("r1.hand", &(3u64,)))
            .await;
        let got = two.world.cache.get_many(&keys).await;
        assert!(got.contains(&Some(2)), "{got:?}");
    }
}

#[cache_aside::cache_invalidate(tags = ["other:{id}"], bracket = true, settled = true, cache = world.cache)]
async fn settled_bracket(world: &World, id: u64) -> Result<(), Broken> {
    world.write();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_settled_bracket_waits_once() {
    let fleet = Fleet::new(1, same).await;
    let began = tokio::time::Instant::now();
    settled_bracket(&fleet.p[0].world, 1).await.unwrap();
    let bracket = began.elapsed();
    let began = tokio::time::Instant::now();
    fleet.p[0]
        .world
        .cache
        .invalidate_tags(Vec::<String>::new())
        .settled()
        .await
        .unwrap();
    assert!(
        bracket < SECOND * 3 / 2 && began.elapsed() < SECOND / 2,
        "{bracket:?}, nothing at all: {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn places_taken_while_a_source_lags_do_not_extend_the_lag() {
    let fleet = Fleet::new(1, |b| b.settle_lag(SECOND * 5)).await;
    let world = &fleet.p[0].world;
    world.cache.invalidate(&key(1)).await.unwrap();
    let mut rounds = 0;
    for _ in 0..20 {
        fleet.advance(SECOND * 4);
        let Ok(place) = world.cache.reserve(&key(1), &policy()).await else {
            continue;
        };
        if place.fill(&5).await.unwrap() {
            break;
        }
        rounds += 1;
    }
    assert!(
        rounds <= 2,
        "{rounds} places of 4 s each were refused, for a lag of 5 s"
    );
}
