use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", key_fn = wrong_key -> String)]
async fn wrong(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", key_fn = outer_key -> Result<u64, String>)]
async fn outer(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
