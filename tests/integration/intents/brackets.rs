//! Brackets around writes, and the return when all processes have heard.

use std::time::Duration;

use cache_aside::remote::double::{Op, Point, Trouble};
use cache_aside::remote::{Cell, Double};
use cache_aside::{Coherence, Defect, Error, ErrorKind, cache_invalidate};
use tokio::time::Instant;

use super::{Fleet, here, item, late, owned};
use crate::support::{Broken, MINUTE, SECOND, World, settle, until};

#[tokio::test]
async fn from_the_commit_on_nobody_is_given_anything_older() {
    for strict in [true, false] {
        let coherence = if strict {
            Coherence::Strict
        } else {
            Coherence::default()
        };
        let fleet = Fleet::with(2, |settings| settings.coherence(coherence)).await;
        let [one, two] = fleet.two();
        for world in fleet.two() {
            assert_eq!((item(world, 1).await, here(world, 1).await), (1, 1));
        }
        let loads = one.loads();
        let write = one.cache.write_bracket(["item:1"], async {
            // Before the commit: all load, and nothing is stored.
            for _ in 0..2 {
                assert_eq!((item(two, 1).await, item(one, 1).await), (1, 1));
                assert_eq!((here(two, 1).await, here(one, 1).await), (1, 1));
            }
            assert_eq!(one.loads(), loads + 8, "loads are shared or stored");
            let version = one.write();
            // From the commit on.
            for world in [two, one] {
                assert_eq!(item(world, 1).await, version);
                assert_eq!(here(world, 1).await, version);
            }
            Err::<(), _>(Broken)
        });
        let outcome = write.await.unwrap();
        assert_eq!(outcome, Err(Broken), "the outcome of the write is its own");
        let loads = one.loads();
        for _ in 0..3 {
            assert_eq!((item(two, 1).await, item(one, 1).await), (2, 2));
            assert_eq!((here(two, 1).await, here(one, 1).await), (2, 2));
        }
        assert_eq!(one.loads(), loads + 3, "it is stored again");
        assert_eq!(one.cache.stats().weakened_brackets, 0);
    }
}

#[tokio::test]
async fn a_load_that_spans_the_commit_is_not_stored() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    // Begun before the bracket, and begun in it.
    for before in [true, false] {
        let load = || {
            one.hold();
            two.spawn(|world| async move { item(&world, 1).await })
        };
        let mut running = None;
        if before {
            running = Some(load());
            one.reached(1).await;
        }
        let write = one.cache.write_bracket(["item:1"], async {
            if !before {
                running = Some(load());
                one.reached(1).await;
            }
            one.let_go();
            one.write()
        });
        let version = write.await.unwrap();
        assert_eq!(running.unwrap().await.unwrap(), version - 1);
        one.forget_reached();
        one.forget_released();
        for world in fleet.two() {
            assert_eq!(item(world, 1).await, version);
        }
        one.forget_reached();
    }
}

#[tokio::test]
async fn a_bracket_covers_the_tags_of_results() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    // The first load of the tag begins before the commit and ends after it.
    one.hold();
    let running = two.spawn(|world| async move { owned(&world, 1).await });
    one.reached(1).await;
    let write = one.cache.write_bracket(["owner:1"], async { one.write() });
    write.await.unwrap();
    one.let_go();
    running.await.unwrap();
    // Others were told that it is not stored, and load for themselves for a second.
    fleet.advance(2 * SECOND);
    let loads = one.loads();
    owned(one, 1).await;
    assert_eq!(one.loads(), loads + 1, "what it loaded was stored");
    owned(two, 1).await;
    assert_eq!(one.loads(), loads + 1, "what came after it was not");
}

#[tokio::test]
async fn neither_of_two_writes_ends_the_cover_of_the_other() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    let outer = one.cache.write_bracket(["item:1"], async {
        let inner = two.cache.write_bracket(["item:1"], async { two.write() });
        inner.await.unwrap();
        // This one's commit is still to come.
        assert_eq!((item(two, 1).await, item(one, 1).await), (2, 2));
        one.write()
    });
    assert_eq!(outer.await.unwrap(), 3);
    for _ in 0..2 {
        let loads = one.loads();
        assert_eq!((item(two, 1).await, item(one, 1).await), (3, 3));
        assert_eq!(one.loads(), loads + 2, "it is hidden until that runs out");
    }
    fleet.advance(31 * SECOND);
    let loads = one.loads();
    for _ in 0..2 {
        assert_eq!((item(two, 1).await, item(one, 1).await), (3, 3));
    }
    assert_eq!(one.loads(), loads + 1);
}

