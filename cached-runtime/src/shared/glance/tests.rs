use std::sync::Arc;

use std::time::Duration;

use super::*;
use crate::Cache;
use crate::clock::Moment;
use crate::codec::compress::Packed;
use crate::envelope::{Draft, EntryId, TokenRecord, stamp};
use crate::remote::{Cell, DoubleServer, Found as Bytes, Incarnation, Proof, ServerTime};
use crate::shared::glimpse::{Glimpse, Glimpsed};
use crate::shared::{Backing, Deps, Fetched, namespace_cell};

const HERE: Incarnation = Incarnation(7);
const BORN: u64 = 1_000;
const LIFE: Duration = Duration::from_secs(60);
const ENTRY: LeaseId = LeaseId([3; 8]);

fn tag(name: &str) -> Cell {
    Cell::Tag(name.into())
}

fn current(proof: u64) -> CellState {
    CellState::Current(Proof(proof))
}

/// A cache with a store, for what a glance takes from it.
async fn cache() -> Cache {
    let store = Arc::new(DoubleServer::new(1).connect());
    Cache::builder().remote(store).build().await.unwrap()
}

fn share(cache: &Cache, known: &[&str]) -> Share {
    let tags = known.iter().map(|name| tag(name));
    Share {
        tier: Arc::clone(cache.shared().unwrap()),
        name: EntryName::new("n"),
        deps: Deps {
            known: [namespace_cell(), tag("@fn:p")]
                .into_iter()
                .chain(tags)
                .collect(),
            families: vec![Cell::Family("f:".into())],
        },
        schema: 5,
        largest: 1_000,
        holds_entry: true,
        open_ended: true,
        by_view: false,
        softens: false,
        longest_life: LIFE,
    }
}

/// An entry with these tokens, as the server gives it a second later.
fn entry(tokens: &[(&str, u64)], schema: u16) -> Bytes {
    let token = |(name, proof): &(&str, u64)| TokenRecord {
        name: (*name).into(),
        proof: *proof,
    };
    let draft = Draft {
        codec: 1,
        schema,
        cost: Duration::ZERO,
        id: EntryId(ENTRY.0),
        incarnation: HERE.0,
        fresh_for: LIFE,
        usable_for: LIFE,
        tokens: tokens.iter().map(token).collect(),
    };
    let payload = Packed {
        compression: crate::codec::compress::Compression::None,
        raw_len: 2,
        bytes: b"hi".to_vec(),
    };
    let mut bytes = draft.seal(Some(&payload)).unwrap();
    stamp(&mut bytes, BORN).unwrap();
    Bytes {
        bytes: Some(bytes.into()),
        incarnation: HERE,
        now: ServerTime(BORN + 1_000),
    }
}

const TOKENS: [(&str, u64); 3] = [("", 1), ("", 2), ("a", 3)];

fn reading(entry: Bytes, cells: Vec<CellState>) -> Reading {
    Reading {
        entries: vec![entry].into(),
        cells: cells.into(),
        incarnation: Some(HERE),
    }
}

/// What was read of the namespace, the prefix, the tag and the family.
fn states() -> Vec<CellState> {
    vec![current(1), current(2), current(3), CellState::Missing]
}

/// What is valid in an answer: for one key, and the same for one of many.
fn valid(cache: &Cache, share: &Share, mut answer: Reading) -> Option<(Fetched, Sight)> {
    let tier = cache.shared().unwrap();
    let glance = Glance::new(tier, [share].into_iter());
    let glimpse = Glimpse::new(share.clone());
    let (question, of_one) = (glance.question(), glimpse.question());
    assert_eq!(question.entries, of_one.entries);
    assert!(question.cells == of_one.cells);

    let (answer_to_one, before) = (answer.clone(), answer.clone());
    let found = glance.valid(0, &mut answer);
    let sighted = match glimpse.told(Ok(answer_to_one), Moment::FIRST) {
        Glimpsed::Valid(sighted) => sighted,
        Glimpsed::More(_, answer_to_one) => {
            assert!(found.is_none());
            // The closer look needs them.
            for left in [answer, answer_to_one] {
                assert_eq!(left.entries[0].bytes, before.entries[0].bytes);
            }
            return None;
        }
        Glimpsed::NoAnswer => panic!("there was one"),
    };
    let (legible, witness) = found.expect("one of many is valid, too");
    assert_eq!(sighted.legible.payload(), legible.payload());
    assert_eq!(sighted.legible.age, legible.age);
    let backing = glance.backing(0, &witness, &answer.cells);
    let same = |one: Backing, other: &Backing| {
        one.entry == other.entry && one.proofs == other.proofs && one.codec == other.codec
    };
    assert!(same(sighted.backing(), &backing));
    let expected = glance.expected(0, &witness);
    assert_eq!(sighted.is_expected(), expected);
    let sight = glance.sight(0, ENTRY, &answer.cells, Moment::FIRST);
    let (_, of_one) = sighted.into_sight();
    assert_eq!(of_one.entry, sight.entry);
    assert!(of_one.cells.0 == sight.cells.0 && of_one.since == sight.since);
    Some((Fetched { legible, backing }, sight))
}

