//! Hits in a server, against the bare client: one `GET` per call on one multiplexed connection, and a decode of the same
//! format.
//!
//! Every call goes to the server (`local = false`). In both modes of coherence: such calls ask for the same, so that their
//! figures are to be alike. With `trust_views` they ask for the value alone. What a call sends is held by the tests of
//! `tests/integration/fleet/wire.rs`.

use std::hint::black_box;

use redis::aio::MultiplexedConnection;

use crate::Effort;
use crate::by_hand::{REDIS, get};
use crate::floor::{Floor, MOST};
use crate::measure::{Rounds, Run, at_once, interleaved, latency, on_one_processor};
use crate::own::{bounded, strict, viewed};
use crate::record::{Goal, Record};
use crate::store::{Store, assert_undisturbed, store};
use crate::subject::Keys;

/// Ten of them for each of the most callers, so that no two ask for the same at the same time.
const KEYS: u32 = 10_240;

#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Bare,
    Untagged,
    Tagged,
    StrictUntagged,
    StrictTagged,
    ViewedUntagged,
    ViewedTagged,
}

const VARIANTS: [Variant; 7] = [
    Variant::Bare,
    Variant::Untagged,
    Variant::Tagged,
    Variant::StrictUntagged,
    Variant::StrictTagged,
    Variant::ViewedUntagged,
    Variant::ViewedTagged,
];

/// The server, asked for what variants without a tag and with two ask it for.
const SERVER: [&str; 2] = ["server alone, no tag", "server alone, 2 tags"];

/// Callers, and how many times the throughput of the bare client it is to be without a tag and with two.
const THROUGHPUT: [(u64, [Goal; 2]); 3] = [
    (8, goals(0.95, 0.85)),
    (64, goals(1.5, 1.3)),
    (1_024, goals(2.5, 2.2)),
];

/// So few that the server finds them in the processor's caches, for comparison: of many keys it is mostly memory that is
/// waited for.
const FEW_KEYS: usize = 1_024;
/// Callers who ask for few keys.
const OF_FEW: [u64; 2] = [64, 1_024];

const fn goals(untagged: f64, tagged: f64) -> [Goal; 2] {
    [Goal::AtLeast(untagged), Goal::AtLeast(tagged)]
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => REDIS,
            Self::Untagged => "bounded, no tag",
            Self::Tagged => "bounded, 2 tags",
            Self::StrictUntagged => "strict, no tag",
            Self::StrictTagged => "strict, 2 tags",
            Self::ViewedUntagged => "trusting views, no tag",
            Self::ViewedTagged => "trusting views, 2 tags",
        }
    }

    fn has_tags(self) -> bool {
        [Self::Tagged, Self::StrictTagged, Self::ViewedTagged].contains(&self)
    }

    /// Asks for less than others do, which is as current as copies are: no goal is meant for it.
    fn trusts_views(self) -> bool {
        [Self::ViewedUntagged, Self::ViewedTagged].contains(&self)
    }

    async fn call(self, bare: &mut MultiplexedConnection, (id, name): &(u64, String)) {
        let user = match self {
            Self::Bare => get(bare, *id, name).await,
            Self::Untagged => bounded::untagged(*id, name).await,
            Self::Tagged => bounded::tagged(*id, name).await,
            Self::StrictUntagged => strict::untagged(*id, name).await,
            Self::StrictTagged => strict::tagged(*id, name).await,
            Self::ViewedUntagged => viewed::untagged(*id, name).await,
            Self::ViewedTagged => viewed::tagged(*id, name).await,
        };
        black_box(user);
    }
}

