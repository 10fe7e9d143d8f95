//! Answers of which no process keeps a copy: each call asks the store, and mostly that is all it does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use cache_aside::{CacheExt, Outcome, Tier, cache_aside};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::shared::Fleet;
use crate::support::{MINUTE, SECOND, World, settle};

#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "unkept.item", tags = ["unkept:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> Option<u64> {
    let version = world.load().await;
    (id < 100).then_some(version)
}

/// The same entries, for a caller that cannot say "not found".
#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "unkept.item", tags = ["unkept:{id}"], skip(world), cache = world.cache)]
async fn present(world: &World, id: u64) -> u64 {
    world.load().await
}

/// The same entries, which are good for less time here.
#[cache_aside(ttl = "20s", jitter = 0, local = false, prefix = "unkept.item", tags = ["unkept:{id}"], skip(world), cache = world.cache)]
async fn hurried(world: &World, id: u64) -> Option<u64> {
    Some(world.load().await)
}

#[cache_aside(ttl = "100s", jitter = 0, refresh_ahead = 0.5, local = false, prefix = "unkept.ahead", skip(world), cache = world.cache)]
async fn ahead(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "unkept.item", tags = ["unkept:{ids}"], each = ids, skip(world), cache = world.cache)]
async fn items(world: &World, ids: &[u64]) -> HashMap<u64, u64> {
    let version = world.load().await;
    let there = ids.iter().copied().filter(|id| *id < 100);
    there.map(|id| (id, version)).collect()
}

/// While this is set nobody can read what is stored.
static ILLEGIBLE: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Note(u64);

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if ILLEGIBLE.load(SeqCst) {
            return Err(D::Error::custom("illegible"));
        }
        u64::deserialize(from).map(Self)
    }
}

#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "unkept.note", skip(world), cache = world.cache)]
async fn note(world: &World, id: u64) -> Note {
    Note(world.load().await)
}

#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "unkept.note", each = ids, skip(world), cache = world.cache)]
async fn notes(world: &World, ids: &[u64]) -> HashMap<u64, Note> {
    let version = world.load().await;
    ids.iter().map(|id| (*id, Note(version))).collect()
}

#[tokio::test]
async fn a_batch_takes_what_the_store_has_and_loads_the_rest() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    for id in [1, 2, 100] {
        item(one, id).await;
    }
    let answers = items(two, &[1, 2, 100, 3, 1]).await;
    assert_eq!(answers, HashMap::from([(1, 1), (2, 1), (3, 1)]));
    let counts = two.cache.stats().prefixes["unkept.item"];
    assert_eq!(
        (counts.hits, counts.negatives, counts.remote_hits),
        (2, 1, 3)
    );
    assert_eq!((counts.misses, counts.loads), (1, 1));

    // R8, for the tag of one of them.
    one.write();
    one.cache.invalidate_tag("unkept:2").await.unwrap();
    let answers = items(two, &[1, 2, 3]).await;
    assert_eq!(answers, HashMap::from([(1, 1), (2, 2), (3, 1)]));

    fleet.advance(SECOND * 2);
    let (_, report) = items(one, &[1, 2]).with_cache_report().await;
    assert_eq!(
        (report.outcome, report.tier),
        (Outcome::Hit, Some(Tier::Remote))
    );
    assert_eq!(report.age, Some(SECOND * 2));
}

#[tokio::test]
async fn what_cannot_be_read_is_loaded_and_counted_once() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let corrupt = || two.cache.stats().prefixes["unkept.note"].corrupt;
    for id in [1, 2, 3] {
        note(one, id).await;
    }
    one.write();
    ILLEGIBLE.store(true, SeqCst);
    assert_eq!(note(two, 1).await, Note(2));
    assert_eq!(corrupt(), 1);
    let answers = notes(two, &[2, 3]).await;
    ILLEGIBLE.store(false, SeqCst);
    assert_eq!(answers, HashMap::from([(2, Note(2)), (3, Note(2))]));
    assert_eq!(corrupt(), 3);
    // What was loaded is what the store has now.
    one.write();
    assert_eq!(notes(two, &[1, 2, 3]).await.len(), 3);
    assert_eq!(note(two, 1).await, Note(2));
}

#[tokio::test]
async fn an_answer_of_the_store_is_reported_and_counted_as_one() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    for (id, value, outcome) in [(1, Some(1), Outcome::Hit), (100, None, Outcome::Negative)] {
        assert_eq!(item(one, id).await, value);
        fleet.advance(SECOND * 2);
        for _ in 0..2 {
            let (answer, report) = item(two, id).with_cache_report().await;
            assert_eq!(answer, value);
            assert_eq!((report.outcome, report.tier), (outcome, Some(Tier::Remote)));
            assert_eq!(report.age, Some(SECOND * 2));
        }
    }
    let counts = two.cache.stats().prefixes["unkept.item"];
    assert_eq!(
        (counts.hits, counts.negatives, counts.remote_hits),
        (2, 2, 4)
    );
    assert_eq!((counts.misses, counts.loads), (0, 0));
    assert_eq!(two.cache.stats().entries, 0);
}

#[tokio::test]
async fn r8_what_was_invalidated_is_loaded_again() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 1).await, Some(1));
    assert_eq!(item(two, 1).await, Some(1));
    one.write();
    one.cache.invalidate_tag("unkept:1").await.unwrap();
    let (answer, report) = item(two, 1).with_cache_report().await;
    assert_eq!((answer, report.outcome), (Some(2), Outcome::Loaded));
    assert_eq!(item(one, 1).await, Some(2));
}

#[tokio::test]
async fn what_is_not_fresh_for_this_caller_is_loaded() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 1).await, Some(1));
    one.write();
    fleet.advance(SECOND * 30);
    assert_eq!(item(two, 1).await, Some(1));
    assert_eq!(hurried(two, 1).await, Some(2), "30 s are too old for it");
    one.write();
    fleet.advance(MINUTE);
    assert_eq!(item(two, 1).await, Some(3));
}

#[tokio::test]
async fn what_a_caller_cannot_say_is_loaded() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(item(one, 100).await, None);
    let (answer, report) = present(two, 100).with_cache_report().await;
    assert_eq!((answer, report.outcome), (1, Outcome::Loaded));
}

#[tokio::test]
async fn an_early_refresh_is_not_forgotten() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    assert_eq!(ahead(one, 1).await, 1);
    one.write();
    fleet.advance(SECOND * 40);
    assert_eq!(ahead(two, 1).await, 1);
    settle().await;
    assert_eq!(one.loads(), 1, "nothing is due");
    fleet.advance(SECOND * 20);
    assert_eq!(ahead(two, 1).await, 1);
    settle().await;
    assert_eq!(one.loads(), 2);
    let (answer, report) = ahead(one, 1).with_cache_report().await;
    assert_eq!((answer, report.outcome), (2, Outcome::Hit));
}
