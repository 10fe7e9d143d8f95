//! A server, the bare client's connection to it, and the caches that share their answers over it.

use std::sync::OnceLock;
use std::time::Duration;

use cache_aside::{Cache, Coherence};
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use crate::by_hand::set;
use crate::measure::{at_once, runtime};
use crate::own::{BOUNDED, STRICT, VIEWED, bounded, strict, viewed};
use crate::server::Server;
use crate::subject::{Keys, keys};

pub(crate) struct Store {
    pub(crate) runtime: Runtime,
    pub(crate) bare: MultiplexedConnection,
    pub(crate) server: Server,
}

async fn cache(server: &Server, namespace: &str, coherence: Coherence, capacity: usize) -> Cache {
    // A busy machine must not have calls give up: they would be fast, and not do what is measured.
    let limit = Duration::from_secs(10);
    let builder = Cache::builder().namespace(namespace).redis(server.url());
    let builder = builder.read_timeout(limit).write_timeout(limit);
    let cache = builder
        .coherence(coherence)
        .local_capacity(capacity)
        .trust_views(namespace == VIEWS)
        .build();
    cache.await.expect("good settings")
}

const CAPACITY: usize = 40_000;
/// The namespace of the cache that trusts them.
const VIEWS: &str = "views";
/// The bound of coherence.
const SECOND: Coherence = Coherence::Bounded(Duration::from_secs(1));

/// What one function has in the server, by the names of its keys there.
pub(crate) struct Stored {
    entries: Vec<String>,
    /// Of a tag that each entry has to itself; of as many entries, or none.
    own: Vec<String>,
    /// Of all entries.
    common: Vec<String>,
}

impl Stored {
    /// The names of so many entries at a time, and of the tokens that are read with them.
    pub(crate) fn questions(&self, entries: u64) -> impl Iterator<Item = Vec<&str>> {
        let step = usize::try_from(entries).expect("a few");
        (0..self.entries.len() / step).map(move |at| {
            let these = at * step..(at + 1) * step;
            let own = self.own.get(these.clone()).unwrap_or_default();
            let names = self.entries[these].iter().chain(own).chain(&self.common);
            names.map(String::as_str).collect()
        })
    }
}

/// One for all sections of a run, since functions find their caches in statics. Its server ends with the process.
pub(crate) fn store() -> &'static Store {
    static STORE: OnceLock<Store> = OnceLock::new();
    STORE.get_or_init(|| {
        let server = Server::start().expect("a server");
        let runtime = runtime();
        let bare = runtime.block_on(async {
            let cache = cache(&server, "bounded", SECOND, CAPACITY).await;
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
    /// Also the caches that are strict and that trust views: programs have one, and each is told of what others change.
    fn with_others(&self) {
        let others = [
            (&STRICT, "strict", Coherence::Strict),
            (&VIEWED, VIEWS, SECOND),
        ];
        for (place, namespace, coherence) in others {
            let cache = cache(&self.server, namespace, coherence, CAPACITY);
            place.get_or_init(|| self.runtime.block_on(cache));
        }
    }

    /// A cache of the server with many copies, each of which is trusted for as long as a run takes.
    pub(crate) fn trusted(&self) -> Cache {
        let run = Coherence::Bounded(Duration::from_secs(3_600));
        self.runtime
            .block_on(cache(&self.server, "trusted", run, 500_000))
    }

    /// What so many entries of a function of the bounded cache are called in the server, all of which are there.
    pub(crate) fn stored(&self, function: &str, count: usize, is_tagged: bool) -> Stored {
        let names = |pattern: &str| {
            let mut bare = self.bare.clone();
            let mut command = redis::cmd("KEYS");
            command.arg(format!("bounded:{pattern}"));
            let names = self
                .runtime
                .block_on(command.query_async::<Vec<String>>(&mut bare));
            names.expect("a list of names")
        };
        let some = |pattern: &str| {
            let mut names = names(pattern);
            names.truncate(count);
            assert_eq!(names.len(), count, "{pattern}");
            names
        };
        let mut common = names(&format!("t:{{@fn:*.{function}}}"));
        common.extend(names("t:{@ns.0}"));
        let (mut own, mut tags) = (Vec::new(), 0);
        if is_tagged {
            own = some("t:{user:*");
            common.extend(names("t:{users}"));
            tags = 1;
        }
        assert_eq!(
            common.len(),
            2 + tags,
            "those of namespace, function and tag"
        );
        Stored {
            entries: some(&format!("v:{{*.{function}:*")),
            own,
            common,
        }
    }

    /// Has so many users stored, by hand and by each function for one user.
    pub(crate) fn fill(&self, count: u32) -> &'static Keys {
        const CALLERS: u64 = 64;
        self.with_others();
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
                    viewed::untagged(*id, name).await;
                    viewed::tagged(*id, name).await;
                }
            }
        });
        keys
    }
}

/// Nothing went wrong that would have made calls fast or slow.
pub(crate) fn assert_undisturbed() {
    for cache in [&BOUNDED, &STRICT, &VIEWED]
        .iter()
        .filter_map(|cache| cache.get())
    {
        let total = cache.stats().total;
        assert_eq!((total.corrupt, total.unshared), (0, 0));
    }
}
