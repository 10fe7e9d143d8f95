use cache_aside::cache_aside;

struct User;

#[cache_aside(ttl = "5m")]
async fn load(id: u64) -> Result<Option<User>, String> {
    drop(id);
    Ok(None)
}

fn main() {}
