use cache_aside::cache_aside;

struct User {
    id: u64,
}

#[cache_aside(ttl = "5m", tags = "user:{id}")]
async fn not_a_list(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", tags = [id, 5])]
async fn not_texts(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", tags = ["user:{uid}", "user:{user_ids}"])]
async fn unknown(id: u64, user_id: u64) -> u64 {
    id + user_id
}

#[cache_aside(ttl = "5m", tags = ["user:{id", "user:id}", "user:{}", "user:{id:?}", ""])]
async fn braces(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", tags_with = |n| [n.to_string()], tags_with = |n| [n.to_string()])]
async fn twice(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", tags = [id, "x:{id", "x:{}", "x}", "x:{uid}"])]
async fn all_kinds_of_mistakes(id: u64) -> u64 {
    id
}

fn main() {
    drop(User { id: 1 }.id);
}
