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

#[cache_aside(local = "10m", ttl = "5m")]
async fn ttl_shorter_than_local(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", jitter = "6m")]
async fn jitter_longer_than_ttl(id: u64) -> u64 {
    id
}

#[cache_aside(jitter = "6m", ttl = "5m")]
async fn ttl_shorter_than_jitter(id: u64) -> u64 {
    id
}

#[cache_aside(load_timeout = "1s", ttl = "5m", stale_if_error = "1m", soft_timeout = "2s")]
async fn hard_shorter_than_soft(id: u64) -> Result<u64, LoadTimeout> {
    Ok(id)
}

#[cache_aside(early_expiry = 1.0, refresh_ahead = 0.8, ttl = "5m")]
async fn two_ways_of_early_the_other_way_round(id: u64) -> u64 {
    id
}

#[cache_aside(ttl_with = |_| std::time::Duration::from_secs(1), ttl = "5m")]
async fn two_lives(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", remote = false, local = false)]
async fn nowhere(id: u64) -> u64 {
    id
}

fn main() {}
