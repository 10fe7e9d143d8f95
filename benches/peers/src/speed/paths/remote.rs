//! Hits in the server, of one caller to 1,024, each of which makes one call after the other.

use std::hint::black_box;

use super::{Remote, connected, fill, mostly_hits};
use crate::Effort;
use crate::floor::{Floor, MOST};
use crate::measure::{Rounds, Run, at_once, interleaved, on_one_processor};
use crate::record::{Goal, Record};
use crate::results::{Part, Timing};
use crate::store::Store;
use crate::subject::{Keys, keys};
use crate::systems::loads;

const KEYS: u32 = 10_240;
const CALLERS: [u64; 3] = [8, 64, 1_024];

fn throughput(store: &Store, keys: &'static Keys, callers: u64, effort: Effort) -> Vec<Rounds> {
    let calls = match callers {
        1 => effort.of(500, 3_000),
        _ => effort.of(4_096, 24_576),
    };
    let each = calls / callers;
    let one = |system: Remote| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let time = at_once(&store.runtime, callers, move |caller| {
                let mut bare = bare.clone();
                let first = caller * keys.len() as u64 / callers;
                async move {
                    for step in 0..each {
                        let at = usize::try_from(first + step).unwrap_or_default() % keys.len();
                        let (id, name) = &keys[at];
                        black_box(system.call(&mut bare, *id, name).await);
                    }
                }
            });
            (time, each * callers)
        })
    };
    let most = callers.min(MOST);
    let floor = |function, is_tagged| -> Run<'_> {
        let stored = store.stored(function, keys.len(), is_tagged);
        let mut floor = Floor::new(store, &stored, most);
        Box::new(move || floor.read(each * callers))
    };
    let mut runs: Vec<_> = Remote::ALL.map(one).into();
    runs.push(floor("remote_untagged", false));
    runs.push(floor("remote_tagged", true));
    interleaved(effort.of(3, 9), &mut runs)
}

pub(crate) fn run(effort: Effort) -> Part {
    of(&CALLERS, effort)
}

/// Of a single caller, on one processor.
pub(crate) fn run_single(effort: Effort) -> Part {
    on_one_processor();
    of(&[1], effort)
}

fn of(all_callers: &[u64], effort: Effort) -> Part {
    let store = connected();
    let keys: &'static Keys = Box::leak(keys(KEYS));
    fill(store, keys);
    let mut part = Part {
        server: store.server.version().to_owned(),
        ..Part::default()
    };
    for &callers in all_callers {
        let before = loads();
        let taken = throughput(store, keys, callers, effort);
        mostly_hits(
            loads() - before,
            taken.len() as u64 * effort.of(1_000, 20_000),
        );
        let rounds: Vec<_> = Remote::ALL
            .map(Remote::name)
            .into_iter()
            .zip(&taken)
            .collect();
        let who = if callers == 1 { "caller" } else { "callers" };
        let title = format!("{callers} {who}");
        let path = format!("remote hit, {title}");
        part.timings.extend(Timing::of(&path, &rounds));
        let goal = match callers {
            64 => 2.0,
            1_024 => 3.5,
            _ => continue,
        };
        let goal = Goal::AtLeast(goal);
        let at = |system| Remote::ALL.iter().position(|known| *known == system);
        let systems = [(Remote::Untagged, "no tag"), (Remote::Tagged, "2 tags")];
        for ((own, variant), floor) in systems.into_iter().zip(&taken[Remote::ALL.len()..]) {
            let (Some(own), Some(theirs)) = (at(own), at(Remote::Cached)) else {
                continue;
            };
            let measured = format!("{title}: times the throughput");
            let what = ["remote hit", variant, "cached, Redis", &measured];
            let over = |rounds: &Rounds| taken[theirs].over(rounds);
            let record = Record::new("P10", goal, what, over(&taken[own]).into());
            let server = format!("server alone, {variant}");
            part.records
                .push(record.beside(&server, goal, over(floor).median));
        }
    }
    part
}
