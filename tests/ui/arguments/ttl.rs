use cache_aside::cache_aside;

#[cache_aside(prefix = "none")]
async fn none(id: u64) -> u64 {
    id
}

#[cache_aside]
async fn nothing(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "0s")]
async fn zero(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = 0)]
async fn zero_seconds(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5 mins")]
async fn bad_unit(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5")]
async fn no_unit(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "")]
async fn empty(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "800d")]
async fn too_long(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", ttl_with = |n| std::time::Duration::from_secs(*n))]
async fn both(id: u64) -> u64 {
    id
}

fn main() {}
