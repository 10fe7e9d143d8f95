//! What identifies a call.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use cache_aside::{Cache, Key, cache_aside};
use serde::{Deserialize, Serialize};

use crate::support::World;

#[cache_aside(ttl = "1m", prefix = "keys.two", key_fn = two_key, skip(world), cache = world.cache)]
async fn two(world: &World, a: String, b: &str) -> String {
    world.load().await;
    a + "/" + b
}

#[tokio::test]
async fn every_argument_counts_and_texts_do_not_run_together() {
    let world = World::new().await;
    assert_eq!(two(&world, "a:b".to_owned(), "c").await, "a:b/c");
    assert_eq!(two(&world, "a".to_owned(), "b:c").await, "a/b:c");
    assert_eq!(world.loads(), 2);
    assert_eq!(two(&world, "a".to_owned(), "b:c").await, "a/b:c");
    assert_eq!(world.loads(), 2);
    assert_eq!(
        two_key("a".to_owned(), "b:c"),
        Key::new("keys.two", &("a", "b:c"))
    );
    assert_eq!(
        two_key("a".to_owned(), "b"),
        Key::new("keys.two", &("a".to_owned(), "b"))
    );
}

#[cache_aside(ttl = "1m", prefix = "res", key_fn = res_key, skip(world), cache = world.cache)]
async fn res(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[tokio::test]
async fn integers_count_by_value() {
    let world = World::new().await;
    res(&world, 1).await;
    assert_eq!(Key::<u64>::new("res", &(1,)), res_key(1));
    assert_eq!(
        world.cache.get(&Key::<u64>::new("res", &(1_i8,))).await,
        Some(2)
    );
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Filter {
    words: Vec<String>,
    limit: Option<u32>,
}

#[cache_aside(ttl = "1m", prefix = "keys.some", key(filter.limit, page), cache = world.cache)]
async fn some(world: &World, filter: &Filter, page: u32) -> usize {
    world.load().await;
    filter.words.len() + page as usize
}

#[cache_aside(ttl = "1m", prefix = "keys.pattern", key(id, name), cache = world.cache)]
async fn pattern(world: &World, (id, name): (u64, String), _unused: Vec<u8>) -> String {
    world.load().await;
    format!("{id}{name}")
}

#[cache_aside(ttl = "1m", prefix = "keys.none", key(), cache = world.cache)]
async fn none(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[tokio::test]
async fn key_chooses_what_the_key_is_made_of() {
    let world = World::new().await;
    let filter = |words: usize, limit| Filter {
        words: vec!["w".to_owned(); words],
        limit,
    };
    some(&world, &filter(1, Some(1)), 1).await;
    some(&world, &filter(2, Some(1)), 1).await;
    assert_eq!(world.loads(), 1);
    some(&world, &filter(1, None), 1).await;
    some(&world, &filter(1, Some(1)), 2).await;
    assert_eq!(world.loads(), 3);

    pattern(&world, (1, "a".to_owned()), vec![1]).await;
    pattern(&world, (1, "a".to_owned()), vec![2]).await;
    assert_eq!(world.loads(), 4);
    pattern(&world, (1, "b".to_owned()), vec![1]).await;
    assert_eq!(world.loads(), 5);

    assert_eq!(none(&world, 1).await, none(&world, 2).await);
    assert_eq!(world.loads(), 6);
}

#[cache_aside(ttl = "1m", prefix = "keys.maps", skip(world), cache = world.cache)]
async fn maps(world: &World, map: HashMap<String, u8>) -> usize {
    world.load().await;
    map.len()
}

#[tokio::test]
async fn a_map_is_one_key_in_any_order() {
    let world = World::new().await;
    for _ in 0..20 {
        // Each has a hasher of its own, and so an order of its own.
        maps(&world, (0..50_u8).map(|i| (i.to_string(), i)).collect()).await;
    }
    assert_eq!(world.loads(), 1);
    let tree: BTreeMap<String, u8> = (0..50_u8).map(|i| (i.to_string(), i)).collect();
    assert_eq!(
        world
            .cache
            .get(&Key::<usize>::new("keys.maps", &(tree,)))
            .await,
        Some(50)
    );
}

#[cache_aside(ttl = "1m", prefix = "keys.version", skip(world), version = 2, key_fn = versioned_key, cache = world.cache)]
async fn versioned(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[cache_aside(ttl = "1m", prefix = "keys.version", skip(world), version = "3", cache = world.cache)]
async fn newer_version(world: &World, id: u64) -> u64 {
    world.load().await + id
}

#[tokio::test]
async fn another_version_finds_nothing_of_the_old_one() {
    let world = World::new().await;
    versioned(&world, 1).await;
    newer_version(&world, 1).await;
    versioned(&world, 1).await;
    assert_eq!(world.loads(), 2);
    assert_eq!(versioned_key(1), Key::new("keys.version", &(1,)).version(2));
}

mod defaults {
    use cache_aside::{Cache, cache_aside};

    #[cache_aside(ttl = "1m", key_fn = get_key, skip(cache), cache = cache)]
    pub(super) async fn get(cache: &Cache, id: u64) -> u64 {
        id
    }

    pub(super) struct W;

    impl W {
        #[cache_aside(ttl = "1m", skip(cache), cache = cache)]
        pub(super) async fn get(cache: &Cache, id: u64) -> u64 {
            id + 1
        }
    }
}

#[tokio::test]
async fn the_default_prefix_is_module_and_name_with_all_that_encloses_it() {
    #[cache_aside(ttl = "1m", skip(cache), cache = cache)]
    async fn get(cache: &Cache, id: u64) -> u64 {
        id + 2
    }

    let cache = Cache::in_process();
    assert_eq!(defaults::get(&cache, 1).await, 1);
    assert_eq!(defaults::W::get(&cache, 1).await, 2);
    assert_eq!(get(&cache, 1).await, 3);
    let stats = cache.stats();
    let prefixes: Vec<_> = stats.prefixes.keys().map(String::as_str).collect();
    assert_eq!(prefixes.len(), 3, "{prefixes:?}");
    assert!(
        prefixes.contains(&"integration.keys.defaults.get"),
        "{prefixes:?}"
    );
    assert!(
        prefixes.contains(&"integration.keys.defaults.W.get"),
        "{prefixes:?}"
    );
    assert_eq!(cache.get(&defaults::get_key(1)).await, Some(1));
}

/// Both are `{{closure}}::same`: nothing tells them apart but their addresses.
#[tokio::test]
async fn of_two_functions_with_one_default_prefix_the_second_is_not_cached() {
    let world = World::new().await;
    let first = || {
        #[cache_aside(ttl = "1m", key(), cache = world.cache)]
        async fn same(world: &World) -> u64 {
            world.load().await
        }
        same(&world)
    };
    let second = || {
        #[cache_aside(ttl = "1m", key(), cache = world.cache)]
        async fn same(world: &World) -> u64 {
            world.load().await + 100
        }
        same(&world)
    };
    assert_eq!((first().await, second().await), (1, 101));
    assert_eq!((first().await, second().await), (1, 101));
    assert_eq!(world.loads(), 3);
}

trait Db: Send + Sync {
    fn world(&self) -> &World;
}

impl Db for World {
    fn world(&self) -> &World {
        self
    }
}

struct Mock(World);

impl Db for Mock {
    fn world(&self) -> &World {
        &self.0
    }
}

#[cache_aside(ttl = "1m", prefix = "keys.skipped", key_fn = skipped_key, skip(db), cache = &db.world().cache)]
async fn skipped(db: &impl Db, id: u64) -> u64 {
    db.world().load().await + id
}

#[cache_aside(ttl = "1m", prefix = "keys.skipped_param", key_fn = skipped_param_key, skip(db), cache = &db.world().cache)]
async fn skipped_param<D: Db>(db: &D, id: u64) -> u64 {
    db.world().load().await + id
}

#[cache_aside(ttl = "1m", prefix = "keys.shown", skip(world), cache = world.cache)]
async fn shown(world: &World, what: impl Display + Serialize) -> String {
    world.load().await;
    what.to_string()
}

#[cache_aside(ttl = "1m", prefix = "keys.counted", key_fn = counted_key, skip(world), cache = world.cache)]
async fn counted<const N: usize, T: Serialize + Clone>(world: &World, items: Vec<T>) -> usize {
    world.load().await;
    items.len() * N
}

#[tokio::test]
async fn type_arguments_count_unless_only_skipped_arguments_have_them() {
    let world = World::new().await;
    skipped(&world, 1).await;
    skipped(&Mock(world.clone()), 1).await;
    assert_eq!(world.loads(), 1);
    assert_eq!(skipped_key(1), Key::new("keys.skipped", &(1,)));
    skipped_param(&world, 1).await;
    skipped_param(&Mock(world.clone()), 1).await;
    assert_eq!(world.loads(), 2);
    assert_eq!(skipped_param_key(1), Key::new("keys.skipped_param", &(1,)));

    shown(&world, 1_u8).await;
    shown(&world, 1_u16).await;
    assert_eq!(world.loads(), 4, "the value's type counts");
    counted::<1, _>(&world, vec![1_u8, 2]).await;
    counted::<1, _>(&world, vec![1_u8, 2]).await;
    counted::<1, _>(&world, vec![1_u16, 2]).await;
    assert_eq!(world.loads(), 6);
    assert_eq!(counted::<3, _>(&world, vec![1_u16, 2]).await, 6);
    assert_eq!(
        world.cache.get(&counted_key::<3, _>(vec![1_u16, 2])).await,
        Some(6)
    );
}

#[cache_aside(ttl = "1m", prefix = "keys.moved", tags = ["moved:{name}"], skip(world), cache = world.cache)]
async fn moved(world: &World, name: String) -> usize {
    world.load().await;
    drop(name);
    1
}

#[tokio::test]
async fn a_body_may_consume_an_argument_that_is_in_a_tag() {
    let world = World::new().await;
    moved(&world, "x".to_owned()).await;
    moved(&world, "x".to_owned()).await;
    assert_eq!(world.loads(), 1);
    world.cache.invalidate_tag("moved:x").await.expect("done");
    moved(&world, "x".to_owned()).await;
    assert_eq!(world.loads(), 2);
}

/// Owned state that the body takes, and a cache inside it.
#[cache_aside(ttl = "1m", prefix = "keys.state", skip(state), cache = state.cache)]
async fn owned_state(state: World, id: Arc<str>) -> String {
    state.load().await;
    drop(state);
    id.to_string()
}

#[tokio::test]
async fn the_cache_may_live_in_an_argument_that_the_body_takes() {
    let world = World::new().await;
    owned_state(world.clone(), "a".into()).await;
    owned_state(world.clone(), "a".into()).await;
    assert_eq!(world.loads(), 1);
}

struct Unkeyable;

impl Serialize for Unkeyable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[cache_aside(ttl = "1m", prefix = "keys.unkeyable", skip(world), cache = world.cache)]
async fn unkeyable(world: &World, what: Unkeyable) -> u64 {
    let _ = what;
    world.load().await
}

#[tokio::test]
async fn a_call_whose_argument_fails_to_serialize_is_not_cached() {
    let world = World::new().await;
    unkeyable(&world, Unkeyable).await;
    unkeyable(&world, Unkeyable).await;
    assert_eq!(world.loads(), 2);
    assert_eq!(world.cache.stats().prefixes["keys.unkeyable"].key_errors, 2);
}

mod in_an_impl {
    use std::marker::PhantomData;

    use super::World;
    use cache_aside::cache_aside;

    pub(super) trait Entity: Send + Sync {
        const NAME: &'static str;
    }

    pub(super) struct User;
    pub(super) struct Order;

    impl Entity for User {
        const NAME: &'static str = "user";
    }

    impl Entity for Order {
        const NAME: &'static str = "order";
    }

    pub(super) struct Repo<E> {
        pub(super) world: World,
        pub(super) entity: PhantomData<E>,
    }

    impl<E: Entity> Repo<E> {
        #[cache_aside(ttl = "1m", key_fn = named_key, skip(world), cache = world.cache)]
        pub(super) async fn named(world: &World, id: u64) -> String {
            world.load().await;
            format!("{}{id}", E::NAME)
        }

        #[cache_aside(ttl = "1m", prefix = "keys.impl.method", key_fn = method_key, skip(self), cache = self.world.cache)]
        pub(super) async fn method(&self, id: u64) -> String {
            self.world.load().await;
            format!("{}{id}", E::NAME)
        }

        #[cache_aside(ttl = "1m", prefix = "keys.impl.generic", key_fn = generic_key, skip(self), cache = self.world.cache)]
        pub(super) async fn generic<T: serde::Serialize + Send + Sync>(&self, of: T) -> String {
            self.world.load().await;
            let _ = of;
            format!("{}{}", E::NAME, std::any::type_name::<T>())
        }

        #[cache_aside(ttl = "1m", prefix = "keys.impl.batch", each = ids, key_fn = batch_key, skip(self), cache = self.world.cache)]
        pub(super) async fn batch(&self, ids: Vec<u64>) -> std::collections::HashMap<u64, String> {
            self.world.load().await;
            let named = |id| (id, format!("{}{id}", E::NAME));
            ids.into_iter().map(named).collect()
        }
    }

    pub(super) trait Named: Send + Sync {
        const NAME: &'static str;

        fn world(&self) -> &World;

        #[allow(async_fn_in_trait, reason = "a test")]
        #[cache_aside(ttl = "1m", prefix = "keys.impl.default", skip(self), cache = self.world().cache)]
        async fn name(&self, id: u64) -> String {
            self.world().load().await;
            format!("{}{id}", Self::NAME)
        }
    }

    impl<E: Entity> Named for Repo<E> {
        const NAME: &'static str = E::NAME;

        fn world(&self) -> &World {
            &self.world
        }
    }

    pub(super) trait Find {
        #[allow(async_fn_in_trait, reason = "a test")]
        async fn find(&self, id: u64) -> u64;
    }

    /// Nothing varies here.
    impl Find for Repo<User> {
        #[cache_aside(ttl = "1m", prefix = "keys.impl.concrete", skip(self), cache = self.world.cache)]
        async fn find(&self, id: u64) -> u64 {
            self.world.load().await + id
        }
    }
}

#[tokio::test]
async fn what_a_generic_impl_is_for_is_part_of_every_key() {
    use in_an_impl::{Find as _, Named as _, Order, Repo, User};
    use std::marker::PhantomData;

    let world = World::new().await;
    let users = Repo::<User> {
        world: world.clone(),
        entity: PhantomData,
    };
    let orders = Repo::<Order> {
        world: world.clone(),
        entity: PhantomData,
    };
    for _ in 0..2 {
        assert_eq!(Repo::<User>::named(&world, 1).await, "user1");
        assert_eq!(Repo::<Order>::named(&world, 1).await, "order1");
        assert_eq!(users.method(1).await, "user1");
        assert_eq!(orders.method(1).await, "order1");
        assert_eq!(users.generic(1_u8).await, "useru8");
        assert_eq!(orders.generic(1_u8).await, "orderu8");
        assert_eq!(orders.generic(1_u16).await, "orderu16");
        assert_eq!(users.batch(vec![1]).await[&1], "user1");
        assert_eq!(orders.batch(vec![1]).await[&1], "order1");
        assert_eq!(users.name(1).await, "user1");
        assert_eq!(orders.name(1).await, "order1");
    }
    assert_eq!(world.loads(), 11);

    let cache = &world.cache;
    let stored = async |key| cache.get::<String>(&key).await;
    for (key, value) in [
        (Repo::<User>::named_key(1), "user1"),
        (Repo::<Order>::named_key(1), "order1"),
        (Repo::<User>::method_key(1), "user1"),
        (Repo::<Order>::method_key(1), "order1"),
        (Repo::<User>::generic_key(1_u8), "useru8"),
        (Repo::<Order>::generic_key(1_u16), "orderu16"),
        (Repo::<User>::batch_key(1), "user1"),
        (Repo::<Order>::batch_key(1), "order1"),
    ] {
        assert_eq!(stored(key).await.as_deref(), Some(value));
    }

    users.find(1).await;
    let by_hand = Key::<u64>::new("keys.impl.concrete", &(1,));
    assert_eq!(cache.get(&by_hand).await, Some(2));
}

struct Fetcher<F> {
    fetch: F,
    cache: Cache,
}

impl<F: Fn(u64) -> u64> Fetcher<F> {
    #[cache_aside(ttl = "1m", prefix = "keys.fetcher", skip(self), cache = self.cache)]
    async fn get(&self, id: u64) -> u64 {
        (self.fetch)(id)
    }
}

#[cache_aside(ttl = "1m", prefix = "keys.of_type", skip(cache), cache = cache)]
async fn name_of<T: 'static>(cache: &Cache, id: u64) -> String {
    format!("{} {id}", std::any::type_name::<T>())
}

#[tokio::test]
async fn closures_have_no_names_and_share_no_entries() {
    struct Here;

    let cache = Cache::in_process();
    let plus = Fetcher {
        fetch: |id| id + 1,
        cache: cache.clone(),
    };
    let times = Fetcher {
        fetch: |id| id * 100,
        cache: cache.clone(),
    };
    for _ in 0..2 {
        assert_eq!((plus.get(5).await, times.get(5).await), (6, 500));
    }
    let total = cache.stats().total;
    assert_eq!((total.key_errors, total.hits), (4, 0));

    // With a name they are told apart, and so is what has one inside of a closure.
    let named = Fetcher::<fn(u64) -> u64> {
        fetch: |id| id + 1,
        cache: cache.clone(),
    };
    for _ in 0..2 {
        assert_eq!(named.get(5).await, 6);
        assert!(name_of::<Here>(&cache, 1).await.ends_with("Here 1"));
    }
    let total = cache.stats().total;
    assert_eq!((total.key_errors, total.hits), (4, 2));
}
