//! What a writer can ask for: brackets around writes, the return when all processes have heard, a
//! source that lags, and answers that may be given for a while. In a cache of one process, and in
//! two that share the deterministic double.

mod brackets;
mod lag;
mod soft;

use std::sync::Arc;
use std::time::Duration;

use cache_aside::remote::{Double, DoubleServer, Remote};
use cache_aside::{Cache, CacheBuilder, Clock, cache_aside};

use crate::support::{MINUTE, World};

#[cache_aside(ttl = "1m", jitter = 0, prefix = "intents.item", tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "intents.here", remote = false, tags = ["item:{id}"], skip(world), cache = world.cache)]
async fn here(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "intents.owned", tags = ["owner:{result}"], skip(world), cache = world.cache)]
async fn owned(world: &World, id: u64) -> u64 {
    let _ = id;
    // All have one owner.
    world.load().await.min(1)
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "intents.late", skip(world), cache = world.cache)]
async fn late(world: &World, id: u64) -> u64 {
    world.load().await
}

/// Processes that share a clock, a source and maybe a store.
struct Fleet {
    server: DoubleServer,
    ways: Vec<Arc<Double>>,
    worlds: Vec<World>,
}

impl Fleet {
    async fn with(processes: usize, settings: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        let (server, clock) = (DoubleServer::new(11), Clock::manual());
        clock.advance(MINUTE);
        let (mut ways, mut worlds) = (Vec::new(), Vec::<World>::new());
        for _ in 0..processes {
            let way = Arc::new(server.connect());
            let remote = Arc::clone(&way) as Arc<dyn Remote>;
            let cache = Cache::builder().clock(clock.clone()).remote(remote);
            let cache = settings(cache).build().await.unwrap();
            worlds.push(match worlds.first() {
                None => World::with(cache, clock.clone()),
                Some(first) => World {
                    cache,
                    ..first.clone()
                },
            });
            ways.push(way);
        }
        Self {
            server,
            ways,
            worlds,
        }
    }

    async fn new() -> Self {
        Self::with(2, |settings| settings).await
    }

    /// One process without a store.
    async fn alone(settings: impl Fn(CacheBuilder) -> CacheBuilder) -> World {
        let clock = Clock::manual();
        clock.advance(MINUTE);
        let cache = settings(Cache::builder().clock(clock.clone())).build();
        World::with(cache.await.unwrap(), clock)
    }

    fn advance(&self, by: Duration) {
        self.worlds[0].clock.advance(by);
        self.server.advance(by);
    }

    fn two(&self) -> [&World; 2] {
        [&self.worlds[0], &self.worlds[1]]
    }
}
