//! A thousand callers of one key that nobody has asked for, in this process, with those systems that have one load for them.
//!
//! Every caller is a task. The body does not end before all of them have begun to call.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::{TAGGED, UNTAGGED, connected};
use crate::Effort;
use crate::measure::{Fresh, Run, at_once, interleaved, runtime};
use crate::record::{Goal, Record};
use crate::results::{Part, Timing};
use crate::subject::{User, name_of};
use crate::systems::{
    BEGUN, CROWD, CROWDS, amalgam, cache_aside, cached, hitbox, load, loads, moka, quick_cache,
};

static IDS: Fresh = Fresh::from(CROWDS);

#[derive(Clone, Copy, Debug, PartialEq)]
enum System {
    Untagged,
    Tagged,
    OnceCell,
    QuickCache,
    ByKey,
    Moka,
    Hitbox,
    Amalgam,
}

const SYSTEMS: [System; 8] = [
    System::Untagged,
    System::Tagged,
    System::OnceCell,
    System::QuickCache,
    System::ByKey,
    System::Moka,
    System::Hitbox,
    System::Amalgam,
];

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::Untagged => UNTAGGED,
            Self::Tagged => TAGGED,
            Self::OnceCell => "OnceCell in a map",
            Self::QuickCache => "quick_cache, get_or_insert_async",
            Self::ByKey => "cached, cached by_key",
            Self::Moka => "moka, get_with",
            Self::Hitbox => "hitbox, moka, concurrency 1",
            Self::Amalgam => "amalgam-cache, get_or_set",
        }
    }

    async fn call(self, id: u64, name: &str) -> User {
        match self {
            Self::Untagged => cache_aside::untagged(id, name).await,
            Self::Tagged => cache_aside::tagged(id, name).await,
            Self::OnceCell => once_cell(id, name).await,
            Self::QuickCache => quick_cache::one_load(id, name).await,
            Self::ByKey => cached::by_key(id, name).await,
            Self::Moka => moka::get_with(id, name).await,
            Self::Hitbox => hitbox::one_load(id, name).await,
            Self::Amalgam => amalgam::local(id, name).await,
        }
    }
}

type Cells = Mutex<HashMap<(u64, String), Arc<OnceCell<User>>>>;

async fn once_cell(id: u64, name: &str) -> User {
    static CELLS: LazyLock<Cells> = LazyLock::new(Cells::default);
    let cell = {
        let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry((id, name.to_owned())).or_default())
    };
    cell.get_or_init(|| load(id, name)).await.clone()
}

/// The time of all callers, and whether there was one load.
fn crowd(runtime: &Runtime, system: System) -> Duration {
    BEGUN.store(0, Relaxed);
    let id = IDS.take(1);
    let name: Arc<str> = name_of(id).into();
    at_once(runtime, CROWD, move |_| {
        let name = Arc::clone(&name);
        async move {
            BEGUN.fetch_add(1, Relaxed);
            black_box(system.call(id, &name).await);
        }
    })
}

pub(crate) fn run(effort: Effort) -> Part {
    connected();
    let single = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut part = on(&single.expect("a runtime"), "runtime of 1 thread", effort);
    let more = on(&runtime(), "runtime of all cores", effort);
    part.timings.extend(more.timings);
    part.records.extend(more.records);
    part
}

fn on(runtime: &Runtime, title: &str, effort: Effort) -> Part {
    const CROWDS_AT_A_TIME: u64 = 5;
    let one = |system: System| -> Run<'_> {
        Box::new(move || {
            let before = loads();
            let times = (0..CROWDS_AT_A_TIME).map(|_| crowd(runtime, system));
            let time = times.sum();
            let loads = loads() - before;
            let name = system.name();
            assert!(loads <= 2 * CROWDS_AT_A_TIME, "{name}: {loads} loads");
            if loads > CROWDS_AT_A_TIME {
                // Who comes when the load has just ended may begin another one.
                println!("{name}: {loads} loads of {CROWDS_AT_A_TIME} crowds");
                assert_eq!(system, System::Hitbox, "one load each");
            }
            (time, CROWDS_AT_A_TIME * CROWD)
        })
    };
    let taken = interleaved(effort.of(5, 31), &mut SYSTEMS.map(one));
    let path = format!("1,000 callers of one load, {title}");
    let rounds: Vec<_> = SYSTEMS.map(System::name).into_iter().zip(&taken).collect();
    let timings = Timing::of(&path, &rounds);
    let of = |system| SYSTEMS.iter().position(|known| *known == system);
    let own = [
        (System::Untagged, "clone, no tag"),
        (System::Tagged, "clone, 2 tags"),
    ];
    let records = own.into_iter().filter_map(|(own, variant)| {
        let measured = format!("1,000 callers, {title}: times as cheap");
        let what = ["stampede", variant, "moka, get_with", &measured];
        let (goal, theirs) = (Goal::AtLeast(2.5), &taken[of(System::Moka)?]);
        // Which is how far anything could come that has callers wait for a cell.
        let cell = theirs.over(&taken[of(System::OnceCell)?]).median;
        let record = Record::new("P13", goal, what, theirs.over(&taken[of(own)?]).into());
        Some(record.beside(System::OnceCell.name(), goal, cell))
    });
    let records = records.collect();
    Part {
        records,
        timings,
        ..Part::default()
    }
}
