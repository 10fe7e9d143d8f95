//! 6. Lives that do not fit together.

use std::time::Duration;

use cache_aside::{Cache, cache_aside, test_util};
use tutorial::functional::rename_user;
use tutorial::store::{Store, Unreachable, User};

use crate::naive::{NaiveCache, TTL};
use crate::{ada, by_hand, cached};

const HOUR: u64 = 3_600;

/// All users. The cure is one tag for each user in it, so that whatever ends a user ends the list, too.
#[cache_aside(
    ttl = "1h",
    prefix = "users",
    key(),
    tags_with = |users: &Vec<User>| {
        users.iter().map(|user| format!("user:{}", user.id)).collect::<Vec<_>>()
    },
    cache = cache
)]
async fn list(cache: &Cache, store: &Store) -> Result<Vec<User>, Unreachable> {
    store.list().await
}

#[tokio::test]
async fn gotcha_6_two_views_of_one_user_disagree_or_end_together() {
    // By hand: a user for five minutes, the list for an hour, and a write that deletes the one it
    // thinks of.
    let (cache, store) = (NaiveCache::default(), ada());
    let in_list = async || {
        let load = async { store.list().await.map(Some) };
        let users = cache.get_or_load::<Vec<User>>("users", HOUR, load).await;
        users.expect("both are there").expect("a list")[0]
            .name
            .clone()
    };
    assert_eq!(
        (by_hand(&cache, &store).await, in_list().await),
        ("Ada".into(), "Ada".into())
    );
    store.rename(1, "Grace").await.expect("written");
    cache.delete("user:1").expect("deleted");
    assert_eq!(by_hand(&cache, &store).await, "Grace");
    cache.advance(HOUR - 1);
    assert_eq!(
        (by_hand(&cache, &store).await, in_list().await),
        ("Grace".into(), "Ada".into())
    );

    let (cache, store) = (Cache::in_process(), ada());
    let in_list = async || list(&cache, &store).await.expect("a list")[0].name.clone();
    assert_eq!(
        (cached(&cache, &store).await, in_list().await),
        ("Ada".into(), "Ada".into())
    );
    let renamed = rename_user(&cache, &store, 1, "Grace").await;
    assert_eq!(renamed, Ok(true));
    assert_eq!(
        (cached(&cache, &store).await, in_list().await),
        ("Grace".into(), "Grace".into())
    );
}

/// The cure is `jitter`, which is on if nothing is said: each life is shorter by up to a tenth.
#[cache_aside(ttl = "5m", prefix = "spread", skip(cache, store), cache = cache)]
async fn spread(cache: &Cache, store: &Store, id: u64) -> Result<Option<User>, Unreachable> {
    store.find(id).await
}

#[tokio::test]
async fn gotcha_6_what_was_stored_together_ends_together_or_one_by_one() {
    const USERS: u64 = 1_000;
    let many = || Store::with((0..USERS).map(|id| (id, format!("user {id}"))));

    // By hand: after a start, or after a list was stored one by one, all is loaded in one second.
    let (cache, store) = (NaiveCache::default(), many());
    let read_all = async || {
        let before = store.reads();
        for id in 0..USERS {
            cache.find_user(&store, id).await.expect("found");
        }
        store.reads() - before
    };
    assert_eq!(read_all().await, USERS);
    cache.advance(TTL - 1);
    assert_eq!(read_all().await, 0);
    cache.advance(1);
    assert_eq!(read_all().await, USERS);

    let ((cache, clock), store) = (test_util::in_process(), many());
    let read_all = async || {
        let before = store.reads();
        for id in 0..USERS {
            spread(&cache, &store, id).await.expect("found");
        }
        store.reads() - before
    };
    assert_eq!(read_all().await, USERS);
    clock.advance(Duration::from_secs(TTL * 9 / 10 - 1));
    assert_eq!(read_all().await, 0);
    clock.advance(Duration::from_secs(TTL / 20));
    let half = read_all().await;
    assert!(
        (300..700).contains(&half),
        "{half} of {USERS} ended by then"
    );
}
