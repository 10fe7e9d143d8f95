//! Where look-ups of a function mostly find nothing, the next one asks for the lease in the same trip.

use std::sync::Arc;

use cache_aside::remote::double::{Op, Point, Trouble};
use cache_aside::remote::{Cell, Double, DoubleServer, EntryName, Locked, Remote};
use cache_aside::{Cache, CacheExt, Coherence, Key, Outcome, Report, Tier, cache_aside};
use tokio::time::timeout;

use crate::support::{SECOND, World, settle, until};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "expected.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

const ID: u64 = 1;

fn name() -> EntryName {
    EntryName::new(Key::<u64>::new("expected.item", &(ID,)).to_string())
}

/// Two processes. The first has had nothing but misses, and expects another one.
struct Pair {
    server: DoubleServer,
    one: World,
    way: Arc<Double>,
    two: World,
}

impl Pair {
    async fn new() -> Self {
        let server = DoubleServer::new(23);
        let (first, second) = (Arc::new(server.connect()), Arc::new(server.connect()));
        let one = World::new().await;
        let mut worlds = Vec::new();
        for way in [&first, &second] {
            let cache = Cache::builder()
                .clock(one.clock.clone())
                .remote(Arc::clone(way) as Arc<dyn Remote>)
                .coherence(Coherence::Strict)
                .build()
                .await
                .unwrap();
            worlds.push(World {
                cache,
                ..one.clone()
            });
        }
        let two = worlds.pop().unwrap();
        let one = worlds.pop().unwrap();
        for id in 100..103 {
            item(&one, id).await;
        }
        one.forget_reached();
        assert_eq!(first.count(Op::ReadOrLock), 1, "the last of them");
        Self {
            server,
            one,
            way: first,
            two,
        }
    }

    /// Calls where a miss is expected, and says how many requests it took.
    async fn call(&self) -> (u64, Report, [u64; 3]) {
        let ops = [Op::ReadOrLock, Op::Read, Op::Lock];
        let before = ops.map(|op| self.way.count(op));
        let (value, report) = item(&self.one, ID).with_cache_report().await;
        let after = ops.map(|op| self.way.count(op));
        let sent = [0, 1, 2].map(|at| after[at] - before[at]);
        (value, report, sent)
    }

    /// Whether nobody holds the lease of the key.
    async fn is_free(&self) -> bool {
        let seen = self.way.read(cache_aside::remote::Read {
            entries: vec![(name(), cache_aside::remote::Part::Identity)],
            cells: Vec::new(),
        });
        let seen = seen.await.unwrap().entries[0].bytes.clone();
        let seen = seen.and_then(|bytes| bytes.first_chunk().copied());
        let lock = cache_aside::remote::Lock {
            entry: name(),
            how: cache_aside::remote::How::IfFree {
                seen: seen.map(cache_aside::remote::LeaseId),
            },
            ttl: SECOND / 1_000,
        };
        let reply = self.way.lock(vec![lock], Vec::new(), SECOND).await.unwrap();
        matches!(reply.locks[0].0, Locked::Granted(_))
    }
}

#[tokio::test]
async fn a_miss_that_is_expected_is_two_requests() {
    let pair = Pair::new().await;
    let fills = pair.way.count(Op::Fill);
    let (value, report, sent) = pair.call().await;
    assert_eq!(
        (value, report.outcome, sent),
        (1, Outcome::Loaded, [1, 0, 0])
    );
    assert_eq!(pair.way.count(Op::Fill) - fills, 1);
    let (_, report) = item(&pair.two, ID).with_cache_report().await;
    assert_eq!(
        (report.outcome, report.tier),
        (Outcome::Hit, Some(Tier::Remote))
    );
}

#[tokio::test]
async fn an_answer_that_was_not_expected_is_a_hit_in_one_request() {
    let pair = Pair::new().await;
    item(&pair.two, ID).await;
    let counts = || pair.one.cache.stats().prefixes["expected.item"];
    let (before, loads) = (counts(), pair.one.loads());
    let (value, report, sent) = pair.call().await;
    assert_eq!(
        (report.outcome, report.tier),
        (Outcome::Hit, Some(Tier::Remote))
    );
    assert_eq!((value, sent, pair.one.loads()), (1, [1, 0, 0], loads));
    let after = counts();
    assert_eq!(after.hits - before.hits, 1);
    assert_eq!(after.remote_hits - before.remote_hits, 1);
    assert_eq!(after.misses, before.misses);
    assert!(pair.is_free().await, "nobody loads it");
}

