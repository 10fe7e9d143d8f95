//! A batch of a hundred: all of them in the server, against one `MGET` of the bare client and a decode of each; all of them in
//! this process, against as many look-ups by hand. All results are maps.

use std::collections::HashMap;
use std::hint::black_box;

use redis::aio::MultiplexedConnection;

use crate::Effort;
use crate::by_hand::{self, ByHand, QUICK_CACHE, REDIS, mget};
use crate::measure::{Run, at_once, interleaved, timed};
use crate::own::{bounded, small};
use crate::record::{Goal, Record};
use crate::store::{assert_undisturbed, store};
use crate::subject::{Keys, User, ready};

const BATCH: usize = 100;
/// Different ones, one after the other.
const BATCHES: u32 = 10;

#[derive(Clone, Copy)]
enum Variant {
    Bare,
    Untagged,
    Tagged,
}

impl Variant {
    async fn call(self, bare: &mut MultiplexedConnection, users: &Keys) {
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
    let loads = crate::own::of_server(&crate::own::BOUNDED)
        .stats()
        .total
        .loads;
    let taken = interleaved(effort.of(5, 15), &mut variants.map(one));
    let now = crate::own::of_server(&crate::own::BOUNDED)
        .stats()
        .total
        .loads;
    assert_eq!(now, loads, "hits only");
    assert_undisturbed();
    println!(
        "in the server, ns: {REDIS} {}, no tag {}, 2 tags {}",
        taken[0], taken[1], taken[2]
    );
    let records = ["bounded, no tag", "bounded, 2 tags"]
        .iter()
        .zip(&taken[1..]);
    let records = records.map(|(name, rounds)| {
        let what = [
            "batch of 100 remote hits",
            name,
            REDIS,
            "1 caller, MGET by hand: time ratio",
        ];
        Record::new(
            "P16",
            Goal::AtMost(1.2),
            what,
            rounds.over(&taken[0]).into(),
        )
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
