//! A batch of a hundred: all of them in the server, against one `MGET` of the bare client and a decode of each; all of them in
//! this process, against as many look-ups by hand. All results are maps.

use std::collections::HashMap;
use std::hint::black_box;

use redis::aio::MultiplexedConnection;

use crate::Effort;
use crate::by_hand::{self, ByHand, QUICK_CACHE, REDIS, mget};
use crate::floor::Floor;
use crate::measure::{Run, at_once, interleaved, timed};
use crate::own::{bounded, small};
use crate::record::{Goal, Record};
use crate::store::{assert_undisturbed, store};
use crate::subject::{Keys, User, ready};

pub(crate) const BATCH: usize = 100;
/// By a stream that is asked for the same and decodes as many values.
const SERVER: &str = "server alone, and decoding";
/// Different ones, one after the other.
const BATCHES: u32 = 10;

#[derive(Clone, Copy)]
pub(crate) enum Variant {
    Bare,
    Untagged,
    Tagged,
}

impl Variant {
    pub(crate) async fn call(self, bare: &mut MultiplexedConnection, users: &Keys) {
        let ids = || users.iter().map(|(id, _)| *id).collect();
        let users = match self {
            Self::Bare => mget(bare, users).await,
            Self::Untagged => bounded::batch(ids()).await,
            Self::Tagged => bounded::tagged_batch(ids()).await,
        };
        assert_eq!(black_box(users).len(), BATCH, "all of them");
    }
}

fn in_server(effort: Effort) -> Vec<Record> {
    let store = store();
    let keys = store.fill(100 * BATCHES);
    let calls = effort.of(50, 200);
    let one = |variant: Variant| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let time = at_once(&store.runtime, 1, move |_| {
                let mut bare = bare.clone();
                async move {
                    for (batch, _) in keys.chunks(BATCH).cycle().zip(0..calls) {
                        variant.call(&mut bare, batch).await;
                    }
                }
            });
            (time, calls)
        })
    };
    let variants = [Variant::Bare, Variant::Untagged, Variant::Tagged];
    // The first one of each loads.
    interleaved(1, &mut variants.map(one));
    let bytes = rmp_serde::to_vec_named(&User::of(keys[0].0, &keys[0].1)).expect("bytes");
    let floor = |function, is_tagged| -> Run<'_> {
        let stored = store.stored(function, keys.len(), is_tagged);
        let mut floor = Floor::new(store, &stored, BATCH as u64);
        let bytes = &bytes;
        Box::new(move || {
            let time = timed(|| {
                for _ in 0..calls {
                    floor.ask(|_| {
                        let users = (0..BATCH as u64).map(|id| {
                            let user = rmp_serde::from_slice::<User>(black_box(bytes));
                            (id, user.expect("a user"))
                        });
                        black_box(users.collect::<HashMap<_, _>>());
                    });
                }
            });
            (time, calls)
        })
    };
    let loads = crate::own::of_server(&crate::own::BOUNDED)
        .stats()
        .total
        .loads;
    let mut runs: Vec<_> = variants.map(one).into();
    runs.push(floor("batch", false));
    runs.push(floor("tagged_batch", true));
    let taken = interleaved(effort.of(5, 15), &mut runs);
    let now = crate::own::of_server(&crate::own::BOUNDED)
        .stats()
        .total
        .loads;
    assert_eq!(now, loads, "hits only");
    assert_undisturbed();
    println!(
        "in the server, ns: {REDIS} {}, no tag {}, 2 tags {}, {SERVER} {} and {}",
        taken[0], taken[1], taken[2], taken[3], taken[4]
    );
    let own = taken[1..3].iter().zip(&taken[3..]);
    let records = ["bounded, no tag", "bounded, 2 tags"].iter().zip(own);
    let records = records.map(|(name, (rounds, floor))| {
        let what = [
            "batch of 100 remote hits",
            name,
            REDIS,
            "1 caller, MGET by hand: time ratio",
        ];
        let (goal, bare) = (Goal::AtMost(1.2), &taken[0]);
        let floor = floor.over(bare).median;
        Record::new("P16", goal, what, rounds.over(bare).into()).beside(SERVER, goal, floor)
    });
    records.collect()
}

fn in_process(effort: Effort) -> Vec<Record> {
    let keys = crate::subject::keys(100 * BATCHES);
    let calls = effort.of(200, 1_000);
    let cache = ByHand::<User>::new(2 * keys.len());
    let by_hand = |users: &Keys| -> HashMap<u64, User> {
        let users = users.iter();
        let users = users.map(|(id, name)| ready(by_hand::by_hand(&cache, *id, name)));
        users.map(|user| (user.id, user)).collect()
    };
    let own = |users: &Keys| ready(small::batch(users.iter().map(|(id, _)| *id).collect()));
    let all = |call: &dyn Fn(&Keys) -> HashMap<u64, User>| {
        let time = timed(|| {
            for (batch, _) in keys.chunks(BATCH).cycle().zip(0..calls) {
                assert_eq!(black_box(call(batch)).len(), BATCH, "all of them");
            }
        });
        (time, calls)
    };
    let mut runs: [Run<'_>; 2] = [Box::new(|| all(&by_hand)), Box::new(|| all(&own))];
    // The first one of each loads.
    interleaved(1, &mut runs);
    let taken = interleaved(effort.of(5, 31), &mut runs);
    println!(
        "in this process, ns: {QUICK_CACHE} {}, no tag {}",
        taken[0], taken[1]
    );
    let what = [
        "batch of 100 local hits",
        "clone, no tag",
        QUICK_CACHE,
        "1 thread: time ratio",
    ];
    let ratio = taken[1].over(&taken[0]);
    vec![Record::new("", Goal::None, what, ratio.into())]
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    let mut records = in_process(effort);
    records.extend(in_server(effort));
    records
}
