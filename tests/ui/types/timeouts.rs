use cache_aside::cache_aside;

#[derive(Clone)]
struct DbError;

#[cache_aside(ttl = "5m", load_timeout = "1s")]
async fn no_conversion(id: u64) -> Result<u64, DbError> {
    Ok(id)
}

#[cache_aside(ttl = "5m", load_timeout = "1s")]
async fn no_result(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
