use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", cache_if = |value| *value > least)]
async fn captures(id: u64, least: u64) -> u64 {
    id + least
}

#[cache_aside(ttl_with = |value| *value)]
async fn no_duration(id: u64) -> u64 {
    id
}

fn main() {}
