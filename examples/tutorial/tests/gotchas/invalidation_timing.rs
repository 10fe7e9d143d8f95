//! 2. An invalidation at the wrong moment.

use std::sync::Arc;

use cache_aside::Cache;
use tutorial::functional::rename_user;

use crate::naive::NaiveCache;
use crate::{ada, by_hand, cached, crowd};

#[tokio::test]
async fn gotcha_2_what_was_read_before_a_write_is_stored_after_it_or_kept_out() {
    // By hand: the answer was on its way when the write deleted the entry, which was not there yet.
    let (cache, store) = (Arc::new(NaiveCache::default()), ada());
    let held = store.hold().await;
    let reader = crowd(1, || {
        let (cache, store) = (Arc::clone(&cache), store.clone());
        async move { by_hand(&cache, &store).await }
    })
    .await;
    store.rename(1, "Grace").await.expect("written");
    cache.delete("user:1").expect("deleted");
    drop(held);
    assert_eq!(reader.join_all().await, ["Ada"]); // as it should be: it asked before the write
    assert_eq!(by_hand(&cache, &store).await, "Ada"); // and so it stays until the ttl ends

    // The cure is the tag that both name: a load that began before the write is not stored.
    let (cache, store) = (Cache::in_process(), ada());
    let held = store.hold().await;
    let reader = crowd(1, || {
        let (cache, store) = (cache.clone(), store.clone());
        async move { cached(&cache, &store).await }
    })
    .await;
    let renamed = rename_user(&cache, &store, 1, "Grace").await;
    assert_eq!(renamed, Ok(true));
    drop(held);
    assert_eq!(reader.join_all().await, ["Ada"]);
    assert_eq!(cached(&cache, &store).await, "Grace");
    assert_eq!(cache.stats().total.overtaken, 1);
}

#[tokio::test]
async fn gotcha_2_an_invalidation_before_the_write_comes_too_early_or_after_it() {
    // By hand, in the wrong order: somebody reads in between.
    let (cache, store) = (NaiveCache::default(), ada());
    by_hand(&cache, &store).await;
    cache.delete("user:1").expect("deleted");
    assert_eq!(by_hand(&cache, &store).await, "Ada");
    store.rename(1, "Grace").await.expect("written");
    assert_eq!(by_hand(&cache, &store).await, "Ada");

    // `#[cache_invalidate]` invalidates when the body has returned `Ok`, and cannot be too early.
    let (cache, store) = (Cache::in_process(), ada());
    assert_eq!(cached(&cache, &store).await, "Ada");
    let renamed = rename_user(&cache, &store, 1, "Grace").await;
    assert_eq!(renamed, Ok(true));
    assert_eq!(cached(&cache, &store).await, "Grace");

    // A write that failed changed nothing, and invalidates nothing.
    store.break_down(true);
    assert!(rename_user(&cache, &store, 1, "Ada").await.is_err());
    assert_eq!(cached(&cache, &store).await, "Grace");
    assert_eq!(store.reads(), 2);
}
