//! A cold miss of a single caller, over the server: what is asked and stored for a key that nobody has asked for.
//!
//! Systems differ in what they promise: this library and `cachekit-rs` have one process load, the others have everybody.

use std::hint::black_box;

use super::{Remote, connected};
use crate::Effort;
use crate::measure::{Fresh, Run, at_once, interleaved, on_one_processor};
use crate::results::{Part, Timing};
use crate::subject::name_of;
use crate::systems::loads;

static IDS: Fresh = Fresh::from(1_500_000_000);

pub(crate) fn run(effort: Effort) -> Part {
    on_one_processor();
    let store = connected();
    let count = effort.of(50, 300);
    let rounds = effort.of(5, 21);
    let one = |system: Remote| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let first = IDS.take(count);
            let time = at_once(&store.runtime, 1, move |_| {
                let mut bare = bare.clone();
                async move {
                    for id in first..first + count {
                        black_box(system.call(&mut bare, id, &name_of(id)).await);
                    }
                }
            });
            (time, count)
        })
    };
    // The first one of each connects.
    interleaved(1, &mut Remote::ALL.map(one));
    let before = loads();
    let taken = interleaved(rounds, &mut Remote::ALL.map(one));
    // By hand it is the subject itself that makes the value.
    let counted = Remote::ALL.len() as u64 - 1;
    assert_eq!(
        loads() - before,
        counted * count * rounds as u64,
        "misses only"
    );
    let taken: Vec<_> = Remote::ALL
        .map(Remote::name)
        .into_iter()
        .zip(&taken)
        .collect();
    Part {
        timings: Timing::of("cold miss, 1 caller", &taken),
        ..Part::default()
    }
}
