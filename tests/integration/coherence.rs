//! How far a process trusts its own copies: no question while it hears what the store pushes, a
//! small one where there is doubt. The store is the deterministic double.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::double::{Op, Point, Pushed, Trouble};
use cache_aside::remote::{Cell, Double, DoubleServer, EntryName, Part, Read, Remote};
use cache_aside::{
    Cache, CacheBuilder, CacheExt, Clock, Coherence, Key, Outcome, Policy, Tier, cache_aside,
};

use crate::support::{MINUTE, SECOND, World, settle};

/// A process: its world, and its way to the store.
#[derive(Clone)]
struct Process {
    world: World,
    way: Arc<Double>,
}

/// Two processes that share a store and a source.
#[expect(clippy::struct_field_names, reason = "they are called one and two")]
struct Two {
    server: DoubleServer,
    clock: Clock,
    one: Process,
    two: Process,
}

impl Two {
    async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    async fn with(settings: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        let (server, clock) = (DoubleServer::new(3), Clock::manual());
        // A clock that has just begun knows that there was nothing before.
        clock.advance(MINUTE);
        let cache = |way: &Arc<Double>| {
            let remote = Arc::clone(way) as Arc<dyn Remote>;
            settings(Cache::builder().clock(clock.clone()).remote(remote)).build()
        };
        let ways = [server.connect(), server.connect()].map(Arc::new);
        let first = World::with(cache(&ways[0]).await.unwrap(), clock.clone());
        let cache = cache(&ways[1]).await.unwrap();
        let worlds = [first.clone(), World { cache, ..first }];
        let mut processes = worlds.into_iter().zip(ways);
        let mut process = || {
            let (world, way) = processes.next().unwrap();
            Process { world, way }
        };
        let (one, two) = (process(), process());
        Self {
            server,
            clock,
            one,
            two,
        }
    }

    /// The same, and both have a copy of what `item` returns that is beyond doubt.
    async fn with_copies() -> Self {
        let fleet = Self::new().await;
        for process in [&fleet.one, &fleet.two] {
            item(&process.world, 1).await;
            item(&process.world, 1).await;
        }
        assert_eq!(fleet.two.world.loads(), 1);
        fleet
    }

    /// Time passes, everywhere.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.server.advance(by);
    }
}

impl Process {
    /// How many trips a call makes, and its answer.
    async fn trips<T>(&self, call: impl Future<Output = T>) -> (u64, T) {
        let before = self.way.trips();
        let answer = call.await;
        (self.way.trips() - before, answer)
    }

    async fn item(&self) -> (u64, u64) {
        self.trips(item(&self.world, 1)).await
    }

    /// Everything that is on its way arrives, and a beat is heard.
    fn hear(&self) {
        self.way.beat();
        while self.way.deliver_push().is_some() {}
    }
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "trust.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "trust.here", remote = false, tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn here(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "10m", jitter = 0, prefix = "trust.batch", each = ids, skip(world), cache = world.cache)]
async fn batch(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, version)).collect()
}

fn key(prefix: &'static str, id: u64) -> Key<u64> {
    Key::new(prefix, &(id,))
}

fn entry(key: &Key<u64>) -> EntryName {
    EntryName::new(key.to_string())
}

fn policy() -> Policy {
    Policy::ttl(MINUTE * 10).jitter(0.0)
}

/// By hand, through the cache of a process.
async fn by_hand(process: &Process, policy: &Policy) -> u64 {
    let world = &process.world;
    let load = || async { Ok::<_, std::convert::Infallible>(world.load().await) };
    let key = key("trust.hand", 1);
    match world.cache.get_or_load(&key, policy, load).await {
        Ok(version) => version,
        Err(never) => match never {},
    }
}

#[tokio::test]
async fn i9_a_hit_makes_no_trip_while_pushes_are_heard() {
    let fleet = Two::with_copies().await;
    fleet.advance(SECOND / 2);
    for process in [&fleet.one, &fleet.two] {
        assert_eq!(process.item().await, (0, 1));
        let reported = process
            .trips(item(&process.world, 1).with_cache_report())
            .await;
        let (trips, (value, report)) = reported;
        assert_eq!((trips, value), (0, 1));
        assert_eq!(
            (report.outcome, report.tier),
            (Outcome::Hit, Some(Tier::Local))
        );
    }
}

