use std::collections::{BTreeMap, HashMap, LinkedList};

use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", each = ids)]
async fn no_map(ids: Vec<u64>) -> Vec<u64> {
    ids
}

#[cache_aside(ttl = "5m", each = ids)]
async fn no_collection(ids: u64) -> HashMap<u64, u64> {
    HashMap::from([(ids, ids)])
}

#[cache_aside(ttl = "5m", each = ids)]
async fn an_option(ids: Vec<u64>) -> Option<HashMap<u64, u64>> {
    drop(ids);
    None
}

#[cache_aside(ttl = "5m", each = ids, tags = ["n:{ids}"])]
async fn another_collection(ids: LinkedList<u64>) -> Result<HashMap<u64, u64>, String> {
    drop(ids);
    Ok(HashMap::new())
}

#[cache_aside(ttl = "5m", each = ids)]
async fn other_keys(ids: Vec<u64>) -> HashMap<String, u64> {
    drop(ids);
    HashMap::new()
}

#[cache_aside(ttl = "5m", each = names)]
async fn other_keys_in_a_result(names: &[&str]) -> Result<BTreeMap<u64, u64>, String> {
    drop(names);
    Ok(BTreeMap::new())
}

#[derive(serde::Serialize, PartialEq, Eq, Hash)]
struct NotClone(u64);

#[derive(serde::Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct NotHash(u64);

#[cache_aside(ttl = "5m", each = ids)]
async fn elements_without_clone(ids: Vec<NotClone>) -> HashMap<NotClone, u64> {
    drop(ids);
    HashMap::new()
}

#[cache_aside(ttl = "5m", each = ids)]
async fn elements_without_hash(ids: Vec<NotHash>) -> BTreeMap<NotHash, u64> {
    drop(ids);
    BTreeMap::new()
}

#[cache_aside(ttl = "5m", each = ids)]
async fn values_without_clone(ids: Vec<u64>) -> HashMap<u64, NotClone> {
    drop(ids);
    HashMap::new()
}

fn main() {}
