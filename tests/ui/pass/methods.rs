//! Every receiver, associated functions, `Self` in body and signature.

use std::sync::Arc;

use cache_aside::{Cache, cache_aside};

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Service {
    factor: u64,
}

impl Service {
    #[cache_aside(ttl = "5m", prefix = "service.by_ref")]
    async fn by_ref(&self, id: u64) -> u64 {
        Self::times(self.factor, id)
    }

    #[cache_aside(ttl = "5m", prefix = "service.by_value")]
    async fn by_value(self, id: u64) -> Self {
        Self { factor: self.factor * id }
    }

    #[cache_aside(ttl = "5m", prefix = "service.by_arc", skip(self))]
    async fn by_arc(self: Arc<Self>, id: u64) -> u64 {
        self.factor * id
    }

    #[cache_aside(ttl = "5m", prefix = "service.by_ref_arc", key(id))]
    async fn by_ref_arc(self: &Arc<Self>, id: u64) -> u64 {
        self.factor * id
    }

    #[cache_aside(ttl = "5m", prefix = "service.made", key_fn = made_key)]
    async fn made(id: u64) -> Option<Self> {
        Some(Self { factor: id })
    }

    #[cache_aside(ttl = "5m")]
    async fn associated(id: u64) -> u64 {
        id
    }

    fn times(a: u64, b: u64) -> u64 {
        a * b
    }
}

struct Holder<T> {
    cache: Cache,
    value: T,
}

impl<T> Holder<T>
where
    T: Clone + Send + Sync + 'static + serde::Serialize + serde::de::DeserializeOwned,
{
    #[cache_aside(ttl = "5m", prefix = "holder.get", skip(self), cache = self.cache)]
    async fn get(&self, id: u64) -> Result<T, String> {
        let _ = id;
        Ok(self.value.clone())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let service = Service { factor: 3 };
    assert_eq!(service.by_ref(2).await, 6);
    assert_eq!(Service { factor: 4 }.by_ref(2).await, 8, "self is part of the key");
    assert_eq!(service.clone().by_value(2).await, Service { factor: 6 });
    assert_eq!(Arc::new(service.clone()).by_arc(2).await, 6);
    assert_eq!(Arc::new(service.clone()).by_ref_arc(5).await, 15);
    assert_eq!(Service::made(9).await, Some(Service { factor: 9 }));
    let stored = Cache::installed().get(&Service::made_key(9)).await;
    assert_eq!(stored, Some(Service { factor: 9 }));
    assert_eq!(Service::associated(1).await, 1);
    let numbers = Holder { cache: Cache::in_process(), value: 1_u8 };
    let texts = Holder { cache: numbers.cache.clone(), value: "a".to_owned() };
    assert_eq!(numbers.get(1).await, Ok(1));
    assert_eq!(texts.get(1).await.as_deref(), Ok("a"));
}