#[tokio::test]
async fn i9_after_a_window_of_silence_one_question_is_asked() {
    let fleet = Two::with_copies().await;
    for _ in 0..3 {
        fleet.advance(SECOND);
        assert_eq!(fleet.two.item().await, (1, 1));
        assert_eq!(fleet.two.item().await, (0, 1));
    }
    assert_eq!(fleet.two.world.loads(), 1);
}

/// Whatever is told by other processes, also about other tags.
#[tokio::test]
async fn what_others_load_and_invalidate_puts_no_copy_in_doubt() {
    let fleet = Two::with_copies().await;
    for id in 2..20 {
        fleet.advance(SECOND / 100);
        item(&fleet.one.world, id).await;
        let tag = format!("item:{id}");
        fleet.one.world.cache.invalidate_tag(tag).await.unwrap();
        let key = key("trust.item", id);
        fleet.one.world.cache.invalidate(&key).await.unwrap();
    }
    assert_eq!(fleet.two.item().await, (0, 1));
}

/// The store holds the identity of the entry and nothing else: whoever reads more has no answer.
#[tokio::test]
async fn i10_a_copy_in_doubt_costs_one_trip_without_the_value() {
    let fleet = Two::with_copies().await;
    let name = entry(&key("trust.item", 1));
    let what = Read {
        entries: vec![(name.clone(), Part::Whole)],
        ..Read::default()
    };
    let whole = fleet.server.connect().read(what).await.unwrap();
    let bytes = whole.entries[0].bytes.as_deref().unwrap();
    fleet.server.put_entry(name, bytes[..32].to_vec(), MINUTE);
    fleet.two.way.cut();
    fleet.two.way.mend();
    assert_eq!(fleet.two.item().await, (1, 1), "after a break");
    assert_eq!(fleet.two.item().await, (0, 1));
    assert_eq!(fleet.two.way.count(Op::Lock), 0);
    assert_eq!(fleet.two.world.loads(), 1);
}

#[tokio::test]
async fn i10_an_invalidation_elsewhere_is_seen_at_once() {
    let fleet = Two::with_copies().await;
    let cache = &fleet.one.world.cache;
    for how in 0..4 {
        let version = fleet.one.world.write();
        let invalidation = match how {
            0 => cache.invalidate_tag("item:1"),
            // Its tags stay what they are.
            1 => cache.invalidate(&key("trust.item", 1)),
            2 => cache.invalidate_prefix("trust.item"),
            _ => cache.clear(),
        };
        invalidation.await.unwrap();
        for process in [&fleet.two, &fleet.one] {
            assert_eq!(process.item().await.1, version, "{how}");
            process.item().await;
            assert_eq!(process.item().await, (0, version), "{how}");
        }
    }
    assert_eq!(fleet.one.world.loads(), 5);
}

#[tokio::test]
async fn i10_what_is_kept_in_the_process_alone_follows_too() {
    let fleet = Two::new().await;
    let (one, two) = (&fleet.one, &fleet.two);
    let trips = async || two.trips(here(&two.world, 1)).await;
    assert_eq!(trips().await.1, 1);
    trips().await;
    assert_eq!(trips().await, (0, 1));
    for how in 0..2 {
        let version = one.world.write();
        let invalidation = match how {
            0 => one.world.cache.invalidate_tag("item:1"),
            _ => one.world.cache.invalidate(&key("trust.here", 1)),
        };
        invalidation.await.unwrap();
        assert_eq!(trips().await.1, version, "{how}");
        trips().await;
        assert_eq!(trips().await, (0, version), "{how}");
    }
    fleet.advance(SECOND);
    assert_eq!(trips().await, (1, 3));
    assert_eq!(trips().await, (0, 3));
}

