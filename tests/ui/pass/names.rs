//! Bodies and modules that define what generated code might mean.

#![allow(non_snake_case, non_camel_case_types, dead_code, non_upper_case_globals)]

use cache_aside::cache_aside;

mod core {}
mod std {}

struct Option;
struct Result;
struct Vec;
struct String;
struct Duration;

const SITE: u64 = 10;
const K: u64 = 20;

macro_rules! format {
    () => {
        30
    };
}

fn Some(n: u64) -> u64 {
    n
}
fn Ok(n: u64) -> u64 {
    n
}
fn None() {}
fn Err() {}

#[cache_aside(ttl = "5m", prefix = "names.all", tags = ["a:{codec}"], key_fn = key)]
async fn all(call: u64, codec: u64, miss: u64, parts: u64, place: u64, shape: u64, hit: u64) -> u64 {
    let anchor = call + codec + miss;
    let rest = parts + place + shape + hit;
    static HERE: u64 = 5;
    use self::Some as shapes;
    shapes(anchor) + Ok(rest) + SITE + K + format!() + HERE
}

#[cache_aside(ttl = "5m", prefix = "names.behind", stale_while_revalidate = "1m", skip(write))]
async fn behind(keep: u64, make: &u64, write: u64) -> u64 {
    keep + make + write + SITE
}

#[cache_aside(ttl = "5m", prefix = "names.each", each = ids)]
async fn each(ids: ::std::vec::Vec<u64>) -> ::std::collections::HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, SITE)).collect()
}

#[cache_aside::cache_invalidate(tags = ["a:{shape}"], keys = [key(1, 2, 3, 4, 5, 6, 7)])]
async fn write(shape: u64, write: u64) -> u64 {
    shape + write + SITE
}

#[::tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(all(1, 2, 3, 4, 5, 6, 7).await, 28 + 65);
    assert_eq!(behind(1, &2, 3).await, 16);
    assert_eq!(each(::std::vec![1]).await[&1], 10);
    assert_eq!(write(1, 2).await, 13);
}
