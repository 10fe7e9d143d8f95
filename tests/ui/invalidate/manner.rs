use cache_aside::{Key, cache_invalidate};

fn user_key(id: u64) -> Key<u64> {
    Key::new("user", &(id,))
}

#[cache_invalidate(keys = [user_key(id)], bracket = true)]
async fn bracket_of_a_key(id: u64) {
    drop(id);
}

#[cache_invalidate(bracket = true, prefixes = ["user"], tags = [])]
async fn bracket_of_a_prefix(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{result}", "{id}:{result}"], bracket = true, settled = true)]
async fn bracket_of_the_result(id: u64) -> u64 {
    id
}

#[cache_invalidate(tags = ["user:{result}", "user:{uid}"], bracket = true)]
async fn bracket_of_what_is_misspelt(id: u64) -> u64 {
    id
}

#[cache_invalidate(tags = "user:{id}", bracket = true)]
async fn bracket_of_what_is_no_list(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], bracket = true, soft = "30s")]
async fn soft_in_a_bracket(id: u64) {
    drop(id);
}

#[cache_invalidate(soft = "30s", bracket = true, keys = [user_key(id)])]
async fn bracket_of_a_key_that_is_soft(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], soft = "0s")]
async fn soft_for_no_time(id: u64) {
    drop(id);
}

#[cache_invalidate(settled = true, soft = "30s", keys = [user_key(id)])]
async fn soft_for_a_key(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], soft = true, settled)]
async fn values(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], soft = 30s, settled = "1s")]
async fn units(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], bracket = id > 5, settled = on)]
async fn no_literals(id: u64) {
    drop(id);
}

#[cache_invalidate(tags = ["user:{id}"], braket = true)]
async fn misspelt(id: u64) {
    drop(id);
}

fn main() {}
