use std::future::Future;
use std::pin::Pin;

use cache_aside::cache_aside;

#[cache_aside(ttl = "5m")]
fn plain(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m")]
fn boxed(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { id })
}

#[cache_aside(ttl = "5m")]
struct NotAFunction;

#[cache_aside(ttl = "5m")]
async unsafe fn dangerous(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m")]
async extern "C" fn foreign(id: u64) -> u64 {
    id
}

fn main() {
    drop((plain(1), boxed(1), NotAFunction));
}
