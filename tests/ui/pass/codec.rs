//! Options of the remote tier, in a cache that may have none.
#![deny(warnings)]

use std::collections::HashMap;
use std::time::Duration;

use cache_aside::{Codec, CodecError, cache_aside};
use serde::Serialize;
use serde::de::DeserializeOwned;

mod formats {
    pub(crate) struct Lines<const POSITIONAL: bool>;
}

impl<const POSITIONAL: bool> Codec for formats::Lines<POSITIONAL> {
    const ID: u8 = 200;
    const SELF_DESCRIBING: bool = !POSITIONAL;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(|_| CodecError::encode("lines"))
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(|_| CodecError::decode("lines"))
    }
}

type Named = formats::Lines<false>;

#[cache_aside(
    ttl = "5m",
    codec = Named,
    compress_above = "4KiB",
    max_size = 65536,
    lease = "5s",
    lease_wait = Duration::from_secs(id),
    single_flight = cluster
)]
async fn shared(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", codec = formats::Lines<true>, version = 1)]
async fn positional(id: u64) -> Option<String> {
    Some(id.to_string())
}

#[cache_aside(ttl = "5m", codec = C, version = "a")]
async fn any<C: Codec, T>(value: T) -> Vec<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    vec![value]
}

#[cache_aside(ttl = "5m", remote = false, single_flight = local)]
async fn private(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", each = ids, codec = crate::Named, max_size = "2MiB", lease = 5)]
async fn batch(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

struct Service;

trait Format {
    type Codec: Codec;
}

impl Format for Service {
    type Codec = Named;
}

impl Service {
    #[cache_aside(ttl = "5m", prefix = "service", skip(self), codec = <Service as Format>::Codec)]
    async fn load(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for _ in 0..2 {
        assert_eq!(shared(1).await, 1);
        assert_eq!(positional(2).await.as_deref(), Some("2"));
        assert_eq!(any::<Named, u8>(3).await, [3]);
        assert_eq!(private(4).await, 4);
        assert_eq!(batch(vec![5]).await, HashMap::from([(5, 5)]));
        assert_eq!(Service.load(6).await, 6);
    }
}
