use cache_aside::cache_aside;
use std::collections::HashMap;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(1);

#[cache_aside(ttl = "5m", coherence = "50ms")]
async fn too_close(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = 0)]
async fn zero(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = WINDOW)]
async fn constant(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = cache_aside::Coherence::Strict)]
async fn value(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = Duration::from_millis(id))]
async fn expression(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = "strict")]
async fn word_in_a_string(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = true)]
async fn switch(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence)]
async fn without_value(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence(strict))]
async fn as_a_list(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = 500ms, local = "1s")]
async fn unit_outside_of_a_string(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = -1)]
async fn negative(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", local = false, coherence = strict)]
async fn of_no_copies(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", coherence = "2s", each = ids, local = false)]
async fn at_the_later_option(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id)).collect()
}

#[cache_aside(ttl = "5m", coherence = strict, coherence = "1s")]
async fn twice(id: u64) -> u64 {
    id
}

fn main() {}
