//! The process default: a process of its own, since it can be set once.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use cache_aside::{Cache, ErrorKind, Key, cache_aside};

static LOADS: AtomicU64 = AtomicU64::new(0);

#[cache_aside(ttl = "5m", prefix = "install.number", key_fn = number_key)]
async fn number(id: u64) -> u64 {
    LOADS.fetch_add(1, SeqCst);
    id
}

#[tokio::test]
async fn functions_without_a_cache_use_the_installed_one() {
    assert_eq!(number(1).await, number(1).await);
    assert_eq!(
        LOADS.load(SeqCst),
        1,
        "with no set-up there is one in the process"
    );
    let before = Cache::installed();
    assert_eq!(before.get(&number_key(1)).await, Some(1));

    let cache = Cache::builder()
        .namespace("installed")
        .build()
        .await
        .expect("good settings");
    cache.install().expect("the first");
    assert_eq!(
        before.get(&number_key(1)).await,
        None,
        "what was stored before is dropped"
    );
    assert_eq!(Cache::installed().stats().namespace, "installed");
    assert_eq!(number(1).await, number(1).await);
    assert_eq!(LOADS.load(SeqCst), 2);
    assert_eq!(cache.get(&number_key(1)).await, Some(1));

    let error = Cache::in_process().install().expect_err("the second");
    assert_eq!(error.kind(), ErrorKind::AlreadyInstalled);
    cache
        .invalidate(&Key::<u64>::new("install.number", &(1,)))
        .await
        .expect("done");
    number(1).await;
    assert_eq!(LOADS.load(SeqCst), 3);
}
