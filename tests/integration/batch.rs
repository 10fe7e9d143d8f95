//! Batches: `each`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Key, Outcome, Tier, cache_aside, test_util};

use crate::support::{Broken, MINUTE, SECOND, World, settle};

#[cache_aside(ttl = "1m", prefix = "batch.user", key_fn = user_key, tags = ["user:{id}"], skip(world), cache = world.cache)]
async fn user(world: &World, id: u64) -> Result<Option<String>, Broken> {
    let version = world.try_load().await?;
    Ok((id < 100).then(|| format!("user {id} v{version}")))
}

#[cache_aside(ttl = "1m", prefix = "batch.user", key_fn = element_key, tags = ["user:{ids}"], each = ids, skip(world, asked), cache = world.cache)]
async fn users(
    world: &World,
    ids: Vec<u64>,
    asked: &std::sync::Mutex<Vec<Vec<u64>>>,
) -> Result<HashMap<u64, String>, Broken> {
    asked.lock().unwrap().push(ids.clone());
    let version = world.try_load().await?;
    // One more than was asked for.
    let ids = ids.into_iter().filter(|id| *id < 100).chain([42]);
    Ok(ids
        .map(|id| (id, format!("user {id} v{version}")))
        .collect())
}

fn answer(ids: &[u64], version: u64) -> HashMap<u64, String> {
    ids.iter()
        .map(|id| (*id, format!("user {id} v{version}")))
        .collect()
}

#[tokio::test]
async fn only_what_is_missing_is_loaded_in_one_body() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    assert_eq!(
        users(&world, vec![1, 2], &asked).await,
        Ok(answer(&[1, 2], 1))
    );
    world.write();
    let mut expected = answer(&[1, 2], 1);
    expected.extend(answer(&[3, 4], 2));
    assert_eq!(
        users(&world, vec![4, 1, 3, 2, 3, 3], &asked).await,
        Ok(expected.clone())
    );
    assert_eq!(users(&world, vec![1, 2, 3, 4], &asked).await, Ok(expected));
    assert_eq!(*asked.lock().unwrap(), [vec![1, 2], vec![4, 3]]);
    assert_eq!(
        users(&world, vec![], &asked).await,
        Ok(HashMap::new()),
        "no body for nothing"
    );
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn a_batch_shares_entries_with_the_single_form() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    user(&world, 1).await.expect("works");
    users(&world, vec![1, 2, 500], &asked).await.expect("works");
    assert_eq!(*asked.lock().unwrap(), [vec![2, 500]]);
    assert_eq!(user(&world, 2).await, Ok(Some("user 2 v1".to_owned())));
    assert_eq!(
        user(&world, 500).await,
        Ok(None),
        "what the body did not return is not found"
    );
    assert_eq!(world.loads(), 2);
    assert_eq!(user_key(2), element_key(2));
    assert_eq!(user_key(2), Key::new("batch.user", &(2,)));
    users(&world, vec![500], &asked).await.expect("works");
    assert_eq!(world.loads(), 2, "a negative answer is one");
}

#[tokio::test]
async fn what_was_not_asked_for_is_neither_stored_nor_returned() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    assert_eq!(users(&world, vec![1], &asked).await, Ok(answer(&[1], 1)));
    assert_eq!(world.cache.get(&user_key(42)).await, None);
}

#[tokio::test]
async fn an_error_is_the_error_of_the_whole_batch() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    users(&world, vec![1], &asked).await.expect("works");
    world.break_down(true);
    assert_eq!(users(&world, vec![1, 2], &asked).await, Err(Broken));
    assert_eq!(users(&world, vec![1], &asked).await, Ok(answer(&[1], 1)));
    world.break_down(false);
    assert_eq!(
        users(&world, vec![2], &asked).await,
        Ok(answer(&[2], 1)),
        "nothing was stored"
    );
}

