use cache_aside::cache_aside;

struct Db;

#[cache_aside(ttl = "5m")]
async fn load(db: &Db, id: u64) -> u64 {
    drop(db);
    id
}

fn main() {}
