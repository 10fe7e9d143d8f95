use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", prefix = "a", ttl = "1h", skip(id), skip(id))]
async fn load(id: u64, other: u64) -> u64 {
    id + other
}

fn main() {}
