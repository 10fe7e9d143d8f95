use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", prefix = "")]
async fn empty(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = "user:name")]
async fn colon(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = "user name")]
async fn space(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = user)]
async fn not_text(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", version = 1.5)]
async fn version(id: u64) -> u64 {
    id
}

fn main() {}
