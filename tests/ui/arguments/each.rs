use std::collections::HashMap;

use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", prefix = "a", each = id)]
async fn unknown(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

#[cache_aside(
    ttl = "5m",
    prefix = "b",
    each = ids,
    key(ids),
    stale_while_revalidate = "1m",
    refresh_ahead = 0.5,
    single_flight = off,
    soft_timeout = "1s"
)]
async fn refused_options(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

#[cache_aside(ttl = "5m", prefix = "c", each = ids, skip(ids))]
async fn skipped(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

#[cache_aside(ttl = "5m", prefix = "d", each = ids)]
async fn optional(ids: Vec<u64>) -> Result<HashMap<u64, Option<u64>>, String> {
    Ok(ids.into_iter().map(|id| (id, Some(id))).collect())
}

#[cache_aside(ttl = "5m", prefix = "e", skip(ids), each = ids)]
async fn skipped_before(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

#[cache_aside(ttl = "5m", prefix = "f", soft_timeout = "1s", each = ids)]
async fn refused_before(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

fn main() {}
