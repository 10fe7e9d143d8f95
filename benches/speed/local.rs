//! Hits in this process, against `quick_cache` by hand: the same borrowed key, the same clone.
//!
//! Each function has a cache of its own, with no other entries. *Among others* are hits in a cache in which other functions
//! have five times as many. *Trusted* are copies of what processes share, for which the store's pushes vouch.
//! Keys drawn evenly out of ten thousand is the main figure. On two threads a figure is the time of one of them, so that it
//! stays the same where they do not disturb each other.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::Cache;

use crate::Effort;
use crate::by_hand::{self, Listed, QUICK_CACHE, clocked};
use crate::measure::{Rounds, Run, interleaved, on_two_threads, timed};
use crate::own::{COMMON, common, large, small, trusted};
use crate::record::{Goal, Record};
use crate::store::store;
use crate::subject::{Draws, Keys, User, draw, keys, noting, ready, until_hits};

const KEYS: u32 = 10_000;

/// Makes so many calls.
type Hits = Box<dyn Fn(&Keys, &mut Draws, u64) + Send + Sync>;

/// One way to get a value.
struct Variant {
    name: &'static str,
    hits: Hits,
}

impl Variant {
    fn new<R>(
        name: &'static str,
        call: impl AsyncFn(u64, &str) -> R + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            hits: Box::new(move |keys, draws, hits| draw(keys, draws, hits, &call)),
        }
    }
}

const UNTAGGED: &str = "clone, no tag";
const TAGGED: &str = "clone, 2 tags";
const TAGGED_8: &str = "clone, 8 tags";
const UNTAGGED_ARC: &str = "Arc, no tag";
const TAGGED_ARC: &str = "Arc, 2 tags";
const TAGGED_8_ARC: &str = "Arc, 8 tags";
const TRUSTED: &str = "trusted clone, 2 tags";
const TRUSTED_ARC: &str = "trusted Arc, 2 tags";
const AMONG: &str = "clone, 2 tags, among others";
const AMONG_ARC: &str = "Arc, 2 tags, among others";
const HAND: &str = "quick_cache, clone";
const HAND_ARC: &str = "quick_cache, Arc";
const CLOCKED: &str = "quick_cache and the clock, clone";
const CLOCKED_ARC: &str = "quick_cache and the clock, Arc";
const LISTED: &str = "a list, clone";
const LISTED_ARC: &str = "a list, Arc";

/// One by one, because each is another type.
fn listed<V: Clone + From<User> + Send + Sync + 'static>(
    name: &'static str,
    keys: &Keys,
) -> Variant {
    let list: &'static Listed<V> = Box::leak(Box::new(Listed::new(keys)));
    Variant::new(name, async move |id, name: &str| list.get(id, name).await)
}

fn few_entries(keys: &Keys) -> Vec<Variant> {
    vec![
        Variant::new(UNTAGGED, small::untagged),
        Variant::new(TAGGED, small::tagged),
        Variant::new(TAGGED_8, small::tagged_8),
        Variant::new(TRUSTED, trusted::tagged),
        Variant::new(AMONG, common::tagged),
        Variant::new(HAND, by_hand::small),
        Variant::new(CLOCKED, async |id, name: &str| {
            clocked(by_hand::small, id, name).await
        }),
        listed::<User>(LISTED, keys),
        Variant::new(UNTAGGED_ARC, small::untagged_arc),
        Variant::new(TAGGED_ARC, small::tagged_arc),
        Variant::new(TAGGED_8_ARC, small::tagged_8_arc),
        Variant::new(TRUSTED_ARC, trusted::tagged_arc),
        Variant::new(AMONG_ARC, common::tagged_arc),
        Variant::new(HAND_ARC, by_hand::small_arc),
        Variant::new(CLOCKED_ARC, async |id, name: &str| {
            clocked(by_hand::small_arc, id, name).await
        }),
        listed::<Arc<User>>(LISTED_ARC, keys),
    ]
}

fn many_entries(keys: &Keys) -> Vec<Variant> {
    vec![
        Variant::new(TAGGED, large::tagged),
        Variant::new(HAND, by_hand::large),
        listed::<User>(LISTED, keys),
        Variant::new(TAGGED_ARC, large::tagged_arc),
        Variant::new(HAND_ARC, by_hand::large_arc),
        listed::<Arc<User>>(LISTED_ARC, keys),
    ]
}

