//! Many keys with one body, sharing entries with the function for one key.
//!
//! `cargo run --example batch`

use std::collections::BTreeMap;
use std::convert::Infallible;

use cache_aside::{Cache, Key, cache_aside};

/// The body is given the ids that are missing, and runs once.
#[cache_aside(ttl = "5m", prefix = "name", each = ids, tags = ["name:{ids}"])]
async fn names(ids: Vec<u64>) -> Result<BTreeMap<u64, String>, Infallible> {
    println!("  SELECT .. WHERE id IN {ids:?}");
    let known = ids.into_iter().filter(|id| *id < 100);
    Ok(known.map(|id| (id, format!("name {id}"))).collect())
}

/// The same prefix, value type and key: the same entries.
#[cache_aside(ttl = "5m", prefix = "name", key_fn = name_key, tags = ["name:{id}"])]
async fn name(id: u64) -> Result<Option<String>, Infallible> {
    println!("  SELECT .. WHERE id = {id}");
    Ok((id < 100).then(|| format!("name {id}")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::installed();
    let loads = || cache.stats().prefixes["name"].loads;

    println!("1, 2 and 3:");
    assert_eq!(names(vec![1, 2, 3]).await?.len(), 3);
    println!("2, 3 and 4, and 3 again:");
    assert_eq!(names(vec![2, 3, 4, 3]).await?.len(), 3);
    assert_eq!(loads(), 4);

    println!("2 alone:");
    assert_eq!(name(2).await?.as_deref(), Some("name 2"));
    println!("5 alone, then 4 and 5:");
    name(5).await?;
    assert_eq!(names(vec![4, 5]).await?.len(), 2);
    assert_eq!(loads(), 5);

    println!("500, which does not exist, twice, and alone:");
    assert!(names(vec![500]).await?.is_empty());
    assert!(names(vec![500]).await?.is_empty());
    assert_eq!(name(500).await?, None);
    assert_eq!(loads(), 6);

    println!("after the tag of 2 is invalidated:");
    cache.invalidate_tag("name:2").await?;
    names(vec![1, 2, 3]).await?;
    assert_eq!(loads(), 7);

    let keys: Vec<Key<String>> = [1, 2, 99].map(name_key).to_vec();
    let stored = cache.get_many(&keys).await;
    println!("by hand, without a load: {stored:?}");
    assert_eq!(stored[2], None);
    Ok(())
}