/// So many callers, in so many rounds.
fn throughput(store: &Store, keys: &'static Keys, callers: u64, effort: Effort) -> Vec<Rounds> {
    let calls = if callers == 1 {
        effort.of(1_000, 3_000)
    } else {
        effort.of(8_192, 24_576)
    };
    let each = calls / callers;
    let one = |variant: Variant| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let time = at_once(&store.runtime, callers, move |caller| {
                let mut bare = bare.clone();
                // Spread over the list, so that callers are as far from each other as they can be.
                let first = caller * keys.len() as u64 / callers;
                async move {
                    for step in 0..each {
                        let at = usize::try_from(first + step).unwrap_or_default() % keys.len();
                        variant.call(&mut bare, &keys[at]).await;
                    }
                }
            });
            (time, each * callers)
        })
    };
    let most = callers.min(MOST);
    let floor = |stored| -> Run<'_> {
        let mut floor = Floor::new(store, &stored, most);
        Box::new(move || floor.read(each * callers))
    };
    let mut runs: Vec<_> = VARIANTS.map(one).into();
    runs.push(floor(store.stored("untagged", keys.len(), false)));
    runs.push(floor(store.stored("tagged", keys.len(), true)));
    interleaved(effort.of(3, 9), &mut runs)
}

/// Of the throughput, with the goals for functions without a tag and with two.
fn ratios(title: &str, taken: &[Rounds], goals: [Goal; 2]) -> Vec<Record> {
    proportions(title, taken);
    let measured = format!("{title}: times the throughput");
    let ratios = VARIANTS.iter().zip(taken).skip(1).map(|(variant, rounds)| {
        let what = ["remote hit", variant.name(), REDIS, &measured];
        let tagged_at = usize::from(variant.has_tags());
        let goal = if variant.trusts_views() {
            Goal::None
        } else {
            goals[tagged_at]
        };
        let floor = taken[0].over(&taken[VARIANTS.len() + tagged_at]).median;
        Record::new("P8", goal, what, taken[0].over(rounds).into()).beside(
            SERVER[tagged_at],
            goal,
            floor,
        )
    });
    ratios.collect()
}

/// Of a single caller; the median call of each round.
fn latencies(store: &Store, keys: &'static Keys, effort: Effort) -> Vec<Rounds> {
    let one = |variant: Variant| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let time = latency(&store.runtime, effort.of(500, 2_000), move |step| {
                let mut bare = bare.clone();
                let at = usize::try_from(step).unwrap_or_default() % keys.len();
                async move { variant.call(&mut bare, &keys[at]).await }
            });
            (time, 1)
        })
    };
    interleaved(effort.of(5, 15), &mut VARIANTS.map(one))
}

fn proportions(title: &str, taken: &[Rounds]) {
    let names = VARIANTS.iter().map(|variant| variant.name()).chain(SERVER);
    let cells: Vec<_> = names
        .zip(taken)
        .map(|(name, rounds)| format!("{name} {rounds}"))
        .collect();
    println!("{title}, ns: {}", cells.join(", "));
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    let store = store();
    let keys = store.fill(KEYS);
    let mut records = Vec::new();
    let wanted = |callers: u64| effort.callers.is_none_or(|only| only == callers);
    for (callers, goals) in THROUGHPUT {
        if wanted(callers) {
            let taken = throughput(store, keys, callers, effort);
            records.extend(ratios(&format!("{callers} callers"), &taken, goals));
        }
    }
    let few = &keys[..FEW_KEYS];
    for callers in OF_FEW {
        if wanted(callers) {
            let taken = throughput(store, few, callers, effort);
            let title = format!("{callers} callers, {FEW_KEYS} keys");
            records.extend(ratios(&title, &taken, [Goal::None; 2]));
        }
    }
    assert_undisturbed();
    records
}

/// Of a single caller, who waits for the server and has it wait, on one processor.
pub(crate) fn run_single(effort: Effort) -> Vec<Record> {
    on_one_processor();
    let store = store();
    let keys = store.fill(KEYS);
    let mut records = ratios(
        "1 caller",
        &throughput(store, keys, 1, effort),
        goals(1.0, 0.9),
    );
    let taken = latencies(store, keys, effort);
    proportions("median latency of 1 caller", &taken);
    for (variant, rounds) in VARIANTS.iter().zip(&taken).skip(1) {
        let (id, goal) = if variant.has_tags() && !variant.trusts_views() {
            ("P9", Goal::AtMost(1.15))
        } else {
            ("", Goal::None)
        };
        let what = [
            "remote hit",
            variant.name(),
            REDIS,
            "median latency of 1 caller: time ratio",
        ];
        records.push(Record::new(id, goal, what, rounds.over(&taken[0]).into()));
    }
    assert_undisturbed();
    records
}
