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
//! processes share, which the store's pushes vouch for. `--loop` makes calls of one caller to a server of this program's own.

use std::future::Future;
use std::sync::Arc;

use crate::by_hand::{self, ByHand, by_hand};
use crate::own::{bounded, small, strict, trusted};
use crate::store::store;
use crate::subject::{Draws, User, draw, keys, ready};

/// Local hits of one key.
pub(crate) fn local(what: &str, hits: u64) {
    let key = &keys(1);
    let draws = &mut Draws::new(0);
    match what {
        "clone" => draw(key, draws, hits, |id, name| ready(small::tagged(id, name))),
        "arc" => draw(key, draws, hits, |id, name| {
            ready(small::tagged_arc(id, name))
        }),
        "untagged-clone" => draw(key, draws, hits, |id, name| {
            ready(small::untagged(id, name))
        }),
        "untagged-arc" => draw(key, draws, hits, |id, name| {
            ready(small::untagged_arc(id, name))
        }),
        "8-tags-clone" => draw(key, draws, hits, |id, name| {
            ready(small::tagged_8(id, name))
        }),
        "8-tags-arc" => draw(key, draws, hits, |id, name| {
            ready(small::tagged_8_arc(id, name))
        }),
        "trusted-clone" => {
            loaded(|(id, name)| trusted::tagged(*id, name));
            draw(key, draws, hits, |id, name| {
                ready(trusted::tagged(id, name))
            });
        }
        "trusted-arc" => {
            loaded(|(id, name)| trusted::tagged_arc(*id, name));
            draw(key, draws, hits, |id, name| {
                ready(trusted::tagged_arc(id, name))
            });
        }
        "quick_cache" => {
            let cache = ByHand::<User>::new(10);
            draw(key, draws, hits, |id, name| {
                ready(by_hand(&cache, id, name))
            });
        }
        "quick_cache-arc" => {
            let cache = ByHand::<Arc<User>>::new(10);
            draw(key, draws, hits, |id, name| {
                ready(by_hand(&cache, id, name))
            });
        }
        _ => panic!(
            "clone or arc, with untagged-, 8-tags-, trusted- or nothing before it, quick_cache or quick_cache-arc, not {what}"
        ),
    }
}

/// Loads the first key. What is shared is loaded with a runtime; hits need none.
fn loaded<'a, F: Future>(call: impl Fn(&'a (u64, String)) -> F) {
    let key: &'static (u64, String) = Box::leak(Box::new(keys(1)[0].clone()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    // Twice: the token that the first load made is pushed, and has the copy confirmed once.
    let twice = async {
        call(key).await;
        call(key).await;
    };
    runtime.expect("a runtime").block_on(twice);
}

/// Remote hits of a single caller, of one key after the other.
pub(crate) fn remote(what: &str, hits: u64) {
    const KEYS: u32 = 100;
    let store = store();
    let keys = store.fill(KEYS);
    let mut bare = store.bare.clone();
    store.runtime.block_on(async {
        for ((id, name), _) in keys.iter().cycle().zip(0..hits) {
            let user = match what {
                "bare" => by_hand::get(&mut bare, *id, name).await,
                "untagged" => bounded::untagged(*id, name).await,
                "tagged" => bounded::tagged(*id, name).await,
                "strict-tagged" => strict::tagged(*id, name).await,
                _ => panic!("bare, untagged, tagged or strict-tagged, not {what}"),
            };
            std::hint::black_box(user);
        }
    });
}
