//! `#[cfg]`, raw identifiers, `mut`, patterns, references.

#![allow(unexpected_cfgs)]

use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", prefix = "cfg")]
async fn with_cfg(id: u64, #[cfg(any())] missing: Missing, #[cfg(all())] there: u8) -> u64 {
    id + u64::from(there)
}

#[cache_aside(ttl = "5m", prefix = "raw", tags = ["raw:{type}"], skip(r#fn))]
async fn r#match(r#type: u64, r#fn: u64) -> u64 {
    r#type + r#fn
}

#[cache_aside(ttl = "5m", prefix = "mutable")]
async fn mutable(mut items: Vec<u8>, mut by: u8) -> Vec<u8> {
    by += 1;
    items.push(by);
    items
}

#[cache_aside(ttl = "5m", prefix = "behind", stale_while_revalidate = "1m")]
async fn mutable_behind(mut items: Vec<u8>, mut text: &str) -> usize {
    items.push(1);
    text = text.trim();
    items.len() + text.len()
}

struct Path<T>(T);

#[cache_aside(ttl = "5m", prefix = "pattern", key(id))]
async fn pattern(Path(id): Path<u64>, _: &str) -> u64 {
    id
}

#[cache_aside(ttl = "5m", prefix = "references", skip(log))]
async fn references(text: &str, number: &u64, bytes: &[u8], pair: &(u8, u8), log: &mut Vec<u8>) -> usize {
    log.push(1);
    text.len() + *number as usize + bytes.len() + usize::from(pair.0)
}

#[derive(serde::Serialize)]
struct User {
    id: u64,
    name: String,
}

#[cache_aside(
    ttl = "5m",
    prefix = "fields",
    tags = ["user:{user.id}", "name:{user.name}:{{braces}}", "first:{result}"],
    key(user.id, user.name)
)]
async fn fields(user: &User) -> String {
    user.name.clone()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(with_cfg(1, 2).await, 3);
    assert_eq!(r#match(1, 2).await, 3);
    assert_eq!(r#match(1, 3).await, 3, "skipped");
    assert_eq!(mutable(vec![1], 1).await, [1, 2]);
    assert_eq!(mutable_behind(vec![1], " a ").await, 3);
    assert_eq!(pattern(Path(1), "x").await, 1);
    let mut log = Vec::new();
    for _ in 0..2 {
        assert_eq!(references("a", &1, &[1], &(1, 2), &mut log).await, 4);
    }
    assert_eq!(log, [1]);
    assert_eq!(fields(&User { id: 1, name: "Ada".to_owned() }).await, "Ada");
}
