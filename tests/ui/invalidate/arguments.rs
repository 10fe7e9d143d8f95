use cache_aside::cache_invalidate;

#[cache_invalidate]
async fn nothing(id: u64) {
    drop(id);
}

#[cache_invalidate(tag = ["user:{id}"])]
async fn unknown(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{uid}"])]
async fn unknown_argument(id: u64) {
    drop(id);
}

#[cache_invalidate(prefixes = "user", keys = user_key(id))]
async fn not_lists(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], on_failure = panic)]
async fn unknown_failure(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"])]
fn not_async(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = [], keys = [])]
async fn empty_lists(id: u64) {
    drop(id);
}

#[cache_invalidate(prefixes = ["user:{id}", "user list", ""])]
async fn no_prefixes(id: u64) {
    drop(id);
}

fn main() {}