#[tokio::test]
async fn two_answers_that_were_not_expected_change_what_is() {
    let pair = Pair::new().await;
    for id in 1..=3 {
        item(&pair.two, id).await;
    }
    for id in 1..=3 {
        item(&pair.one, id).await;
    }
    assert_eq!(pair.way.count(Op::ReadOrLock), 3, "one miss and two hits");
}

#[tokio::test]
async fn an_entry_that_is_not_valid_any_more_is_loaded_again() {
    let pair = Pair::new().await;
    item(&pair.two, ID).await;
    pair.one.write();
    pair.two.cache.invalidate_tag("item:1").await.unwrap();
    let (value, report, sent) = pair.call().await;
    assert_eq!(
        (value, report.outcome, sent),
        (2, Outcome::Loaded, [1, 0, 1])
    );
    assert_eq!(item(&pair.two, ID).await, 2);
    assert_eq!(pair.one.loads(), 5);
}

#[tokio::test]
async fn r2_what_another_process_loads_is_waited_for() {
    let pair = Pair::new().await;
    let before = pair.one.loads();
    pair.two.hold();
    let loading = pair
        .two
        .spawn(|world| async move { item(&world, ID).await });
    pair.two.reached(1).await;
    let waiting = pair
        .one
        .spawn(|world| async move { item(&world, ID).with_cache_report().await });
    until("it asks", || pair.way.count(Op::ReadOrLock) == 2).await;
    settle().await;
    pair.two.let_go();
    assert_eq!(loading.await.unwrap(), 1);
    let (value, report) = waiting.await.unwrap();
    assert_eq!((value, report.outcome), (1, Outcome::Joined));
    assert_eq!(pair.one.loads() - before, 1);
}