#[tokio::test]
async fn i3_what_is_there_is_valid_if_each_of_its_tokens_was_read_with_it() {
    let cache = cache().await;
    let share = share(&cache, &["a"]);
    let question = Glimpse::new(share.clone()).question();
    assert_eq!(question.entries.len(), 1);
    assert_eq!(question.cells.len(), 4);

    let answer = reading(entry(&TOKENS, 5), states());
    let (fetched, sight) = valid(&cache, &share, answer).expect("it is valid");
    assert_eq!(fetched.legible.payload(), b"hi");
    assert_eq!(fetched.legible.age, Duration::from_secs(1));
    let proofs: Vec<_> = fetched.backing.proofs.iter().cloned().collect();
    assert!(proofs[2] == (tag("a"), Proof(3)) && proofs.len() == 3);
    assert_eq!(sight.entry, Some(ENTRY));
    assert_eq!(sight.cells.state(&tag("a")), Some(current(3)));
    assert_eq!(sight.cells.missing().count(), 1);
}

#[tokio::test]
async fn i3_anything_else_is_left_to_a_closer_look() {
    let cache = cache().await;
    let share = share(&cache, &["a"]);
    let with = |at: usize, state| {
        let mut states = states();
        states[at] = state;
        states
    };
    for at in 0..3 {
        for state in [current(9), CellState::Missing, CellState::Intent] {
            let answer = reading(entry(&TOKENS, 5), with(at, state));
            assert!(valid(&cache, &share, answer).is_none(), "{at} {state:?}");
        }
    }
    let doubtful = [
        ("another type", entry(&TOKENS, 6)),
        ("a tag less", entry(&TOKENS[..2], 5)),
        (
            "a tag more",
            entry(&[TOKENS[0], TOKENS[1], TOKENS[2], ("b", 4)], 5),
        ),
        ("another tag", entry(&[TOKENS[0], TOKENS[1], ("b", 3)], 5)),
        (
            "another prefix",
            entry(&[TOKENS[0], ("@fn:q", 2), TOKENS[2]], 5),
        ),
        (
            "another life of the server",
            Bytes {
                incarnation: Incarnation(8),
                ..entry(&TOKENS, 5)
            },
        ),
        (
            "from the future",
            Bytes {
                now: ServerTime(BORN - 1),
                ..entry(&TOKENS, 5)
            },
        ),
        (
            "over",
            Bytes {
                now: ServerTime(BORN + 60_000),
                ..entry(&TOKENS, 5)
            },
        ),
        (
            "nothing",
            Bytes {
                bytes: None,
                ..entry(&TOKENS, 5)
            },
        ),
        (
            "half of it",
            Bytes {
                bytes: Some(vec![0xCA, 0x51].into()),
                ..entry(&TOKENS, 5)
            },
        ),
    ];
    for (what, entry) in doubtful {
        let answer = reading(entry, states());
        assert!(valid(&cache, &share, answer).is_none(), "{what}");
    }
}

#[tokio::test]
async fn i3_a_tag_that_an_earlier_answer_had_may_be_hidden_and_not_changed() {
    let cache = cache().await;
    let tier = cache.shared().unwrap();
    let share = share(&cache, &["a"]);
    tier.memory
        .remember(&share.name, [tag("of the last value")]);
    let states = |last| {
        let known = [current(1), current(2), current(3), last];
        known.into_iter().chain([CellState::Missing]).collect()
    };
    let hidden = reading(entry(&TOKENS, 5), states(CellState::Intent));
    assert!(valid(&cache, &share, hidden).is_none());
    let glance = Glance::new(tier, [&share].into_iter());
    let mut gone = reading(entry(&TOKENS, 5), states(current(9)));
    assert!(valid(&cache, &share, gone.clone()).is_some());
    let (_, witness) = glance.valid(0, &mut gone).expect("as above");
    assert!(!glance.expected(0, &witness), "it is to be forgotten");
    assert!(tier.memory.recall(&share.name).is_empty(), "and is");
}

