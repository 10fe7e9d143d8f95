use std::collections::HashMap;

use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", each = ids)]
async fn no_map(ids: Vec<u64>) -> Vec<u64> {
    ids
}

#[cache_aside(ttl = "5m", each = ids)]
async fn no_collection(ids: u64) -> HashMap<u64, u64> {
    HashMap::from([(ids, ids)])
}

fn main() {}
