use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", prefix = "a", key_fn = "user_key")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = "b", key_fn = parsed_key)]
async fn generic<T>(id: u64) -> T
where
    T: From<u64> + serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    T::from(id)
}

#[cache_aside(ttl = "5m", prefix = "c", key_fn = same)]
async fn same(id: u64) -> u64 {
    id
}

fn main() {}