#[tokio::test]
async fn what_is_not_taken_stays_in_the_answer() {
    let cache = cache().await;
    let glimpse = Glimpse::new(share(&cache, &["a"]));
    let mut answer = reading(entry(&TOKENS, 5), states());
    let before = answer.entries[0].bytes.clone();
    assert!(glimpse.take(&mut answer, |_| None::<()>).is_none());
    assert_eq!(answer.entries[0].bytes, before);
    let (age, legible) = glimpse
        .take(&mut answer, |legible| Some(legible.age))
        .unwrap();
    assert_eq!(age, legible.age);
    assert_eq!(answer.entries[0].bytes, None);
}

#[tokio::test]
async fn what_was_late_is_left_to_a_closer_look() {
    let cache = cache().await;
    let tier = cache.shared().unwrap();
    let share = share(&cache, &["a"]);
    tier.late.was_late(&share.name, Part::Whole, &tier.clock);
    let glance = Glance::new(tier, [&share].into_iter());
    assert!(matches!(glance.question().entries[0].1, Part::AtMost(_)));
    let answer = reading(entry(&TOKENS, 5), states());
    assert!(valid(&cache, &share, answer).is_none());
}

#[tokio::test]
async fn what_several_keys_depend_on_is_read_once() {
    let cache = cache().await;
    let shares = [
        share(&cache, &["a"]),
        share(&cache, &["b"]),
        share(&cache, &["b", "a"]),
    ];
    let glance = Glance::new(cache.shared().unwrap(), shares.iter());
    let cells = glance.question().cells;
    assert_eq!(cells.len(), 5, "namespace, prefix, two tags, family");
    // Each key finds its own.
    let state = |cell: &Cell| match cell {
        cell if *cell == tag("a") => current(3),
        cell if *cell == tag("b") => current(4),
        cell if *cell == tag("@fn:p") => current(2),
        cell if *cell == namespace_cell() => current(1),
        _ => CellState::Missing,
    };
    let tokens: [&[(&str, u64)]; 3] = [
        &TOKENS,
        &[TOKENS[0], TOKENS[1], ("b", 4)],
        &[TOKENS[0], TOKENS[1], ("b", 4), ("a", 3)],
    ];
    let mut answer = Reading {
        entries: tokens.iter().map(|tokens| entry(tokens, 5)).collect(),
        cells: cells.iter().map(state).collect(),
        incarnation: Some(HERE),
    };
    for at in 0..3 {
        assert!(glance.valid(at, &mut answer).is_some(), "{at}");
        let sight = glance.sight(at, ENTRY, &answer.cells, Moment::FIRST);
        assert_eq!(sight.cells.missing().count(), 1, "{at}: its family");
    }
}

#[tokio::test]
async fn i9_what_is_believed_is_not_asked_for_and_is_as_old_as_its_question() {
    let cache = cache().await;
    let watch = cache.watch();
    watch.begin(HERE);
    watch.heard(watch.beat());
    let mut share = share(&cache, &["a"]);
    (share.by_view, share.open_ended) = (true, false);
    share.deps.families.clear();
    let first = cache.asking().number;
    for (cell, state) in share.deps.known.iter().zip(states()) {
        watch.learn(cell, state, (first, HERE));
    }
    let look = |tokens: &[(&str, u64)], cells: Vec<CellState>| {
        let asked = cache.asking();
        let glimpse = Glimpse::believing(share.clone(), asked.at);
        let question = glimpse.question().cells;
        let mut answer = Ok(reading(entry(tokens, 5), cells));
        glimpse.complete(&mut answer, asked.number);
        let oldest = match glimpse.told(answer, asked.at) {
            Glimpsed::Valid(sighted) => sighted.oldest(),
            _ => None,
        };
        (question.len(), oldest)
    };
    assert_eq!(look(&TOKENS, vec![]), (0, Some(first)));
    // The entry may be the younger of the two.
    let others = [TOKENS[0], TOKENS[1], ("a", 4)];
    assert_eq!(look(&others, vec![]), (0, None));
    // What may have changed is asked for, and is known from then on.
    watch.changed(&tag("a"));
    assert_eq!(look(&others, vec![current(4)]), (1, Some(first)));
    assert_eq!(look(&others, vec![]), (0, Some(first)));
    // Nothing is known of what another server said, and who does not believe asks for all.
    watch.begin(Incarnation(8));
    assert_eq!(look(&others, states()[..3].to_vec()), (3, None));
    share.by_view = false;
    assert_eq!(
        Glimpse::believing(share, Moment::FIRST)
            .question()
            .cells
            .len(),
        3
    );
}