#[tokio::test]
async fn r8_what_is_invalidated_before_the_load_or_while_it_runs_is_not_stored() {
    for invalidated in [Point::Executed, Point::Between] {
        let pair = Pair::new().await;
        let hold = Trouble::Hold(Point::Executed);
        if invalidated == Point::Executed {
            // The lease is granted, and the answer is on its way.
            pair.way.begin(hold, &[Op::ReadOrLock]);
        } else {
            pair.one.hold();
        }
        let loading = pair
            .one
            .spawn(|world| async move { item(&world, ID).await });
        let old = if invalidated == Point::Executed {
            until("it asks", || !pair.server.held().is_empty()).await;
            // What is read after this is new, and may not be taken for that either.
            2
        } else {
            pair.one.reached(1).await;
            1
        };
        pair.one.write();
        pair.two.cache.invalidate_tag("item:1").await.unwrap();
        pair.way.end(hold);
        pair.server.release_all();
        pair.one.let_go();
        assert_eq!(loading.await.unwrap(), old);
        let (value, report) = item(&pair.two, ID).with_cache_report().await;
        assert_eq!(
            (value, report.outcome),
            (2, Outcome::Loaded),
            "{invalidated:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn r6_a_caller_that_goes_away_in_mid_trip_leaves_no_lease_behind() {
    for point in [Point::Sent, Point::Executed] {
        let pair = Pair::new().await;
        pair.way.begin(Trouble::Hold(point), &[Op::ReadOrLock]);
        let gone = pair
            .one
            .spawn(|world| async move { item(&world, ID).await });
        settle().await;
        assert_eq!(pair.server.held().len(), 1);
        gone.abort();
        settle().await;
        pair.way.end(Trouble::Hold(point));
        pair.server.release_all();
        settle().await;
        let answer = timeout(2 * SECOND, item(&pair.two, ID)).await;
        assert_eq!(
            answer,
            Ok(1),
            "{point:?}: nobody loads, and everybody waits"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn r6_those_who_joined_a_caller_that_goes_away_in_mid_trip_go_on() {
    let pair = Pair::new().await;
    pair.way
        .begin(Trouble::Hold(Point::Executed), &[Op::ReadOrLock]);
    let gone = pair
        .one
        .spawn(|world| async move { item(&world, ID).await });
    settle().await;
    let others: Vec<_> = (0..10)
        .map(|_| {
            pair.one
                .spawn(|world| async move { item(&world, ID).await })
        })
        .collect();
    settle().await;
    gone.abort();
    settle().await;
    pair.way.end(Trouble::Hold(Point::Executed));
    pair.server.release_all();
    let before = pair.one.loads();
    for other in others {
        let answer = timeout(2 * SECOND, other).await;
        assert_eq!(answer.expect("in time").unwrap(), 1);
    }
    assert_eq!(pair.one.loads() - before, 1);
}

#[tokio::test]
async fn r12_a_server_that_is_gone_in_mid_trip_costs_a_load() {
    for trouble in [Trouble::LoseRequest, Trouble::LoseReply] {
        let pair = Pair::new().await;
        pair.way.begin(trouble, &[Op::ReadOrLock]);
        let (value, report, sent) = pair.call().await;
        assert_eq!((value, report.outcome), (1, Outcome::Loaded), "{trouble:?}");
        assert_eq!(sent[0], 1, "{trouble:?}: it was not asked");
        pair.way.end(trouble);
        // A lease that may have been granted is never used; it runs out.
        pair.server.advance(10 * SECOND);
        assert_eq!(item(&pair.two, ID).await, 1);
        assert!(pair.is_free().await, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_store_that_takes_no_writes_is_read_all_the_same() {
    let pair = Pair::new().await;
    pair.server.fill_memory(true);
    let (value, report, sent) = pair.call().await;
    assert_eq!((value, report.outcome), (1, Outcome::Loaded));
    assert_eq!(sent, [1, 1, 1], "it looks, and finds that it cannot lock");
    pair.server.fill_memory(false);
    item(&pair.two, ID).await;
    pair.server.fill_memory(true);
    let (_, report, _) = pair.call().await;
    assert_eq!(
        (report.outcome, report.tier),
        (Outcome::Hit, Some(Tier::Remote))
    );
}

#[tokio::test]
async fn while_a_write_is_under_way_nothing_is_stored_and_nobody_waits() {
    let pair = Pair::new().await;
    pair.server
        .put_intent(Cell::Tag("item:1".into()), 30 * SECOND);
    let fills = pair.way.count(Op::Fill);
    let (value, report, sent) = pair.call().await;
    assert_eq!(
        (value, report.outcome, sent),
        (1, Outcome::Loaded, [1, 0, 0])
    );
    assert_eq!(pair.way.count(Op::Fill), fills);
    assert!(pair.is_free().await);
}

#[tokio::test]
async fn those_who_join_a_miss_that_is_expected_have_one_load() {
    let pair = Pair::new().await;
    let before = pair.one.loads();
    pair.one.hold();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            pair.one
                .spawn(|world| async move { item(&world, ID).await })
        })
        .collect();
    pair.one.reached(1).await;
    settle().await;
    pair.one.let_go();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(pair.one.loads() - before, 1);
}

#[tokio::test]
async fn those_who_join_where_there_is_an_answer_have_that() {
    let pair = Pair::new().await;
    item(&pair.two, ID).await;
    let before = pair.one.loads();
    let hold = Trouble::Hold(Point::Executed);
    pair.way.begin(hold, &[Op::ReadOrLock]);
    let callers: Vec<_> = (0..10)
        .map(|_| {
            pair.one
                .spawn(|world| async move { item(&world, ID).await })
        })
        .collect();
    until("one asks", || pair.server.held().len() == 1).await;
    settle().await;
    // It is older than those who joined: they look for themselves.
    pair.one.write();
    pair.two.cache.invalidate_tag("item:1").await.unwrap();
    let late = pair
        .one
        .spawn(|world| async move { item(&world, ID).await });
    settle().await;
    pair.way.end(hold);
    pair.server.release_all();
    assert_eq!(late.await.unwrap(), 2);
    for caller in callers {
        assert!([1, 2].contains(&caller.await.unwrap()));
    }
    assert_eq!(pair.one.loads() - before, 1);
}

#[tokio::test]
async fn what_is_no_entry_is_a_miss_that_is_counted() {
    for bytes in [&b""[..], b"short", &[7; 100]] {
        let pair = Pair::new().await;
        let life = 60 * SECOND;
        pair.server.put_entry(name(), bytes.to_vec(), life);
        let (value, report, _) = pair.call().await;
        assert_eq!((value, report.outcome), (1, Outcome::Loaded), "{bytes:?}");
        assert_eq!(pair.one.cache.stats().total.corrupt, 1, "{bytes:?}");
        let (_, report) = item(&pair.two, ID).with_cache_report().await;
        assert_eq!(report.outcome, Outcome::Hit, "{bytes:?}");
    }
}