#[tokio::test]
async fn r8_an_invalidation_during_a_batch_keeps_those_answers_out() {
    let world = World::new().await;
    world.hold();
    let batch = world.spawn(|world| async move {
        users(&world, vec![1, 2, 3], &std::sync::Mutex::default()).await
    });
    world.reached(1).await;
    world.write();
    world.cache.invalidate_tag("user:1").await.expect("done");
    world.cache.invalidate(&user_key(2)).await.expect("done");
    world.let_go();
    assert_eq!(batch.await.expect("no panic"), Ok(answer(&[1, 2, 3], 1)));
    let asked = std::sync::Mutex::default();
    let mut expected = answer(&[1, 2], 2);
    expected.extend(answer(&[3], 1));
    assert_eq!(users(&world, vec![1, 2, 3], &asked).await, Ok(expected));
}

#[tokio::test]
async fn modes_hold_for_a_batch() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    users(&world, vec![1], &asked).await.expect("works");
    world.write();
    let (answers, report) = users(&world, vec![1], &asked).with_cache_report().await;
    assert_eq!(
        (answers, report.outcome),
        (Ok(answer(&[1], 1)), Outcome::Hit)
    );
    assert_eq!(
        users(&world, vec![1], &asked).bypass_cache().await,
        Ok(answer(&[1], 2))
    );
    assert_eq!(users(&world, vec![1], &asked).await, Ok(answer(&[1], 1)));
    let (answers, report) = users(&world, vec![1], &asked)
        .refresh_cache()
        .with_cache_report()
        .await;
    assert_eq!(
        (answers, report.outcome),
        (Ok(answer(&[1], 2)), Outcome::Loaded)
    );
    assert_eq!(users(&world, vec![1], &asked).await, Ok(answer(&[1], 2)));
}

#[cache_aside(ttl = "1m", prefix = "batch.slice", each = names, skip(world), cache = world.cache)]
async fn of_slice(world: &World, tenant: u64, names: &[&str]) -> HashMap<String, u64> {
    let version = world.load().await;
    names
        .iter()
        .map(|name| ((*name).to_owned(), version + tenant))
        .collect()
}

#[cache_aside(ttl = "1m", prefix = "batch.deque", each = ids, skip(world), cache = world.cache)]
async fn of_deque(world: &World, mut ids: VecDeque<u64>) -> BTreeMap<u64, u64> {
    let version = world.load().await;
    ids.rotate_left(0);
    ids.into_iter().map(|id| (id, version)).collect()
}

#[cache_aside(ttl = "1m", prefix = "batch.hash_set", each = ids, skip(world), cache = world.cache)]
async fn of_hash_set(world: &World, ids: &HashSet<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.iter().map(|id| (*id, version)).collect()
}

#[cache_aside(ttl = "1m", prefix = "batch.tree_set", each = ids, skip(world), cache = world.cache)]
async fn of_tree_set(world: &World, ids: BTreeSet<u64>) -> Result<BTreeMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

