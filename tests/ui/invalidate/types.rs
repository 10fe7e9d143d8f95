use cache_aside::cache_invalidate;

struct DbError;

#[cache_invalidate(tags = ["user:{id}"], on_failure = propagate)]
async fn no_conversion(id: u64) -> Result<(), DbError> {
    drop(id);
    Ok(())
}

#[cache_invalidate(tags = ["user:{id}"], on_failure = propagate)]
async fn no_result(id: u64) {
    drop(id);
}

#[cache_invalidate(keys = ["user:1"])]
async fn not_a_key(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], soft = id)]
async fn no_duration(id: u64) {
    drop(id);
}

fn main() {}
