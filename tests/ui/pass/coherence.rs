//! How closely copies follow, in each form of a cached function.

use std::collections::HashMap;
use std::sync::Arc;

use cache_aside::{Cache, cache_aside};

#[cache_aside(ttl = "5m", prefix = "strict", coherence = strict)]
async fn strict(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = "100ms", remote = false, local = "10s")]
async fn shortest(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = 2, local = true, key_fn = seconds_key)]
async fn seconds(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = "owned", stale_while_revalidate = "1m", coherence = strict)]
async fn owned(text: &str) -> Result<String, std::io::Error> {
    Ok(text.to_owned())
}

#[cache_aside(ttl = "5m", prefix = "seconds", each = ids, coherence = "1m30s")]
async fn batch(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

macro_rules! cached {
    ($name:ident, $prefix:expr, $coherence:expr) => {
        #[cache_aside(ttl = "5m", prefix = $prefix, coherence = $coherence)]
        async fn $name(id: u64) -> u64 {
            id
        }
    };
}

cached!(by_macro, "by_macro", strict);
cached!(by_macro_for_a_time, "by_macro_for_a_time", "1s");

struct Service {
    cache: Arc<Cache>,
}

impl Service {
    #[cache_aside(ttl = "5m", prefix = "method", skip(self), cache = self.cache, coherence = strict)]
    async fn method<T: serde::Serialize + Sync>(&self, id: &T) -> u64 {
        let _ = id;
        7
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let service = Service { cache: Arc::new(Cache::in_process()) };
    for _ in 0..2 {
        assert_eq!(strict(1).await, 1);
        assert_eq!(shortest(1).await, 1);
        assert_eq!(seconds(1).await, 1);
        assert_eq!(owned("a").await.ok().as_deref(), Some("a"));
        assert_eq!(batch(&[1, 2]).await.len(), 2);
        assert_eq!(by_macro(1).await + by_macro_for_a_time(1).await, 2);
        assert_eq!(service.method(&"x").await, 7);
    }
    assert_eq!(Cache::installed().get(&seconds_key(1)).await, Some(1));
}