/// A line that fell silent: a copy is old for the window and no longer.
#[tokio::test]
async fn i9_who_is_cut_off_gives_an_old_copy_until_the_window_is_over() {
    let fleet = Two::with_copies().await;
    fleet.two.way.push_by_hand(true);
    fleet.two.way.cut_pushes_silently();
    fleet.one.world.write();
    let cache = &fleet.one.world.cache;
    cache.invalidate(&key("trust.item", 1)).await.unwrap();
    fleet.advance(SECOND * 9 / 10);
    fleet.two.hear();
    assert_eq!(fleet.two.item().await, (0, 1));
    fleet.advance(SECOND / 10);
    assert_eq!(fleet.two.item().await.1, 2);
    let asked = fleet.two.item().await;
    assert_eq!(asked, (1, 2), "what it cannot follow it asks for each time");
    fleet.two.way.break_pushes();
    assert_eq!(fleet.two.world.cache.stats().pushes_lost, 1);
    assert!(fleet.two.way.follow_again());
    fleet.two.hear();
    fleet.two.hear();
    assert_eq!(fleet.two.item().await, (1, 2), "known from before");
    assert_eq!(fleet.two.item().await, (0, 2));
}

/// The answer comes after the push that made it old.
#[tokio::test]
async fn i10_an_answer_that_a_push_overtook_confirms_nothing() {
    let fleet = Two::with_copies().await;
    fleet.advance(SECOND);
    let hold = Trouble::Hold(Point::Executed);
    fleet.two.way.begin(hold, &[Op::Read]);
    let world = fleet.two.world.clone();
    let asking = tokio::spawn(async move { item(&world, 1).await });
    settle().await;
    assert_eq!(fleet.server.held().len(), 1, "it asks");
    fleet.one.world.write();
    let cache = &fleet.one.world.cache;
    cache.invalidate(&key("trust.item", 1)).await.unwrap();
    fleet.two.way.end(hold);
    fleet.server.release_all();
    assert_eq!(asking.await.unwrap(), 1, "it asked before");
    assert_eq!(fleet.two.item().await.1, 2);
}

/// What a writer was answered before a beat was taken is known when that is heard, although the
/// server answers writers before it pushes.
#[tokio::test]
async fn i9_a_beat_is_heard_after_what_was_answered_before_it() {
    let fleet = Two::with_copies().await;
    fleet.two.way.push_by_hand(true);
    fleet.server.answer_early(true);
    fleet.one.way.push_by_hand(true);
    let version = fleet.one.world.write();
    let cache = &fleet.one.world.cache;
    cache.invalidate_tag("item:1").await.unwrap();
    assert!(fleet.server.has_unpushed());
    fleet.advance(SECOND / 2);
    assert_eq!(fleet.two.item().await, (0, 1), "within the window");
    fleet.two.hear();
    fleet.advance(SECOND / 2);
    assert_eq!(fleet.two.item().await.1, version);
}

#[tokio::test]
async fn a_strict_function_asks_each_time_and_its_neighbours_do_not() {
    let fleet = Two::new().await;
    let (bounded, strict) = (policy(), policy().coherence(Coherence::Strict));
    for _ in 0..2 {
        by_hand(&fleet.two, &bounded).await;
    }
    for _ in 0..3 {
        let asked = fleet.two.trips(by_hand(&fleet.two, &strict)).await;
        assert_eq!(asked, (1, 1));
        let unasked = fleet.two.trips(by_hand(&fleet.two, &bounded)).await;
        assert_eq!(unasked, (0, 1), "the same entry");
    }
    // One that the strict function stored is not trusted for the other.
    let cache = &fleet.two.world.cache;
    cache.invalidate(&key("trust.hand", 1)).await.unwrap();
    for _ in 0..3 {
        let asked = fleet.two.trips(by_hand(&fleet.two, &strict)).await;
        assert!(asked.0 > 0);
    }
}

#[tokio::test]
async fn a_strict_cache_asks_each_time_whatever_its_functions_say() {
    let fleet = Two::with(|settings| settings.coherence(Coherence::Strict)).await;
    let bounded = policy().coherence(Coherence::Bounded(MINUTE));
    by_hand(&fleet.two, &bounded).await;
    for _ in 0..3 {
        let asked = fleet.two.trips(by_hand(&fleet.two, &bounded)).await;
        assert_eq!(asked, (1, 1));
    }
    assert!(!fleet.two.way.is_followed(), "nobody wants to know");
}

