use cache_aside::{LoadTimeout, cache_aside};

#[cache_aside(ttl = "5m", soft_timeout = "1s")]
async fn soft_without_stale(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", local = "10m")]
async fn local_longer_than_ttl(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", refresh_ahead = 0.8, early_expiry = 1.0)]
async fn two_ways_of_early(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", soft_timeout = "2s", stale_if_error = "1m", load_timeout = "1s")]
async fn soft_longer_than_hard(id: u64) -> Result<u64, LoadTimeout> {
    Ok(id)
}

#[cache_aside(ttl = "5m", local = false, stale_if_error = "1m")]
async fn stale_without_store(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