/// The scenario of an invalidation by somebody else in a bracket, and what is read after the commit.
async fn invalidated_meanwhile() -> u64 {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    let write = one.cache.write_bracket(["item:1"], async {
        two.cache.invalidate_tag("item:1").await.unwrap();
        item(two, 1).await;
        one.write();
        item(two, 1).await
    });
    write.await.unwrap()
}

#[tokio::test]
async fn an_invalidation_by_others_ends_no_bracket() {
    assert_eq!(invalidated_meanwhile().await, 2);
}

/// The other half of `a_replaced_intent_is_noticed`, in a process of its own.
#[tokio::test]
#[ignore = "it is run by another test"]
async fn with_intents_that_are_replaced() {
    Defect::IntentReplaced.switch_on();
    assert_eq!(invalidated_meanwhile().await, 1, "it would not be noticed");
}

#[test]
fn a_replaced_intent_is_noticed() {
    let this = std::env::current_exe().unwrap();
    let run = std::process::Command::new(this)
        .args([
            "--exact",
            "intents::brackets::with_intents_that_are_replaced",
            "--ignored",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn what_is_owed_by_others_ends_no_bracket() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    fleet.ways[1].cut();
    assert!(two.cache.invalidate_tag("item:1").await.is_err());
    let write = one.cache.write_bracket(["item:1"], async {
        fleet.ways[1].mend();
        let rotated = || fleet.ways[1].count(Op::Rotate) > 0;
        until("what is owed is done", rotated).await;
        item(two, 1).await;
        one.write();
        (item(two, 1).await, item(one, 1).await)
    });
    assert_eq!(write.await.unwrap(), (2, 2));
}

#[tokio::test]
async fn a_write_that_cannot_be_covered_does_not_run() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    for trouble in [Trouble::LoseRequest, Trouble::LoseReply] {
        fleet.ways[0].begin(trouble, &[Op::Intend]);
        let write = one.cache.write_bracket(["item:1"], async { one.write() });
        let refused = write.await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        fleet.ways[0].end(trouble);
    }
    assert_eq!(item(one, 1).await, 1, "it ran");
    // The second one may have been heard: that runs out.
    fleet.advance(31 * SECOND);
    let loads = one.loads();
    assert_eq!((item(one, 1).await, item(two, 1).await), (1, 1));
    assert_eq!(one.loads(), loads + 1);
}

#[tokio::test]
async fn an_end_that_is_not_heard_is_told_later_and_hides_until_then() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    fleet.ways[0].begin(Trouble::LoseRequest, &[Op::Conclude, Op::Rotate]);
    let write = one.cache.write_bracket(["item:1"], async { one.write() });
    assert_eq!(write.await.unwrap(), 2, "it is the store that failed");
    assert_eq!((item(two, 1).await, item(one, 1).await), (2, 2));
    fleet.ways[0].end(Trouble::LoseRequest);
    let rotated = || fleet.ways[0].count(Op::Rotate) > 0;
    until("what is owed is done", rotated).await;
    fleet.advance(31 * SECOND);
    let loads = one.loads();
    assert_eq!(item(two, 1).await, 2);
    until("it is stored again", || one.loads() == loads + 1).await;
}

#[tokio::test]
async fn a_writer_that_goes_away_leaves_nothing_hidden() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    // While its begin is told, in the write, and while its end is told.
    for (at, hold, version) in [
        ("begin", Some((Point::Executed, Op::Intend)), 1),
        ("write", None, 2),
        ("end", Some((Point::Sent, Op::Conclude)), 3),
    ] {
        if let Some((point, op)) = hold {
            fleet.ways[0].begin(Trouble::Hold(point), &[op]);
        }
        let writing = one.spawn(move |world| async move {
            let write = async {
                world.write();
                if at == "write" {
                    std::future::pending::<()>().await;
                }
            };
            world.cache.write_bracket(["item:1"], write).await
        });
        let begun = fleet.ways[0].count(Op::Intend);
        until("the bracket has begun", || {
            fleet.ways[0].count(Op::Intend) > begun || fleet.server.held().len() == 1
        })
        .await;
        settle().await;
        writing.abort();
        assert!(writing.await.is_err());
        if let Some((point, _)) = hold {
            fleet.ways[0].end(Trouble::Hold(point));
        }
        fleet.server.release_all();
        for _ in 0..1_000 {
            let loads = one.loads();
            assert_eq!(item(two, 1).await, version);
            if one.loads() == loads {
                break;
            }
            settle().await;
        }
        let loads = one.loads();
        assert_eq!(item(two, 1).await, version);
        assert_eq!(one.loads(), loads, "it is hidden still: {at}");
    }
}

