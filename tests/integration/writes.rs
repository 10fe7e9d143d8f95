//! `#[cache_invalidate]`.

use std::sync::Mutex;

use cache_aside::{Cache, Error, cache_aside, cache_invalidate};

use crate::support::{Broken, World, settle};

#[cache_aside(ttl = "1m", prefix = "writes.user", key_fn = user_key, tags = ["writes-user:{id}"], skip(world), cache = world.cache)]
async fn user(world: &World, id: u64) -> u64 {
    let _ = id;
    world.load().await
}

#[cache_aside(ttl = "1m", prefix = "writes.list", key(), cache = world.cache)]
async fn list(world: &World) -> u64 {
    world.load().await
}

#[cache_invalidate(tags = ["writes-user:{id}"], prefixes = ["writes.list"], cache = world.cache)]
async fn by_tag(world: &World, id: u64) -> Result<u64, Broken> {
    let version = world.write();
    if id == 0 { Err(Broken) } else { Ok(version) }
}

#[cache_invalidate(keys = [user_key(id), &user_key(id + 1)], cache = &world.cache)]
async fn by_key(world: &World, id: u64) {
    world.write();
}

struct Created {
    owner: u64,
}

#[cache_invalidate(tags = ["writes-user:{result.owner}"], cache = world.cache)]
async fn by_result(world: &World, owner: Option<u64>) -> Option<Created> {
    world.write();
    owner.map(|owner| Created { owner })
}

#[derive(Debug)]
enum Failure {
    Broken,
    Invalidation(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Invalidation(error)
    }
}

#[cache_invalidate(tags = ["writes-user:{id}"], on_failure = propagate, cache = world.cache)]
async fn propagating(world: &World, id: u64) -> Result<(), Failure> {
    world.write();
    if id == 0 {
        Err(Failure::Broken)
    } else {
        Ok(())
    }
}

#[cache_invalidate(tags = ["writes-user:{name}"], cache = world.cache)]
async fn consuming(world: &World, name: String) -> String {
    world.write();
    name
}

#[tokio::test]
async fn a_write_invalidates_what_it_names() {
    let world = World::new().await;
    for round in 0..2 {
        let expected = round + 1;
        assert_eq!(user(&world, 1).await, expected);
        assert_eq!(user(&world, 2).await, expected);
        assert_eq!(list(&world).await, expected);
        if round == 0 {
            by_tag(&world, 1).await.expect("works");
            world.cache.invalidate(&user_key(2)).await.expect("done");
        }
    }
    by_key(&world, 1).await;
    assert_eq!(
        (
            user(&world, 1).await,
            user(&world, 2).await,
            list(&world).await
        ),
        (3, 3, 2)
    );
    consuming(&world, "1".to_owned()).await;
    assert_eq!((user(&world, 1).await, user(&world, 2).await), (4, 3));
}

#[tokio::test]
async fn an_error_invalidates_nothing() {
    let world = World::new().await;
    user(&world, 0).await;
    by_tag(&world, 0).await.expect_err("fails");
    assert!(matches!(propagating(&world, 0).await, Err(Failure::Broken)));
    assert_eq!(user(&world, 0).await, 1);
    propagating(&world, 1).await.expect("works");
    if let Err(Failure::Invalidation(error)) = propagating(&world, 1).await {
        panic!("in the process an invalidation does not fail: {error}");
    }
}

#[tokio::test]
async fn tags_of_the_result_are_invalidated_if_there_is_one() {
    let world = World::new().await;
    user(&world, 5).await;
    assert!(by_result(&world, None).await.is_none());
    assert_eq!(user(&world, 5).await, 1);
    assert_eq!(by_result(&world, Some(5)).await.expect("made").owner, 5);
    assert_eq!(user(&world, 5).await, 3);
}

/// The body wrote, and then the caller went away: nobody would say so.
#[tokio::test]
async fn a_write_that_is_dropped_in_mid_body_invalidates_all_the_same() {
    #[cache_invalidate(tags = ["writes-user:{id}"], cache = world.cache)]
    async fn slow(world: &World, id: u64) -> Result<(), Broken> {
        world.write();
        std::future::pending().await
    }

    let world = World::new().await;
    user(&world, 1).await;
    let write = world.spawn(|world| async move { slow(&world, 1).await });
    settle().await;
    assert_eq!(user(&world, 1).await, 1);
    write.abort();
    write.await.expect_err("aborted");
    assert_eq!(user(&world, 1).await, 2);
}

#[tokio::test]
async fn r8_a_load_that_runs_during_the_write_is_not_kept() {
    let world = World::new().await;
    world.hold();
    let load = world.spawn(|world| async move { user(&world, 1).await });
    world.reached(1).await;
    by_tag(&world, 1).await.expect("works");
    world.let_go();
    assert_eq!(load.await.expect("no panic"), 1);
    assert_eq!(user(&world, 1).await, 2);
}

struct Repository {
    cache: Cache,
    rows: Mutex<Vec<String>>,
}

impl Repository {
    #[cache_aside(ttl = "1m", prefix = "writes.row", tags = ["row:{index}"], key_fn = row_key, skip(self), cache = self.cache)]
    async fn row(&self, index: usize) -> Option<String> {
        self.rows.lock().unwrap().get(index).cloned()
    }

    #[cache_invalidate(tags = ["row:{index}"], keys = [Self::row_key(index)], cache = self.cache)]
    async fn set(&self, index: usize, text: &str) {
        let mut rows = self.rows.lock().unwrap();
        if rows.len() <= index {
            rows.resize(index + 1, String::new());
        }
        text.clone_into(&mut rows[index]);
    }
}

#[tokio::test]
async fn a_repository_reads_what_it_wrote() {
    let repository = Repository {
        cache: Cache::in_process(),
        rows: Mutex::default(),
    };
    assert_eq!(repository.row(1).await, None);
    repository.set(1, "one").await;
    assert_eq!(repository.row(1).await.as_deref(), Some("one"));
    repository.set(1, "two").await;
    assert_eq!(repository.row(1).await.as_deref(), Some("two"));
}
