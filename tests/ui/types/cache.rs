use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", cache = 5)]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
