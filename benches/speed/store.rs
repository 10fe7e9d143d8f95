//! A server, the bare client's connection to it, and the caches that share their answers over it.

use std::sync::OnceLock;
use std::time::Duration;

use cache_aside::{Cache, Coherence};
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use crate::by_hand::set;
use crate::measure::{at_once, runtime};
use crate::own::{BOUNDED, STRICT, bounded, strict};
use crate::server::Server;
use crate::subject::{Keys, keys};

pub(crate) struct Store {
    pub(crate) runtime: Runtime,
    pub(crate) bare: MultiplexedConnection,
    pub(crate) server: Server,
}

async fn cache(
    server: &Server,
    namespace: &str,
    (coherence, capacity): (Coherence, usize),
) -> Cache {
    // A busy machine must not have calls give up: they would be fast, and not do what is measured.
    let limit = Duration::from_secs(10);
    let builder = Cache::builder().namespace(namespace).redis(server.url());
    let builder = builder.read_timeout(limit).write_timeout(limit);
    let cache = builder
        .coherence(coherence)
        .local_capacity(capacity)
        .build();
    cache.await.expect("good settings")
}

/// One for all sections of a run, since functions find their caches in statics. Its server ends with the process.
pub(crate) fn store() -> &'static Store {
    static STORE: OnceLock<Store> = OnceLock::new();
    STORE.get_or_init(|| {
        let server = Server::start().expect("a server");
        let runtime = runtime();
        let bare = runtime.block_on(async {
            let second = Coherence::Bounded(Duration::from_secs(1));
            let cache = cache(&server, "bounded", (second, 40_000)).await;
            BOUNDED.set(cache).expect("set once");
            let client = redis::Client::open(server.url()).expect("a client");
            let connection = client.get_multiplexed_async_connection().await;
            connection.expect("the server answers")
        });
        println!("{}", server.version());
        Store {
            runtime,
            bare,
            server,
        }
    })
}

impl Store {
    /// Also the cache that is strict: programs have one, and each is told of what others change.
    fn with_strict(&self) {
        if STRICT.get().is_none() {
            let cache = cache(&self.server, "strict", (Coherence::Strict, 40_000));
            let cache = self.runtime.block_on(cache);
            STRICT.set(cache).expect("nobody else sets it");
        }
    }

    /// A cache of the server with many copies, each of which is trusted for as long as a run takes.
    pub(crate) fn trusted(&self) -> Cache {
        let run = Coherence::Bounded(Duration::from_secs(3_600));
        self.runtime
            .block_on(cache(&self.server, "trusted", (run, 500_000)))
    }

    /// Has so many users stored, by hand and by each function for one user.
    pub(crate) fn fill(&self, count: u32) -> &'static Keys {
        const CALLERS: u64 = 64;
        self.with_strict();
        let keys: &'static Keys = Box::leak(keys(count));
        let bare = self.bare.clone();
        at_once(&self.runtime, CALLERS, move |caller| {
            let mut bare = bare.clone();
            async move {
                for (id, name) in keys.iter().filter(|(id, _)| id % CALLERS == caller) {
                    set(&mut bare, *id, name).await;
                    bounded::untagged(*id, name).await;
                    bounded::tagged(*id, name).await;
                    strict::untagged(*id, name).await;
                    strict::tagged(*id, name).await;
                }
            }
        });
        keys
    }
}

/// Nothing went wrong that would have made calls fast or slow.
pub(crate) fn assert_undisturbed() {
    for cache in [&BOUNDED, &STRICT].iter().filter_map(|cache| cache.get()) {
        let total = cache.stats().total;
        assert_eq!((total.corrupt, total.unshared), (0, 0));
    }
}
