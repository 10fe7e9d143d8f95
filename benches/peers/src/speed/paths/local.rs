//! Hits in this process: keys drawn evenly out of ten thousand and one hot key, on one thread and on two.
//!
//! Each thread has a runtime of its own, on which it waits for one call after the other: some systems have locks that a call
//! waits for.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::{TAGGED, UNTAGGED, connected, mostly_hits};
use crate::Effort;
use crate::by_hand::{ByHand, Listed, QUICK_CACHE, by_hand};
use crate::measure::{Rounds, Run, interleaved, on_two_threads, timed};
use crate::record::{Goal, Record};
use crate::results::{Part, Timing};
use crate::subject::{Draws, Keys, User, keys};
use crate::systems::{ROOM, amalgam, cache_aside, cached, cachekit, hitbox, loads, moka};

const KEYS: u32 = 10_000;

const SHARDED: &str = "cached, concurrent_cached";
const ONE_LOCK: &str = "cached, cached";
const BY_KEY: &str = "cached, cached by_key";
const MOKA: &str = "moka, get_with";
/// A list of the values, in which a call finds its own by a number.
const LISTED: &str = "a list, clone";

static RUNTIMES: LazyLock<[Runtime; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime")
    })
});

type Hits = Box<dyn Fn(&Keys, &mut Draws, u64, u32) + Send + Sync>;

/// One way to get a value.
struct Variant {
    name: &'static str,
    hits: Hits,
}

impl Variant {
    fn new(
        name: &'static str,
        call: impl AsyncFn(u64, &str) -> User + Send + Sync + 'static,
    ) -> Self {
        let hits = move |keys: &Keys, draws: &mut Draws, calls: u64, thread: u32| {
            RUNTIMES[thread as usize].block_on(async {
                for _ in 0..calls {
                    let (id, name) = &keys[draws.next_below(keys.len())];
                    black_box(call(black_box(*id), black_box(name)).await);
                }
            });
        };
        let hits = Box::new(hits);
        Self { name, hits }
    }
}

fn variants(keys: &Keys) -> Vec<Variant> {
    let list: &'static Listed<User> = Box::leak(Box::new(Listed::new(keys)));
    let hand: &'static ByHand<User> = Box::leak(Box::new(ByHand::new(ROOM)));
    vec![
        Variant::new(UNTAGGED, cache_aside::untagged),
        Variant::new(TAGGED, cache_aside::tagged),
        Variant::new(QUICK_CACHE, async move |id, name: &str| {
            by_hand(hand, id, name).await
        }),
        Variant::new(LISTED, async |id, name: &str| list.get(id, name).await),
        Variant::new(SHARDED, cached::sharded),
        Variant::new(ONE_LOCK, cached::one_lock),
        Variant::new(BY_KEY, cached::by_key),
        Variant::new(MOKA, moka::get_with),
        Variant::new("moka, get before get_with", moka::look_first),
        Variant::new("hitbox, moka", hitbox::local),
        Variant::new("cachekit-rs, copies", cachekit::local),
        Variant::new("amalgam-cache, get_or_set", amalgam::local),
    ]
}

struct Load<'a> {
    title: &'static str,
    keys: &'a Keys,
    threads: u32,
}

impl Load<'_> {
    /// What the variants before displaced from the caches of the processor is there again when the time begins.
    fn time(&self, variant: &Variant, round: u32, hits: u64) -> Duration {
        let warm = self.keys.len() as u64 * 2;
        (variant.hits)(self.keys, &mut Draws::new(!round), warm, 0);
        let run = |thread| {
            let draws = &mut Draws::new(2 * round + thread);
            (variant.hits)(self.keys, draws, hits, thread);
        };
        match self.threads {
            1 => timed(|| run(0)),
            _ => on_two_threads(run),
        }
    }
}

/// How much faster than each it is to be.
const GOALS: [(&str, &str, f64); 4] = [
    ("P3", SHARDED, 2.5),
    ("P3", ONE_LOCK, 4.0),
    ("P3", BY_KEY, 6.0),
    ("P4", MOKA, 5.0),
];

pub(crate) fn run(effort: Effort) -> Part {
    let store = connected();
    let keys: &'static Keys = Box::leak(keys(KEYS));
    let variants = variants(keys);
    // On the runtime that the connections live on.
    for variant in &variants {
        let _entered = store.runtime.enter();
        for at in 0..keys.len() {
            (variant.hits)(&keys[at..=at], &mut Draws::new(0), 1, 0);
        }
    }
    let load = |title, keys, threads| Load {
        title,
        keys,
        threads,
    };
    let columns = [
        load("10,000 keys, 1 thread", keys, 1),
        load("10,000 keys, 2 threads", keys, 2),
        load("1 hot key, 1 thread", &keys[..1], 1),
        load("1 hot key, 2 threads", &keys[..1], 2),
    ];
    let hits = effort.of(20_000, 100_000);
    let mut runs: Vec<Run<'_>> = Vec::new();
    for column in &columns {
        for variant in &variants {
            let mut round = 0;
            runs.push(Box::new(move || {
                round += 1;
                (column.time(variant, round, hits), hits)
            }));
        }
    }
    let before = loads();
    let taken = interleaved(effort.of(5, 21), &mut runs);
    drop(runs);
    let mut part = Part::default();
    for (column, rounds) in columns.iter().zip(taken.chunks(variants.len())) {
        let path = format!("local hit, {}", column.title);
        let rounds: Vec<_> = variants.iter().map(|v| v.name).zip(rounds).collect();
        part.timings.extend(Timing::of(&path, &rounds));
        part.records.extend(goals(column, &rounds));
    }
    mostly_hits(loads() - before, hits);
    part
}

/// What each goal came to; and beside it what a bare map does, which is how far anything could come that has one. Two threads
/// have to clone the value of a hot key at least, wherever they find it.
fn goals(column: &Load<'_>, rounds: &[(&str, &Rounds)]) -> Vec<Record> {
    let of = |name: &str| Some(rounds.iter().find(|(known, _)| *known == name)?.1);
    let measured = format!("{}: times as fast", column.title);
    let hot = column.keys.len() == 1;
    let goals = GOALS
        .iter()
        .filter_map(|(id, theirs, goal)| match (hot, column.threads) {
            (false, 1) => Some((*id, *theirs, *goal, QUICK_CACHE)),
            (true, 2) => Some(("P5", *theirs, 4.0, LISTED)),
            _ => None,
        });
    let records = goals.map(|(id, theirs, goal, floor)| {
        let goal = Goal::AtLeast(goal);
        let what = ["local hit", "clone, 2 tags", theirs, &measured];
        let over = |name| Some(of(theirs)?.over(of(name)?));
        let record = Record::new(id, goal, what, over(TAGGED)?.into());
        Some(record.beside(floor, goal, over(floor)?.median))
    });
    records.flatten().collect()
}
