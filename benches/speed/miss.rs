//! A cold miss of a single caller: with a lease, so that one process loads, against `GET` and `SET` of the bare client, where
//! everybody does.
//!
//! The body does nothing, and nothing is kept in this process (`local = false`), so that what is compared are the trips.

use std::future::Future;
use std::hint::black_box;

use crate::Effort;
use crate::by_hand::{REDIS, get_or_set};
use crate::measure::{Fresh, Run, at_once, interleaved, on_one_processor};
use crate::own::bounded;
use crate::record::{Goal, Record};
use crate::store::{assert_undisturbed, store};
use crate::subject::name_of;

/// Nobody has asked for these; no other section comes as far.
static IDS: Fresh = Fresh::from(1_000_000_000);

/// So many misses, one after the other.
fn misses<F>(count: u64, call: impl Fn(u64, String) -> F + Clone + Send + 'static) -> Run<'static>
where
    F: Future<Output = ()> + Send,
{
    Box::new(move || {
        let (first, call) = (IDS.take(count), call.clone());
        let time = at_once(&store().runtime, 1, move |_| {
            let call = call.clone();
            async move {
                for id in first..first + count {
                    call(id, name_of(id)).await;
                }
            }
        });
        (time, count)
    })
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    on_one_processor();
    let count = effort.of(100, 300);
    let mut runs = [
        misses(count, |id, name| async move {
            let mut bare = store().bare.clone();
            black_box(get_or_set(&mut bare, id, &name).await);
        }),
        misses(count, |id, name| async move {
            black_box(bounded::untagged(id, &name).await);
        }),
        misses(count, |id, name| async move {
            black_box(bounded::one_tag(id, &name).await);
        }),
    ];
    let taken = interleaved(effort.of(5, 31), &mut runs);
    let [by_hand, own @ ..] = &taken[..] else {
        return Vec::new();
    };
    println!("ns: {REDIS} {by_hand}, no tag {}, 1 tag {}", own[0], own[1]);
    assert_undisturbed();
    let names = ["bounded, no tag", "bounded, 1 tag"];
    let records = names.iter().zip(own).map(|(name, rounds)| {
        let what = [
            "cold miss",
            name,
            REDIS,
            "1 caller, GET and SET by hand: time ratio",
        ];
        Record::new("P12", Goal::AtMost(1.7), what, rounds.over(by_hand).into())
    });
    records.collect()
}
