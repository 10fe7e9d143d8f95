//! Type parameters, const parameters, lifetimes, `where`, `impl Trait` arguments.

use std::borrow::Cow;
use std::fmt::Debug;

use cache_aside::{Cache, Key, cache_aside};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cache_aside(ttl = "5m", prefix = "parsed", key_fn = parsed_key -> T)]
async fn parsed<T>(text: &str) -> Result<T, String>
where
    T: std::str::FromStr<Err: Debug> + Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    text.parse().map_err(|error| format!("{error:?}"))
}

#[cache_aside(ttl = "5m", prefix = "longest")]
async fn longest<'a, 'b: 'a>(a: &'a str, b: &'b str) -> Cow<'static, str> {
    Cow::Owned(if a.len() > b.len() { a } else { b }.to_owned())
}

#[cache_aside(ttl = "5m", prefix = "sum")]
async fn sum<const N: usize>(numbers: &[u32]) -> u32 {
    numbers[..N].iter().sum()
}

#[cache_aside(ttl = "5m", prefix = "applied", skip(apply))]
async fn applied(apply: impl Fn(u32) -> u32, to: impl Into<u32> + Serialize) -> u32 {
    apply(to.into())
}

#[cache_aside(ttl = "5m", prefix = "unsized")]
async fn of_unsized<T: Serialize + ?Sized>(value: &T) -> usize {
    std::mem::size_of_val(value)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(parsed::<u8>("7").await, Ok(7));
    assert_eq!(parsed::<i64>("7").await, Ok(7));
    assert!(parsed::<u8>("x").await.is_err());
    let cache = Cache::installed();
    assert_eq!(cache.get(&parsed_key::<u8>("7")).await, Some(7));
    assert_eq!(parsed_key::<u8>("7"), Key::new("parsed", &("7",)).of_type::<u8>());
    assert_eq!(longest("a", "bc").await, "bc");
    assert_eq!((sum::<1>(&[1, 2]).await, sum::<2>(&[1, 2]).await), (1, 3));
    assert_eq!(applied(|n| n + 1, 1_u8).await, 2);
    assert_eq!(of_unsized("abc").await, 3);
    assert_eq!(of_unsized(&[1_u16, 2][..]).await, 4);
}
