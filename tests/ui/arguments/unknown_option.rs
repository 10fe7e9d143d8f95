use cache_aside::cache_aside;

#[cache_aside(ttll = "5m", prefx = "user", expires = 5)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", shared = true)]
async fn shared(id: u64) -> u64 {
    id
}

fn main() {
    // The functions are there all the same: no second error here.
    drop((load(1), shared(1)));
}