#[tokio::test]
async fn a_writer_that_dies_is_covered() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    let write = one.cache.write_bracket(["item:1"], async {
        one.write();
        // From here on nothing of this process arrives.
        fleet.ways[0].cut();
    });
    write.await.unwrap();
    for _ in 0..2 {
        assert_eq!(item(two, 1).await, 2);
    }
    fleet.advance(31 * SECOND);
    assert_eq!(item(two, 1).await, 2);
}

#[tokio::test]
async fn what_did_not_cover_a_write_is_told() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    let long = one.cache.write_bracket(["item:1"], async {
        fleet.advance(31 * SECOND);
        item(two, 1).await;
        one.write()
    });
    assert_eq!(long.await.unwrap(), 2);
    assert_eq!(one.cache.stats().weakened_brackets, 1);
    assert_eq!(item(two, 1).await, 2, "and is an invalidation all the same");
    let evicted = one.cache.write_bracket(["item:1", "item:2"], async {
        fleet.server.evict_cell(&Cell::Tag("item:1".into()));
        item(two, 1).await;
        one.write()
    });
    assert_eq!(evicted.await.unwrap(), 3);
    assert_eq!(
        one.cache.stats().weakened_brackets,
        2,
        "once for each write"
    );
    assert_eq!(item(two, 1).await, 3);
}

#[tokio::test]
async fn one_process_covers_its_writes_by_itself() {
    let world = &Fleet::alone(|settings| settings).await;
    item(world, 1).await;
    owned(world, 1).await;
    world.hold();
    let before = world.spawn(|world| async move { item(&world, 2).await });
    world.reached(1).await;
    world.let_go();
    before.await.unwrap();
    let write = world
        .cache
        .write_bracket(["item:1", "item:2", "owner:1", "item:1"], async {
            world.forget_reached();
            for calls in 1..=2 {
                let loads = world.loads();
                item(world, 1).await;
                owned(world, 1).await;
                assert_eq!(world.loads(), loads + 2, "{calls}: it is stored");
            }
            world.forget_released();
            world.forget_reached();
            world.hold();
            let load = || world.spawn(|world| async move { item(&world, 2).await });
            let before = load();
            world.reached(1).await;
            world.write();
            // What began before the commit, nobody joins who came after it.
            let after = load();
            settle().await;
            (before, after)
        });
    let (before, after) = write.await.unwrap();
    world.let_go();
    assert_eq!((before.await.unwrap(), after.await.unwrap()), (1, 2));
    let loads = world.loads();
    assert_eq!((item(world, 1).await, item(world, 2).await), (2, 2));
    owned(world, 1).await;
    assert_eq!(world.loads(), loads + 3);
    assert_eq!((item(world, 1).await, item(world, 2).await), (2, 2));
    owned(world, 1).await;
    assert_eq!(world.loads(), loads + 3, "it is stored again");
    // One that is dropped before it begins, in the write or after it, hides nothing.
    drop(world.cache.write_bracket(["item:1"], async {}));
    let gone = world.spawn(|world| async move {
        world
            .cache
            .write_bracket(["item:1"], std::future::pending::<()>())
            .await
    });
    settle().await;
    gone.abort();
    assert!(gone.await.is_err());
    item(world, 1).await;
    let loads = world.loads();
    item(world, 1).await;
    assert_eq!(world.loads(), loads);
}

#[tokio::test(start_paused = true)]
async fn a_write_over_its_limit_is_dropped() {
    struct Dropped<'a>(&'a World, &'a Double);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            assert_eq!(self.1.count(Op::Conclude), 0, "it is not over");
            self.0.write();
        }
    }
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    let write = async {
        let _rolled_back = Dropped(one, &fleet.ways[0]);
        std::future::pending::<()>().await;
    };
    let began = Instant::now();
    let write = one.cache.write_bracket(["item:1"], write);
    let late = write.limit(10 * MINUTE).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Late);
    assert_eq!(began.elapsed().as_secs(), 15, "more is not covered");
    for _ in 0..2 {
        assert_eq!(item(two, 1).await, 2);
    }
    assert_eq!(one.loads(), 2, "it ended before its write was over");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Own,
    Cache(ErrorKind),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cache(error.kind())
    }
}

#[cache_invalidate(tags = ["item:{id}", "owner:{result}"], prefixes = ["intents.late"], bracket = true, on_failure = propagate, cache = world.cache)]
async fn rename(world: &World, other: &World, id: u64, fail: bool) -> Result<u64, Failure> {
    world.write();
    item(other, id).await;
    let version = item(other, id).await;
    if fail { Err(Failure::Own) } else { Ok(version) }
}

#[cache_invalidate(tags = ["item:{id}"], bracket = true, cache = world.cache)]
async fn touch(world: &World, id: u64) -> u64 {
    world.write()
}

