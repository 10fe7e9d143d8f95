//! A hundred users at once, all of them in the server: in one call where a system has batches, in a hundred calls that one
//! task waits for together where it has none.

use futures_util::future::join_all;

use super::{Remote, TAGGED, UNTAGGED, all_by_hand, connected, fill};
use crate::Effort;
use crate::measure::{Run, at_once, interleaved};
use crate::own::bounded;
use crate::results::{Part, Timing};
use crate::subject::{Keys, keys};

const BATCH: usize = 100;
const KEYS: u32 = 1_000;

#[derive(Clone, Copy)]
enum Way {
    Batch,
    TaggedBatch,
    Mget,
    Calls(Remote),
}

const WAYS: [Way; 8] = [
    Way::Batch,
    Way::TaggedBatch,
    Way::Mget,
    Way::Calls(Remote::Untagged),
    Way::Calls(Remote::Cached),
    Way::Calls(Remote::Hitbox),
    Way::Calls(Remote::Cachekit),
    Way::Calls(Remote::Amalgam),
];

impl Way {
    fn name(self) -> String {
        match self {
            Self::Batch => UNTAGGED.to_owned(),
            Self::TaggedBatch => TAGGED.to_owned(),
            Self::Mget => "redis-rs by hand, MGET".to_owned(),
            Self::Calls(system) => format!("{}, 100 calls", system.name()),
        }
    }

    async fn take(self, bare: &mut redis::aio::MultiplexedConnection, users: &Keys) -> usize {
        let ids = || users.iter().map(|(id, _)| *id).collect();
        match self {
            Self::Batch => bounded::batch(ids()).await.len(),
            Self::TaggedBatch => bounded::tagged_batch(ids()).await.len(),
            Self::Mget => all_by_hand(bare, users).await,
            Self::Calls(system) => {
                let calls = users.iter().map(|(id, name)| {
                    let mut bare = bare.clone();
                    async move { system.call(&mut bare, *id, name).await }
                });
                join_all(calls).await.len()
            }
        }
    }
}

pub(crate) fn run(effort: Effort) -> Part {
    let store = connected();
    let keys: &'static Keys = Box::leak(keys(KEYS));
    fill(store, keys);
    let batches = effort.of(30, 200);
    let one = |way: Way| -> Run<'_> {
        Box::new(move || {
            let bare = store.bare.clone();
            let time = at_once(&store.runtime, 1, move |_| {
                let mut bare = bare.clone();
                async move {
                    for (users, _) in keys.chunks(BATCH).cycle().zip(0..batches) {
                        assert_eq!(way.take(&mut bare, users).await, BATCH, "all of them");
                    }
                }
            });
            (time, batches)
        })
    };
    // The first one of each loads.
    interleaved(1, &mut WAYS.map(one));
    let taken = interleaved(effort.of(5, 15), &mut WAYS.map(one));
    let names = WAYS.map(Way::name);
    let taken: Vec<_> = names.iter().map(String::as_str).zip(&taken).collect();
    Part {
        timings: Timing::of("batch of 100 remote hits, 1 caller", &taken),
        ..Part::default()
    }
}
