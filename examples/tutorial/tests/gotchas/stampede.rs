//! 1. Many callers of a key that is not there.

use std::sync::Arc;

use cache_aside::Cache;

use crate::naive::NaiveCache;
use crate::{ada, by_hand, cached, crowd};

const CALLERS: usize = 100;

#[tokio::test]
async fn gotcha_1_a_stampede_is_a_read_for_each_caller_or_one_for_all() {
    // By hand: until the first answer is stored, whoever comes reads.
    let (cache, store) = (Arc::new(NaiveCache::default()), ada());
    let held = store.hold().await;
    let callers = crowd(CALLERS, || {
        let (cache, store) = (Arc::clone(&cache), store.clone());
        async move { by_hand(&cache, &store).await }
    })
    .await;
    drop(held);
    assert_eq!(callers.join_all().await, ["Ada"; CALLERS]);
    assert_eq!(store.reads(), 100);

    // The cure is the attribute itself: those who come later wait for the first one's load.
    let (cache, store) = (Cache::in_process(), ada());
    let held = store.hold().await;
    let callers = crowd(CALLERS, || {
        let (cache, store) = (cache.clone(), store.clone());
        async move { cached(&cache, &store).await }
    })
    .await;
    drop(held);
    assert_eq!(callers.join_all().await, ["Ada"; CALLERS]);
    assert_eq!(store.reads(), 1);
}