#[tokio::test]
async fn the_attribute_covers_what_is_known_before_the_write() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    for world in fleet.two() {
        assert_eq!((item(world, 1).await, late(world, 1).await), (1, 1));
    }
    assert_eq!(rename(one, two, 1, false).await, Ok(2));
    assert_eq!(fleet.ways[0].count(Op::Conclude), 1, "it is told by then");
    for world in fleet.two() {
        assert_eq!((item(world, 1).await, late(world, 1).await), (2, 2));
    }
    // A write that failed ends its bracket, too.
    assert_eq!(rename(one, two, 1, true).await, Err(Failure::Own));
    let concluded = || fleet.ways[0].count(Op::Conclude) == 2;
    until("the end is told", concluded).await;
    let loads = one.loads();
    for _ in 0..2 {
        assert_eq!((item(two, 1).await, item(one, 1).await), (3, 3));
    }
    assert_eq!(one.loads(), loads + 1);
    fleet.ways[0].begin(Trouble::LoseRequest, &[Op::Intend]);
    let refused = rename(one, two, 1, false).await;
    assert_eq!(refused, Err(Failure::Cache(ErrorKind::Unavailable)));
    assert_eq!(item(two, 1).await, 3, "it ran");
    // Without an error to say so it runs, and invalidates.
    assert_eq!(touch(one, 1).await, 4);
    assert_eq!(item(two, 1).await, 4);
    fleet.ways[0].end(Trouble::LoseRequest);
    let rotated = fleet.ways[0].count(Op::Rotate);
    assert_eq!(touch(one, 1).await, 5);
    assert_eq!(fleet.ways[0].count(Op::Rotate), rotated, "the end is one");
    assert_eq!(item(two, 1).await, 5);
}

#[tokio::test(start_paused = true)]
async fn settled_returns_when_no_process_can_have_an_older_copy() {
    for (coherence, window) in [
        (Coherence::Bounded(2 * SECOND), 2_010),
        (Coherence::Strict, 0),
    ] {
        let fleet = Fleet::with(2, |settings| settings.coherence(coherence)).await;
        let [one, two] = fleet.two();
        let waited = |began: Instant| began.elapsed().as_millis();
        let began = Instant::now();
        one.cache.invalidate_tag("item:1").settled().await.unwrap();
        assert_eq!(waited(began), window, "{coherence:?}");
        let began = Instant::now();
        let write = one.cache.write_bracket(["item:1"], async {
            assert_eq!(waited(began), window, "{coherence:?}");
            // It waits with the tags hidden.
            one.write()
        });
        write.settled().await.unwrap();
        assert_eq!(waited(began), window, "not once more at the end");
        item(two, 1).await;
        // Whoever does not wait any longer has invalidated all the same.
        let version = one.write();
        let invalidation = one.cache.invalidate_tag("item:1").settled();
        let given_up = tokio::time::timeout(SECOND / 1_000, invalidation).await;
        assert_eq!(given_up.is_err(), window > 0);
        assert_eq!(item(two, 1).await, version);
        fleet.ways[0].cut();
        let began = Instant::now();
        let pending = one.cache.invalidate_tag("item:1").settled().await;
        assert_eq!(pending.unwrap_err().kind(), ErrorKind::Pending);
        assert_eq!(waited(began), 0, "there is nothing to wait for");
    }
    let alone = Fleet::alone(|settings| settings).await;
    let began = Instant::now();
    alone.cache.clear().settled().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// The end of the first bracket must not come after the beginning of the second, or that would find
/// another's write under way.
#[tokio::test]
async fn a_write_that_is_tried_again_at_once_leaves_nothing_hidden() {
    let fleet = Fleet::new().await;
    let [one, two] = fleet.two();
    assert_eq!(rename(one, two, 1, true).await, Err(Failure::Own));
    assert_eq!(touch(one, 1).await, 3);
    let loads = one.loads();
    for _ in 0..2 {
        assert_eq!((item(two, 1).await, item(one, 1).await), (3, 3));
    }
    assert_eq!(one.loads(), loads + 1, "it is stored");
}

/// A wait that uses the time up in which an intent covers the write.
#[tokio::test(start_paused = true)]
async fn a_bracket_that_settles_for_too_long_does_not_run() {
    let long = Coherence::Bounded(Duration::from_secs(6));
    let fleet = Fleet::with(2, |settings| settings.coherence(long)).await;
    let [one, _] = fleet.two();
    let ran = std::cell::Cell::new(false);
    let write = async { ran.set(true) };
    let bracket = one.cache.write_bracket(["item:1"], write).settled();
    let clock = fleet.worlds[0].clock.clone();
    let advance = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        clock.advance(Duration::from_secs(6));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        refused = bracket => assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable),
        () = advance => unreachable!("it does not end"),
    }
    assert!(!ran.get());
}
