use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", crate = cache_aside)]
async fn relative(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", crate = "::cache_aside")]
async fn text(id: u64) -> u64 {
    id
}

fn main() {}
