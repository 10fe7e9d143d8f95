//! 7. What is not there.

use std::time::Duration;

use cache_aside::{Cache, test_util};
use tutorial::functional::{find_user, save_user};
use tutorial::store::{Store, User};

use crate::naive::{NaiveCache, TTL};

fn ada() -> User {
    let name = "Ada".to_owned();
    User { id: 1, name }
}

#[tokio::test]
async fn gotcha_7_what_is_not_there_is_asked_for_each_time_or_once() {
    // By hand: nothing stored looks like nothing found, so whoever asks for what does not exist reads.
    let (cache, store) = (NaiveCache::default(), Store::default());
    for _ in 0..100 {
        assert_eq!(cache.find_user(&store, 1).await, Ok(None));
    }
    assert_eq!(store.reads(), 100);

    // The cure is the return type: `None` is an answer, and is stored.
    let (cache, store) = (Cache::in_process(), Store::default());
    for _ in 0..100 {
        assert_eq!(find_user(&cache, &store, 1).await, Ok(None));
    }
    assert_eq!(store.reads(), 1);
    assert_eq!(cache.stats().total.negatives, 99);
}

#[tokio::test]
async fn gotcha_7_a_not_found_hides_who_is_new_for_the_whole_ttl_or_ends_with_the_write() {
    // By hand, with an empty text for "not found", kept as long as users are.
    let (cache, store) = (NaiveCache::default(), Store::default());
    let find = async || cache.find_user(&store, 1).await;
    assert_eq!(find().await, Ok(None));
    cache.set("user:1", "null".to_owned(), TTL).expect("stored");
    store.save(ada()).await.expect("written");
    cache.advance(TTL - 1);
    assert_eq!(find().await, Ok(None));

    // The cure is the tag, which a "not found" has, too.
    let ((cache, clock), store) = (test_util::in_process(), Store::default());
    let find = async |id| find_user(&cache, &store, id).await;
    assert_eq!((find(1).await, find(2).await), (Ok(None), Ok(None)));
    let saved = save_user(&cache, &store, ada()).await;
    assert_eq!((saved, find(1).await), (Ok(()), Ok(Some(ada()))));

    // And where somebody writes past the cache, it lives for a tenth of the ttl, and no longer than 30 s.
    let unseen = User { id: 2, ..ada() };
    store.save(unseen.clone()).await.expect("written");
    clock.advance(Duration::from_secs(29));
    assert_eq!(find(2).await, Ok(None));
    clock.advance(Duration::from_secs(1));
    assert_eq!(find(2).await, Ok(Some(unseen)));
}
