//! Nothing but calls, for a tool that counts instructions. Those of one call are the difference between two such loops:
//!
//! ```text
//! bench=$(cargo bench --bench speed --no-run 2>&1 | sed -n 's/.*(\(.*\))/\1/p')
//! for hits in 1000 11000; do valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!     "$bench" --callgrind-loop clone $hits 2>&1 | sed -n 's/.*Collected : //p'
//! done | { read few; read many; echo $(( (many - few) / 10000 )) per hit; }
//! ```
//!
//! Goals (P7) for local hits: at most 850 (`clone`), 320 (`arc`). `trusted-clone` and `trusted-arc` are hits on copies of what
//! processes share, which the store's pushes vouch for. `--loop` makes calls to a server of this program's own, of one caller or of so many at once,
//! each of which makes that number of calls: `--loop tagged 100 64`. `--loop crowd-tagged 10` has a thousand callers wait for one load, ten times, and
//! `--loop batch-tagged 10` asks for a hundred at once, ten times.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use crate::batch::{BATCH, Variant as Batch};
use crate::by_hand;
use crate::measure::{Fresh, at_once};
use crate::own::{bounded, small, strict, trusted, viewed};
use crate::stampede::{Variant, crowd, single};
use crate::store::store;
use crate::subject::{Draws, draw, keys, noting, until_hits};

/// Local hits of one key.
pub(crate) fn local(what: &str, hits: u64) {
    let key = &keys(1);
    let draws = &mut Draws::new(0);
    match what {
        "clone" => draw(key, draws, hits, &small::tagged),
        "arc" => draw(key, draws, hits, &small::tagged_arc),
        "untagged-clone" => draw(key, draws, hits, &small::untagged),
        "untagged-arc" => draw(key, draws, hits, &small::untagged_arc),
        "8-tags-clone" => draw(key, draws, hits, &small::tagged_8),
        "8-tags-arc" => draw(key, draws, hits, &small::tagged_8_arc),
        "trusted-clone" => {
            loaded(|(id, name)| trusted::tagged(*id, name));
            draw(key, draws, hits, &trusted::tagged);
        }
        "trusted-arc" => {
            loaded(|(id, name)| trusted::tagged_arc(*id, name));
            draw(key, draws, hits, &trusted::tagged_arc);
        }
        "quick_cache" => draw(key, draws, hits, &by_hand::small),
        "quick_cache-arc" => draw(key, draws, hits, &by_hand::small_arc),
        _ => panic!(
            "clone or arc, with untagged-, 8-tags-, trusted- or nothing before it, quick_cache or quick_cache-arc, not {what}"
        ),
    }
}

/// Loads the first key. What is shared is loaded with a runtime; hits need none.
fn loaded<'a, F: Future>(call: impl Fn(&'a (u64, String)) -> F) {
    let key: &'static (u64, String) = Box::leak(Box::new(keys(1)[0].clone()));
    trusted::caches();
    let calls = async |waited: &mut bool| noting(waited, call(key)).await;
    store().runtime.block_on(until_hits(calls));
}

/// What nobody has asked for.
static NEW: Fresh = Fresh::from(3_000_000_000);

/// Remote hits, of one key after the other: so many calls of each of so many callers at once. With `mixed-` before it one
/// call in twenty asks for what nobody has asked for, with `miss-` before it each call does.
pub(crate) fn remote(what: &'static str, calls: u64, callers: u64) {
    let store = store();
    // Several for each, so that no two ask for the same at the same time; few, as loads cost more than hits.
    let keys = store.fill(
        u32::try_from(callers)
            .unwrap_or(u32::MAX)
            .saturating_mul(10)
            .max(100),
    );
    let (what, misses) = match what.split_once('-') {
        Some(("mixed", what)) => (what, 20),
        Some(("miss", what)) => (what, 1),
        _ => (what, u64::MAX),
    };
    let bare = store.bare.clone();
    at_once(&store.runtime, callers, move |caller| {
        let mut bare = bare.clone();
        let first = caller * keys.len() as u64 / callers;
        let first = usize::try_from(first).unwrap_or_default();
        async move {
            for ((id, name), step) in keys.iter().cycle().skip(first).zip(0..calls) {
                let id = if step % misses == misses - 1 {
                    NEW.take(1)
                } else {
                    *id
                };
                let user = match what {
                    "bare" => by_hand::get_or_set(&mut bare, id, name).await,
                    "untagged" => bounded::untagged(id, name).await,
                    "one-tag" => bounded::one_tag(id, name).await,
                    "tagged" => bounded::tagged(id, name).await,
                    "strict-tagged" => strict::tagged(id, name).await,
                    "viewed-untagged" => viewed::untagged(id, name).await,
                    "viewed-tagged" => viewed::tagged(id, name).await,
                    _ => panic!(
                        "bare, untagged, one-tag, tagged, strict-tagged, viewed-untagged or viewed-tagged, with mixed-, miss- or nothing before it, not {what}"
                    ),
                };
                black_box(user);
            }
        }
    });
}

/// Batches of a hundred, one after the other.
pub(crate) fn batches(what: &str, calls: u64) {
    let store = store();
    let keys = store.fill(1_000);
    let variant = match what {
        "batch-bare" => Batch::Bare,
        "batch-untagged" => Batch::Untagged,
        "batch-tagged" => Batch::Tagged,
        _ => panic!("batch-bare, batch-untagged or batch-tagged, not {what}"),
    };
    let bare = store.bare.clone();
    at_once(&store.runtime, 1, move |_| {
        let mut bare = bare.clone();
        async move {
            for (users, _) in keys.chunks(BATCH).cycle().zip(0..calls) {
                variant.call(&mut bare, users).await;
            }
        }
    });
}

/// A thousand callers of one load, so often, on one thread.
pub(crate) fn crowds(what: &str, number: u64) {
    let variant = match what {
        "crowd-cell" => Variant::OnceCell,
        "crowd-untagged" => Variant::Untagged,
        "crowd-tagged" => Variant::Tagged,
        _ => panic!("crowd-cell, crowd-untagged or crowd-tagged, not {what}"),
    };
    let runtime = single();
    for _ in 0..number {
        crowd(&runtime, variant, &Arc::default());
    }
}
