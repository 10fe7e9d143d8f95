use cache_aside::cache_aside;

#[cache_aside(ttll = "5m", prefx = "user", expires = 5)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", remote = false)]
async fn remote(id: u64) -> u64 {
    id
}

fn main() {
    // The functions are there all the same: no second error here.
    drop((load(1), remote(1)));
}