/// The closer of the two windows holds.
#[tokio::test]
async fn a_function_may_follow_more_closely_than_its_cache() {
    let fleet = Two::new().await;
    let close = policy().coherence(Coherence::Bounded(SECOND / 5));
    for _ in 0..2 {
        by_hand(&fleet.two, &policy()).await;
    }
    fleet.advance(SECOND / 4);
    assert_eq!(fleet.two.trips(by_hand(&fleet.two, &policy())).await.0, 0);
    assert_eq!(fleet.two.trips(by_hand(&fleet.two, &close)).await.0, 1);
    assert_eq!(fleet.two.trips(by_hand(&fleet.two, &close)).await.0, 0);
}

#[tokio::test]
async fn while_the_store_is_down_copies_are_given_for_as_long_as_was_said() {
    for (said, strict) in [
        (None, false),
        (Some(SECOND * 10), false),
        (Some(SECOND * 10), true),
    ] {
        let fleet = Two::with(|settings| match said {
            Some(time) => settings.local_on_down(time),
            None => settings,
        })
        .await;
        let strict = strict.then_some(Coherence::Strict);
        let policy = strict.map_or_else(policy, |strict| policy().coherence(strict));
        for _ in 0..2 {
            by_hand(&fleet.two, &policy).await;
        }
        let loads = async || {
            let before = fleet.two.world.loads();
            by_hand(&fleet.two, &policy).await;
            fleet.two.world.loads() - before
        };
        fleet.server.go_down();
        fleet.advance(SECOND / 2);
        let trusted = strict.is_none();
        assert_eq!(loads().await, u64::from(!trusted), "within the window");
        fleet.advance(SECOND);
        let given = trusted && said.is_some();
        assert_eq!(loads().await, u64::from(!given), "{said:?}");
        fleet.advance(SECOND * 8);
        assert_eq!(loads().await, u64::from(!given), "{said:?}");
        fleet.advance(SECOND / 2);
        assert_eq!(loads().await, 1, "{said:?}: the time is over");
    }
}

/// Nothing excuses what was known to be in doubt before the store went away.
#[tokio::test]
async fn while_the_store_is_down_a_copy_in_doubt_is_not_given() {
    let fleet = Two::with(|settings| settings.local_on_down(MINUTE)).await;
    for _ in 0..2 {
        by_hand(&fleet.two, &policy()).await;
    }
    let version = fleet.one.world.write();
    let cache = &fleet.one.world.cache;
    cache.invalidate(&key("trust.hand", 1)).await.unwrap();
    fleet.server.go_down();
    assert_eq!(by_hand(&fleet.two, &policy()).await, version);
}

#[tokio::test]
async fn get_many_asks_about_what_is_in_doubt_and_nothing_else() {
    let fleet = Two::new().await;
    let keys: Vec<_> = (1..=3).map(|id| key("trust.many", id)).collect();
    for (value, key) in (1..).zip(&keys) {
        fleet
            .one
            .world
            .cache
            .put(key, &value, &policy())
            .await
            .unwrap();
    }
    let cache = &fleet.two.world.cache;
    let all = [Some(1), Some(2), Some(3)];
    for _ in 0..2 {
        assert_eq!(cache.get_many(&keys).await, all);
    }
    assert_eq!(
        fleet.two.trips(cache.get_many(&keys)).await,
        (0, all.to_vec())
    );
    // If it asked about the others, they would not be there.
    for key in [&keys[0], &keys[2]] {
        fleet.server.evict_entry(&entry(key));
    }
    fleet.one.world.cache.invalidate(&keys[1]).await.unwrap();
    let asked = fleet.two.trips(cache.get_many(&keys)).await;
    assert_eq!(asked.1, [Some(1), None, Some(3)]);
    assert_eq!(asked.0, 1);
}

