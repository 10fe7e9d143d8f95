use cache_aside::cache_aside;

#[derive(serde::Serialize)]
struct Filter;

#[cache_aside(ttl = "5m", tags = ["list:{filter}", "value:{result}"])]
async fn list(filter: Filter) -> Vec<u64> {
    drop(filter);
    Vec::new()
}

fn main() {}
