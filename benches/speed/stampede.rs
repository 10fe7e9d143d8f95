//! A thousand callers of one key that nobody has asked for, in this process, against `tokio::sync::OnceCell` in a map.
//!
//! Every caller is a task. The body does not end before all of them have begun to call, so that all but one wait for it, or
//! come when it has just ended.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use cache_aside::{Cache, cache_aside};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::yield_now;

use crate::Effort;
use crate::measure::{Fresh, Run, at_once, interleaved, runtime};
use crate::own::in_process;
use crate::record::{Goal, Record};
use crate::subject::{User, name_of};

const CALLERS: u64 = 1_000;
const ONCE_CELL: &str = "OnceCell in a map";

static IDS: Fresh = Fresh::from(2_000_000_000);
/// Callers of the present crowd that have begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// Bodies that have run.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// The body of both.
async fn load(id: u64, name: &str) -> User {
    while BEGUN.load(Relaxed) < CALLERS {
        yield_now().await;
    }
    LOADS.fetch_add(1, Relaxed);
    User::of(id, name)
}

fn cache() -> &'static Cache {
    static CACHE: LazyLock<Cache> = LazyLock::new(|| in_process(210_000));
    &CACHE
}

#[cache_aside(ttl = "1h", cache = cache())]
async fn untagged(id: u64, name: &str) -> User {
    load(id, name).await
}

#[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = cache())]
async fn tagged(id: u64, name: &str) -> User {
    load(id, name).await
}

pub(crate) type Cells = Mutex<HashMap<(u64, String), Arc<OnceCell<User>>>>;

async fn once_cell(cells: &Cells, id: u64, name: &str) -> User {
    let cell = {
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry((id, name.to_owned())).or_default())
    };
    cell.get_or_init(|| load(id, name)).await.clone()
}

#[derive(Clone, Copy)]
pub(crate) enum Variant {
    OnceCell,
    Untagged,
    Tagged,
}

/// The time of all callers.
pub(crate) fn crowd(runtime: &Runtime, variant: Variant, cells: &Arc<Cells>) -> Duration {
    BEGUN.store(0, Relaxed);
    let loads = LOADS.load(Relaxed);
    let id = IDS.take(1);
    let name: Arc<str> = name_of(id).into();
    let cells = Arc::clone(cells);
    let time = at_once(runtime, CALLERS, move |_| {
        let (name, cells) = (Arc::clone(&name), Arc::clone(&cells));
        async move {
            BEGUN.fetch_add(1, Relaxed);
            let user = match variant {
                Variant::OnceCell => once_cell(&cells, id, &name).await,
                Variant::Untagged => untagged(id, &name).await,
                Variant::Tagged => tagged(id, &name).await,
            };
            black_box(user);
        }
    });
    assert_eq!(LOADS.load(Relaxed) - loads, 1, "one load");
    time
}

pub(crate) fn single() -> Runtime {
    let single = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    single.expect("a runtime")
}

fn on(runtime: &Runtime, title: &str, effort: Effort) -> Vec<Record> {
    const CROWDS: u64 = 10;
    let cells = Arc::new(Cells::default());
    let one = |variant: Variant| -> Run<'_> {
        let cells = &cells;
        Box::new(move || {
            let times = (0..CROWDS).map(|_| crowd(runtime, variant, cells));
            (times.sum(), CROWDS * CALLERS)
        })
    };
    let variants = [Variant::OnceCell, Variant::Untagged, Variant::Tagged];
    let taken = interleaved(effort.of(7, 41), &mut variants.map(one));
    let [cell, own @ ..] = &taken[..] else {
        return Vec::new();
    };
    println!(
        "{title}, ns per caller: {ONCE_CELL} {cell}, no tag {}, 2 tags {}",
        own[0], own[1]
    );
    let measured = format!("{CALLERS} callers, {title}: time ratio");
    let names = ["clone, no tag", "clone, 2 tags"];
    let records = names.iter().zip(own).map(|(name, rounds)| {
        let what = ["stampede", name, ONCE_CELL, &measured];
        Record::new("P13", Goal::AtMost(1.3), what, rounds.over(cell).into())
    });
    records.collect()
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    let mut records = on(&single(), "runtime of 1 thread", effort);
    records.extend(on(&runtime(), "runtime of all cores", effort));
    records
}
