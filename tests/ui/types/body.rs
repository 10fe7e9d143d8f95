use cache_aside::cache_aside;

#[cache_aside(ttl = "5m")]
async fn wrong_value(id: u64) -> u64 {
    "text"
}

#[cache_aside(ttl = "5m")]
async fn wrong_return(id: u64) -> Result<u64, String> {
    if id == 0 {
        return Ok("text");
    }
    Ok(id)
}

#[cache_aside(ttl = "5m")]
async fn no_value(id: u64) -> u64 {
    id + 1;
}

fn main() {}