/// Which keys are asked for, and by how many threads.
struct Load<'a> {
    title: &'static str,
    keys: &'a Keys,
    threads: u32,
}

impl Load<'_> {
    /// After a while that is not timed, in which the variant gets the caches of the processor back from the one before.
    fn time(&self, variant: &Variant, round: u32, hits: u64) -> Duration {
        let run = |thread| (variant.hits)(self.keys, &mut Draws::new(2 * round + thread), hits);
        (variant.hits)(self.keys, &mut Draws::new(0), u64::from(2 * KEYS));
        match self.threads {
            1 => timed(|| run(0)),
            _ => on_two_threads(run),
        }
    }
}

/// What one load came to, of all variants.
struct Column {
    title: &'static str,
    rounds: Vec<(&'static str, Rounds)>,
}

impl Column {
    fn of(&self, name: &str) -> &Rounds {
        let found = self.rounds.iter().find(|(variant, _)| *variant == name);
        &found.expect("a variant that was measured").1
    }
}

/// Every variant on every load, all of them in each round.
fn take(variants: &[Variant], loads: &[Load<'_>], effort: (usize, u64)) -> Vec<Column> {
    let (rounds, hits) = effort;
    let mut runs: Vec<Run<'_>> = Vec::new();
    for load in loads {
        for variant in variants {
            let mut round = 0;
            runs.push(Box::new(move || {
                round += 1;
                (load.time(variant, round, hits), hits)
            }));
        }
    }
    let taken = interleaved(rounds, &mut runs);
    let columns = loads.iter().zip(taken.chunks(variants.len()));
    let columns = columns.map(|(load, rounds)| Column {
        title: load.title,
        rounds: variants
            .iter()
            .map(|variant| variant.name)
            .zip(rounds.iter().cloned())
            .collect(),
    });
    let columns: Vec<_> = columns.collect();
    let titles = loads.iter().map(|load| format!("{:>30}", load.title));
    println!(
        "{:24}{}",
        "ns, median (best)",
        titles.collect::<Vec<_>>().concat()
    );
    for variant in variants {
        let cells = columns.iter().map(|column| column.of(variant.name));
        let cells: Vec<_> = cells.map(|rounds| format!("{rounds:>30}")).collect();
        println!("{:24}{}", variant.name, cells.concat());
    }
    columns
}

fn load_all(variants: &[Variant], keys: &Keys) {
    for variant in variants {
        for at in 0..keys.len() {
            (variant.hits)(&keys[at..=at], &mut Draws::new(0), 1);
        }
    }
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    let keys = keys(KEYS);
    let variants = few_entries(&keys);
    load_trusted(&keys);
    load_others();
    load_all(&variants, &keys);
    let load = |title, keys, threads| Load {
        title,
        keys,
        threads,
    };
    let loads = [
        load("10,000 keys", &*keys, 1),
        load("10,000 keys, 2 threads", &keys, 2),
        load("1 hot key", &keys[..1], 1),
        load("1 hot key, 2 threads", &keys[..1], 2),
    ];
    let own_loads = || {
        let others = loads_of(&[&COMMON]);
        loads_of(&small::caches()) + loads_of(&trusted::caches()) + others
    };
    let before = own_loads();
    let columns = take(&variants, &loads, effort.of((5, 20_000), (31, 100_000)));
    assert_eq!(own_loads(), before, "hits only");
    let mut records = Vec::new();
    for column in &columns {
        against_hand(column, &mut records);
    }
    for column in &columns {
        by_tags(column, &mut records);
    }
    by_threads(&columns[0], &columns[1], Goal::None, &mut records);
    by_threads(&columns[2], &columns[3], Goal::AtMost(1.3), &mut records);
    hot_on_two_threads(&columns[3], &mut records);
    drop(variants);
    many(effort, &mut records);
    records
}

/// A server's worth of entries that are far more than the caches of the processor hold.
fn many(effort: Effort, records: &mut Vec<Record>) {
    let (entries, title) = effort.of((200_000, "200,000 keys"), (1_000_000, "1,000,000 keys"));
    let keys = keys(entries);
    let variants = many_entries(&keys);
    load_all(&variants, &keys);
    let before = loads_of(&large::caches());
    let load = Load {
        title,
        keys: &keys,
        threads: 1,
    };
    let columns = take(&variants, &[load], effort.of((5, 50_000), (15, 300_000)));
    against_hand(&columns[0], records);
    assert_eq!(loads_of(&large::caches()), before, "hits only");
}

fn loads_of(caches: &[&Cache]) -> u64 {
    caches.iter().map(|cache| cache.stats().total.loads).sum()
}

/// Five times as many entries of another function, which nobody asks for again.
fn load_others() {
    for (id, name) in &keys(5 * KEYS) {
        ready(common::untagged(*id, name));
    }
}

/// Loads everything with a runtime, since it is stored in the store besides; hits need none.
fn load_trusted(keys: &Keys) {
    trusted::caches();
    let calls = async |waited: &mut bool| {
        for (id, name) in keys {
            noting(waited, trusted::tagged(*id, name)).await;
            noting(waited, trusted::tagged_arc(*id, name)).await;
        }
    };
    store().runtime.block_on(until_hits(calls));
}

fn time_ratio(title: &str) -> String {
    format!("{title}: time ratio")
}

/// P1 and P2.
fn against_hand(column: &Column, records: &mut Vec<Record>) {
    let clone = (HAND, "P1", Goal::AtMost(1.15));
    let arc = (HAND_ARC, "P2", Goal::AtMost(1.6));
    let compared = [
        (TAGGED, clone, LISTED),
        (TRUSTED, clone, CLOCKED),
        (AMONG, (HAND, "P1", Goal::None), LISTED),
        (UNTAGGED, (HAND, "", Goal::None), LISTED),
        (TAGGED_ARC, arc, LISTED_ARC),
        (TRUSTED_ARC, arc, CLOCKED_ARC),
        (AMONG_ARC, (HAND_ARC, "P2", Goal::None), LISTED_ARC),
        (UNTAGGED_ARC, (HAND_ARC, "", Goal::None), LISTED_ARC),
    ];
    for (own, (hand, id, goal), floor) in compared {
        if column.rounds.iter().any(|(name, _)| *name == own) {
            let what = ["local hit", own, QUICK_CACHE, &time_ratio(column.title)];
            let over_hand = |name| column.of(name).over(column.of(hand));
            let record = Record::new(id, goal, what, over_hand(own).into());
            records.push(record.beside(floor, goal, over_hand(floor).median));
        }
    }
}

/// P6.
fn by_tags(column: &Column, records: &mut Vec<Record>) {
    for (many, none) in [(TAGGED_8, UNTAGGED), (TAGGED_8_ARC, UNTAGGED_ARC)] {
        let what = ["local hit", many, none, &time_ratio(column.title)];
        let ratio = column.of(many).over(column.of(none));
        records.push(Record::new("P6", Goal::AtMost(1.25), what, ratio.into()));
    }
}

/// P5. The count of an `Arc` that is handed out is one that both threads write, whoever hands it out.
fn by_threads(one: &Column, two: &Column, goal: Goal, records: &mut Vec<Record>) {
    for name in [TAGGED, TRUSTED, HAND, TAGGED_ARC, HAND_ARC] {
        let is_goal = goal != Goal::None && [TAGGED, TRUSTED].contains(&name);
        let (id, goal) = if is_goal {
            ("P5", goal)
        } else {
            ("", Goal::None)
        };
        let what = [
            "local hit",
            name,
            "the same on 1 thread",
            &time_ratio(two.title),
        ];
        let ratio = two.of(name).over(one.of(name));
        records.push(Record::new(id, goal, what, ratio.into()));
    }
}

/// P5, the other half.
fn hot_on_two_threads(two: &Column, records: &mut Vec<Record>) {
    let measured = format!("{}: times as fast", two.title);
    for own in [TAGGED, TRUSTED] {
        let what = ["local hit", own, QUICK_CACHE, &measured];
        let (goal, over) = (Goal::AtLeast(4.0), |name| two.of(HAND).over(two.of(name)));
        let record = Record::new("P5", goal, what, over(own).into());
        records.push(record.beside(LISTED, goal, over(LISTED).median));
    }
}
