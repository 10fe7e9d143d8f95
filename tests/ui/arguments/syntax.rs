use cache_aside::cache_aside;

#[cache_aside(ttl)]
async fn no_value(id: u64) -> u64 {
    id
}

#[cache_aside(ttl("5m"))]
async fn in_parentheses(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix("user"))]
async fn prefix_in_parentheses(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", skip = id)]
async fn skip_with_equals(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", "user")]
async fn literal(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m" prefix = "user")]
async fn no_comma(id: u64) -> u64 {
    id
}

fn main() {}
