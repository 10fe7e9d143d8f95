use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", refresh_ahead = 1.5)]
async fn past_the_end(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", refresh_ahead = "80%")]
async fn a_percentage(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", early_expiry = -1.0)]
async fn negative(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", jitter = "150%")]
async fn too_much_jitter(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", stale_if_error = "0s", load_timeout = 0)]
async fn zero_windows(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cache_aside(ttl = "5m", single_flight = global)]
async fn unknown_flight(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", local = 1.5)]
async fn unknown_local(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = 5h, jitter = 500ms, version = 2beta)]
async fn units_outside_of_strings(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = 60u64, refresh_ahead = 0.8x)]
async fn not_a_type(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", jitter = 0.1)]
async fn jitter_as_a_fraction(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", jitter = -1, negative_ttl = false, local = off)]
async fn switches(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", jitter = off, local = "no")]
async fn words(id: u64) -> u64 {
    id
}

fn main() {}
