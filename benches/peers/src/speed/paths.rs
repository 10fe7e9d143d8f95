//! What is done with the systems: a file per path of a call.

pub(crate) mod batch;
pub(crate) mod local;
pub(crate) mod miss;
pub(crate) mod remote;
pub(crate) mod stampede;

use redis::aio::MultiplexedConnection;

use crate::by_hand::{get_or_set, mget};
use crate::store::{Store, store};
use crate::subject::{Keys, User};
use crate::systems::{amalgam, cache_aside, cached, cachekit, hitbox};

/// What a system is asked for over the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Remote {
    Untagged,
    Tagged,
    ByHand,
    Cached,
    Hitbox,
    Cachekit,
    Amalgam,
}

impl Remote {
    const ALL: [Self; 7] = [
        Self::Untagged,
        Self::Tagged,
        Self::ByHand,
        Self::Cached,
        Self::Hitbox,
        Self::Cachekit,
        Self::Amalgam,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Untagged => UNTAGGED,
            Self::Tagged => TAGGED,
            Self::ByHand => "redis-rs by hand",
            Self::Cached => "cached, Redis",
            Self::Hitbox => "hitbox, Redis",
            Self::Cachekit => "cachekit-rs, no copies",
            Self::Amalgam => "amalgam-cache, no copies",
        }
    }

    async fn call(self, bare: &mut MultiplexedConnection, id: u64, name: &str) -> User {
        match self {
            Self::Untagged => cache_aside::remote_untagged(id, name).await,
            Self::Tagged => cache_aside::remote_tagged(id, name).await,
            Self::ByHand => get_or_set(bare, id, name).await,
            Self::Cached => cached::remote(id, name).await.expect("no error"),
            Self::Hitbox => hitbox::remote(id, name).await,
            Self::Cachekit => cachekit::remote(id, name).await,
            Self::Amalgam => amalgam::remote(id, name).await,
        }
    }
}

/// This library, in all tables: the function without tags, as the others have none, is what they are compared with.
const UNTAGGED: &str = "cache-aside";
const TAGGED: &str = "cache-aside, 2 tags";

/// The server, with every system connected to it.
fn connected() -> &'static Store {
    let store = store();
    store.runtime.block_on(async {
        cachekit::connect().await;
        amalgam::connect().await;
    });
    store
}

/// Has every system store these.
fn fill(store: &Store, keys: &'static Keys) {
    const CALLERS: u64 = 32;
    let bare = store.bare.clone();
    crate::measure::at_once(&store.runtime, CALLERS, move |caller| {
        let mut bare = bare.clone();
        async move {
            for (id, name) in keys.iter().filter(|(id, _)| id % CALLERS == caller) {
                for system in Remote::ALL {
                    system.call(&mut bare, *id, name).await;
                }
            }
        }
    });
}

/// On a machine with others at work a call may run out of its time for the server, and load. A few of them change no median.
fn mostly_hits(loads: u64, calls: u64) {
    println!("loads among {calls} hits: {loads}");
    assert!(loads <= calls / 100, "hits, not loads");
}

/// One `MGET` in the place of a hundred calls.
async fn all_by_hand(bare: &mut MultiplexedConnection, users: &Keys) -> usize {
    mget(bare, users).await.len()
}
