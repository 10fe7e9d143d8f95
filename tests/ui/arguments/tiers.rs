use cache_aside::cache_aside;

#[cache_aside(
    ttl = "5m",
    remote = false,
    codec = Json,
    compress_above = "4KiB",
    lease = "3s",
    lease_wait = "30s",
    single_flight = cluster
)]
async fn bytes_and_leases_without_remote(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", compress_above = "2MiB", remote = false)]
async fn at_the_later_option(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", local = false, remote = false)]
async fn nowhere(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", lease = "5s", single_flight = off)]
async fn lease_of_nobody(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", single_flight = local, lease = "5s", lease_wait = "5s")]
async fn leases_in_one_process(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", lease = "100ms", lease_wait = 0)]
async fn too_short(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", max_size = 0, compress_above = "4K")]
async fn sizes(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", max_size = "1GiB", compress_above = 4KiB)]
async fn other_sizes(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", max_size = limit(id), compress_above = false)]
async fn no_sizes(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", remote = "10s", codec = "json")]
async fn forms(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", codec = C)]
async fn any_codec<C: cache_aside::Codec>(id: u64) -> u64 {
    id
}

fn main() {}
