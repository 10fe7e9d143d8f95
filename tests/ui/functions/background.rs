use cache_aside::cache_aside;

trait Db: Sync {}

#[cache_aside(ttl = "5m", stale_while_revalidate = "1m", skip(db))]
async fn object(db: &dyn Db, id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", refresh_ahead = 0.5)]
async fn nested(names: &[&str], name: Option<&str>) -> usize {
    names.len() + name.map_or(0, str::len)
}

#[cache_aside(ttl = "5m", refresh_ahead = 0.5)]
async fn lifetime<'a>(name: &'a str) -> usize {
    let same: &'a str = name;
    same.len()
}

fn main() {}