#[tokio::test]
async fn any_collection_of_elements_will_do() {
    let world = World::new().await;
    for _ in 0..2 {
        let names = of_slice(&world, 10, &["a", "b"]).await;
        assert_eq!(
            names,
            HashMap::from([("a".to_owned(), 11), ("b".to_owned(), 11)])
        );
        assert_eq!(
            of_deque(&world, [1, 2].into()).await,
            [(1, 1), (2, 1)].into()
        );
        assert_eq!(
            of_hash_set(&world, &[1, 2].into()).await,
            [(1, 1), (2, 1)].into()
        );
        assert_eq!(
            of_tree_set(&world, [1, 2].into()).await,
            Ok([(1, 1), (2, 1)].into())
        );
    }
    assert_eq!(world.loads(), 4);
    of_slice(&world, 11, &["a"]).await;
    assert_eq!(world.loads(), 5, "the other arguments are part of each key");
    let key = Key::<u64>::new("batch.slice", &(10, "a"));
    assert_eq!(
        world.cache.get(&key).await,
        Some(11),
        "the element stands where `each` stands"
    );
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1m", prefix = "batch.stale", each = ids, skip(world), cache = world.cache)]
async fn stale(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

#[tokio::test]
async fn a_failed_batch_is_stale_only_if_every_missing_element_may_be() {
    let world = World::new().await;
    stale(&world, vec![1, 2]).await.expect("works");
    world.clock.advance(MINUTE);
    world.break_down(true);
    assert_eq!(stale(&world, vec![1, 2]).await, Ok([(1, 1), (2, 1)].into()));
    assert_eq!(stale(&world, vec![1, 3]).await, Err(Broken));
    world
        .cache
        .invalidate(&Key::<u64>::new("batch.stale", &(2,)))
        .await
        .expect("done");
    assert_eq!(stale(&world, vec![1, 2]).await, Err(Broken));
    settle().await;
}

#[cache_aside(ttl = "1m", jitter = 0, stale_if_error = "1h", prefix = "batch.told", each = ids, skip(world), cache = world.cache)]
async fn told(world: &World, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Broken> {
    let version = world.try_load().await?;
    Ok(ids.into_iter().map(|id| (id, version)).collect())
}

/// The report of a call, without its answer.
async fn report<C: Future>(call: C) -> (Outcome, Option<Tier>, Option<Duration>) {
    let (_, report) = call.with_cache_report().await;
    (report.outcome, report.tier, report.age)
}

#[tokio::test]
async fn a_batch_tells_how_far_its_answers_came_and_how_old_the_oldest_is() {
    let fleet = test_util::fleet(2);
    let worlds = fleet.caches.iter();
    let worlds = worlds.map(|cache| World::with(cache.clone(), fleet.clock.clone()));
    let [one, two] = &worlds.collect::<Vec<_>>()[..] else {
        unreachable!()
    };
    let loaded = (Outcome::Loaded, None, None);
    assert_eq!(report(told(one, vec![1])).await, loaded);
    fleet.advance(SECOND * 10);
    assert_eq!(report(told(one, vec![1, 2])).await, loaded);
    fleet.advance(SECOND);
    let found = |tier, age| (Outcome::Hit, Some(tier), Some(SECOND * age));
    let both = || told(one, vec![2, 1]);
    assert_eq!(report(both()).await, found(Tier::Local, 11));
    let second = told(one, vec![2]);
    assert_eq!(report(second).await, found(Tier::Local, 1));

    let second = told(two, vec![2]);
    assert_eq!(report(second).await, found(Tier::Remote, 1));
    for order in [vec![1, 2], vec![2]] {
        let far = if order.len() == 2 {
            (Tier::Remote, 11)
        } else {
            (Tier::Local, 1)
        };
        let call = told(two, order);
        assert_eq!(report(call).await, found(far.0, far.1));
    }
    assert_eq!(report(told(two, vec![])).await, (Outcome::Hit, None, None));
    let counts = two.cache.stats().total;
    assert_eq!((counts.hits, counts.remote_hits, counts.loads), (4, 2, 0));
}

#[tokio::test]
async fn a_batch_that_gives_older_answers_says_so() {
    let world = World::new().await;
    let call = || told(&world, vec![1, 2]);
    call().await.expect("works");
    world.clock.advance(MINUTE);
    world.break_down(true);
    let stale = (Outcome::Stale, Some(Tier::Local), Some(MINUTE));
    assert_eq!(report(call()).await, stale, "tried in vain");
    assert_eq!(report(call()).await, stale, "not tried");
    assert_eq!(world.loads(), 2);
    let more = told(&world, vec![1, 3]);
    assert_eq!(
        report(more).await,
        (Outcome::Loaded, None, None),
        "an error"
    );
}

#[tokio::test]
async fn what_passes_the_cache_is_counted_as_that_and_not_as_a_load() {
    let world = World::new().await;
    let asked = std::sync::Mutex::default();
    let counts = |cache: &Cache| {
        let counts = cache.stats().total;
        (counts.bypassed, counts.loads, counts.misses)
    };
    user(&world, 1).bypass_cache().await.expect("works");
    assert_eq!(counts(&world.cache), (1, 0, 0));
    let call = users(&world, vec![1, 2], &asked).bypass_cache();
    assert_eq!(report(call).await.0, Outcome::Bypassed);
    assert_eq!(counts(&world.cache), (3, 0, 0), "an element each");

    let off = Cache::builder().enabled(false).build().await.expect("good");
    let off = World::with(off, world.clock.clone());
    user(&off, 1).await.expect("works");
    assert_eq!(
        report(users(&off, vec![1, 2], &asked)).await.0,
        Outcome::Bypassed
    );
    off.break_down(true);
    users(&off, vec![1], &asked).await.expect_err("broken");
    assert_eq!(counts(&off.cache), (4, 0, 0));
    assert_eq!(off.cache.stats().total.load_errors, 0);
}

/// It can be cloned no more than a connection can.
struct Owned(World);

type Asked = Vec<Vec<u64>>;

#[cache_aside(ttl = "1m", prefix = "batch.owned", skip(world), cache = world.cache)]
async fn owned_one(world: &World, id: u64) -> Result<u64, Broken> {
    world.try_load().await
}

#[cache_aside(ttl = "1m", prefix = "batch.owned", each = ids, skip(db, asked), cache = db.0.cache)]
async fn owned(db: Owned, ids: Vec<u64>, asked: &mut Asked) -> Result<HashMap<u64, u64>, Broken> {
    asked.push(ids.clone());
    Ok(ids.into_iter().zip(1..).collect::<HashMap<_, _>>()).inspect(|_| drop(db))
}

#[cache_aside(ttl = "1m", prefix = "batch.owned", each = ids, skip(world, asked), cache = world.cache)]
async fn cloned(
    world: World,
    ids: Vec<u64>,
    asked: std::sync::Arc<std::sync::Mutex<Asked>>,
) -> Result<HashMap<u64, u64>, Broken> {
    drop(world);
    asked.lock().unwrap().push(ids.clone());
    Ok(ids.into_iter().zip(1..).collect())
}

/// What another process loads is waited for, where a second body can be made if that comes to nothing.
#[tokio::test]
async fn a_body_that_owns_what_cannot_be_cloned_runs_once() {
    for clones in [true, false] {
        let fleet = crate::shared::Fleet::of(2).await;
        let (one, two) = (&fleet.worlds[0], fleet.worlds[1].clone());
        one.break_down(true);
        one.hold();
        let other = one.spawn(|world| async move { owned_one(&world, 2).await });
        one.reached(1).await;
        let batch = tokio::spawn(async move {
            if clones {
                let asked = std::sync::Arc::<std::sync::Mutex<Asked>>::default();
                cloned(two, vec![1, 2], asked.clone()).await.map(|answers| {
                    let asked = asked.lock().unwrap().clone();
                    (answers.len(), asked)
                })
            } else {
                let mut asked = Asked::new();
                let answers = owned(Owned(two), vec![1, 2], &mut asked).await;
                answers.map(|answers| (answers.len(), asked))
            }
        });
        settle().await;
        one.let_go();
        assert_eq!(other.await.unwrap(), Err(Broken));
        let asked = if clones {
            vec![vec![1], vec![2]]
        } else {
            vec![vec![1, 2]]
        };
        assert_eq!(batch.await.unwrap(), Ok((2, asked)), "{clones}");
    }
}

/// Cloned as a whole, and in parts not.
struct Context {
    held: std::cell::Cell<u64>,
    world: World,
}

impl Clone for Context {
    fn clone(&self) -> Self {
        Self {
            held: self.held.clone(),
            world: self.world.clone(),
        }
    }
}

struct Part(World);

struct Parts {
    part: Part,
}

impl Clone for Parts {
    fn clone(&self) -> Self {
        Self {
            part: Part(self.part.0.clone()),
        }
    }
}

#[cache_aside(ttl = "1m", prefix = "batch.parts", each = ids, skip(parts, context), cache = context.world.cache)]
async fn of_parts(parts: Parts, context: Context, ids: Vec<u64>) -> HashMap<u64, u64> {
    let part = parts.part;
    let version = part.0.load().await + context.held.get();
    ids.into_iter().map(|id| (id, version)).collect()
}

/// The body uses a part that cannot be cloned by itself: it takes the whole along.
#[tokio::test]
async fn a_body_may_use_parts_of_what_it_owns() {
    let world = World::new().await;
    let context = Context {
        held: std::cell::Cell::new(0),
        world: world.clone(),
    };
    let parts = Parts {
        part: Part(world.clone()),
    };
    let answers = of_parts(parts, context, vec![1, 2]).await;
    assert_eq!(answers, HashMap::from([(1, 1), (2, 1)]));
}