#[tokio::test]
async fn a_batch_asks_about_what_is_in_doubt_and_nothing_else() {
    let fleet = Two::new().await;
    let world = &fleet.two.world;
    let ids = || vec![1, 2, 3];
    for _ in 0..2 {
        batch(world, ids()).await;
    }
    let (trips, answers) = fleet.two.trips(batch(world, ids())).await;
    assert_eq!(
        (trips, answers),
        (0, HashMap::from([(1, 1), (2, 1), (3, 1)]))
    );
    for id in [1, 3] {
        fleet.server.evict_entry(&entry(&key("trust.batch", id)));
    }
    world.write();
    let second = key("trust.batch", 2);
    fleet.one.world.cache.invalidate(&second).await.unwrap();
    let answers = batch(world, ids()).await;
    assert_eq!(answers, HashMap::from([(1, 1), (2, 2), (3, 1)]));
}

#[tokio::test]
async fn a_refresh_asks_although_nothing_is_in_doubt() {
    let fleet = Two::with_copies().await;
    let version = fleet.two.world.write();
    let refresh = item(&fleet.two.world, 1).refresh_cache();
    let (trips, value) = fleet.two.trips(refresh).await;
    assert!(trips > 0);
    assert_eq!(value, version);
    assert_eq!(fleet.one.world.loads(), 2);
}

#[tokio::test]
async fn i10_what_one_life_of_a_server_said_is_not_trusted_in_another() {
    let fleet = Two::with_copies().await;
    let snapshot = fleet.server.snapshot();
    // What was invalidated since then is forgotten, too.
    let version = fleet.one.world.write();
    fleet.server.restart(Some(&snapshot));
    assert_eq!(fleet.two.item().await.1, version);
    fleet.two.item().await;
    assert_eq!(fleet.two.item().await, (0, version));
}

/// The line is that of the life before: whatever the new one answers may change unheard.
#[tokio::test]
async fn i10_what_a_server_says_that_nobody_follows_is_asked_again() {
    let fleet = Two::with_copies().await;
    fleet.two.way.push_by_hand(true);
    fleet.server.restart(None);
    let cache = &fleet.two.world.cache;
    cache.invalidate(&key("trust.item", 1)).await.unwrap();
    fleet.two.item().await;
    for _ in 0..3 {
        assert_eq!(fleet.two.item().await, (1, 1));
    }
    assert!(fleet.two.way.follow_again());
    assert_eq!(fleet.two.way.pushes(), [Pushed::Following]);
    fleet.two.hear();
    fleet.two.hear();
    fleet.two.item().await;
    assert_eq!(fleet.two.item().await, (0, 1));
}

#[tokio::test]
async fn i10_after_everything_was_flushed_nothing_is_trusted() {
    let fleet = Two::with_copies().await;
    let version = fleet.one.world.write();
    fleet.server.flush();
    assert_eq!(fleet.two.item().await.1, version);
    fleet.server.evict_cell(&Cell::Tag("item:1".into()));
    let version = fleet.one.world.write();
    assert_eq!(fleet.one.item().await.1, version);
}

/// Stale windows are those of the function, also while nobody can be asked; a bound of the function
/// holds as well.
#[tokio::test]
async fn while_the_store_is_down_windows_and_bounds_are_those_of_the_function() {
    let down_for = |settings: CacheBuilder| settings.local_on_down(MINUTE * 30);
    for (policy, given) in [
        (policy(), [true, false, false]),
        (policy().stale_if_error(MINUTE), [true, true, false]),
        (policy().stale_if_error(MINUTE).local(MINUTE), [false; 3]),
    ] {
        let fleet = Two::with(down_for).await;
        let world = &fleet.two.world;
        let key = key("trust.down", 1);
        let load = |works: bool| async move {
            let version = world.load().await;
            if works { Ok(version) } else { Err(()) }
        };
        let ask = async |works| world.cache.get_or_load(&key, &policy, || load(works)).await;
        for _ in 0..2 {
            assert_eq!(ask(true).await, Ok(1));
        }
        fleet.server.go_down();
        // Fresh, within the window of the function, and past it.
        for (wait, given) in [9, 1, 1].into_iter().zip(given) {
            fleet.advance(MINUTE * wait);
            assert_eq!(ask(false).await.is_ok(), given, "{wait} {policy:?}");
        }
    }
}
