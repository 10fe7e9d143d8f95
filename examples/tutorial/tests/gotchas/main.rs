//! The seven gotchas of cache-aside.
//!
//! Each test falls for one of them with [`naive::NaiveCache`], a cache as it is written by hand, and
//! then does the same with `cache_aside` and the line that cures it.

mod error_handling;
mod inconsistent_ttl;
mod invalidation_timing;
mod naive;
mod null_handling;
mod serialization_cost;
mod stampede;
mod unbounded_growth;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use cache_aside::Cache;
use tokio::task::{JoinSet, yield_now};
use tutorial::functional;
use tutorial::store::{Store, User};

use crate::naive::NaiveCache;

fn ada() -> Store {
    Store::with([(1, "Ada")])
}

/// The name of user 1, by hand.
async fn by_hand(cache: &NaiveCache, store: &Store) -> String {
    name(cache.find_user(store, 1).await.expect("both are there"))
}

/// The name of user 1, by the cached function.
async fn cached(cache: &Cache, store: &Store) -> String {
    let user = functional::find_user(cache, store, 1).await;
    name(user.expect("the store is there"))
}

fn name(user: Option<User>) -> String {
    user.expect("there is a user 1").name
}

/// So many calls at once. When it returns, each has come as far as it can without an answer of the
/// store: tests run on one thread.
async fn crowd<F>(size: usize, call: impl Fn() -> F) -> JoinSet<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let begun = Arc::new(AtomicUsize::new(0));
    let mut calls = JoinSet::new();
    for _ in 0..size {
        let (call, begun) = (call(), Arc::clone(&begun));
        calls.spawn(async move {
            begun.fetch_add(1, Relaxed);
            call.await
        });
    }
    while begun.load(Relaxed) < size {
        yield_now().await;
    }
    calls
}
