//! Knows the facade as `shelf` only: a path in generated code that names it otherwise does not
//! compile here.

#![cfg(test)]

use std::collections::HashMap;

use shelf::{Cache, Key, LoadTimeout, cache_aside, cache_invalidate};

struct Service {
    cache: Cache,
}

#[derive(Debug)]
struct Failure;

impl From<LoadTimeout> for Failure {
    fn from(_: LoadTimeout) -> Self {
        Self
    }
}

impl From<shelf::Error> for Failure {
    fn from(_: shelf::Error) -> Self {
        Self
    }
}

#[cache_aside(
    ttl = "1m",
    jitter = "5%",
    negative_ttl = "1s",
    prefix = "square",
    version = 1,
    key_fn = square_key,
    tags = ["square:{id}", "value:{result}"],
    tags_with = |value| [value.to_string()],
    cache_if = |value| *value < 100,
    stale_if_error = "1m",
    load_timeout = "1s",
    early_expiry = 1.0,
    single_flight = local,
    local = "30s",
    crate = ::shelf
)]
async fn square(id: u64) -> Result<Option<u64>, Failure> {
    Ok(Some(id * id))
}

#[cache_aside(ttl_with = |_| std::time::Duration::from_secs(5), each = ids, prefix = "roots", crate = ::shelf)]
async fn roots(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, id.isqrt())).collect()
}

impl Service {
    #[cache_aside(
        ttl = 60,
        prefix = "service.get",
        stale_while_revalidate = "1m",
        refresh_ahead = 0.9,
        soft_timeout = "1s",
        skip(self),
        cache = self.cache,
        crate = ::shelf
    )]
    async fn get(self: std::sync::Arc<Self>, name: &str) -> String {
        name.to_uppercase()
    }
}

#[cache_invalidate(
    tags = ["square:{id}", "value:{result}"],
    keys = [square_key(id)],
    prefixes = ["roots"],
    on_failure = propagate,
    crate = ::shelf
)]
async fn forget(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

#[tokio::test]
async fn every_option_works_under_another_name() {
    assert_eq!(square(3).await.expect("works"), Some(9));
    assert_eq!(square_key(3), Key::new("square", &(3,)).version(1));
    assert_eq!(Cache::installed().get(&square_key(3)).await, Some(9));
    assert_eq!(roots(&[4, 9]).await, HashMap::from([(4, 2), (9, 3)]));
    let service = std::sync::Arc::new(Service {
        cache: Cache::in_process(),
    });
    assert_eq!(service.get("ada").await, "ADA");
    assert_eq!(forget(3).await.expect("works"), 3);
    assert_eq!(Cache::installed().get(&square_key(3)).await, None);
}
