//! The six scenarios. Each has its own store and cache, prints its steps, and asserts what it prints.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, HealthStatus, Key, Outcome, Policy, test_util};
use tokio::task::{JoinSet, yield_now};
use tutorial::functional::{find_user, rename_user};
use tutorial::object::Users;
use tutorial::store::{Store, Unreachable, User};

/// An error of the store or of the cache would end a scenario; there is none.
type Done = Result<(), Box<dyn Error>>;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Scenario 1: the pattern by hand, step by step, and then as one call.
pub(crate) async fn the_four_steps() -> Done {
    println!("1. check, miss, load, store");
    let (cache, store) = (Cache::in_process(), two_users());

    let key = Key::<User>::new("user", &(1,));
    let policy = Policy::ttl(FIVE_MINUTES).tags(["user:1"]);
    assert_eq!(cache.get(&key).await, None);
    println!("   check: user 1 is not in the cache: a miss");
    // Before the load: what is invalidated from here on keeps the value out.
    let place = cache.reserve(&key, &policy).await?;
    let user = store.find(1).await?.ok_or("there is a user 1")?;
    println!("   load: the store says {}", user.name);
    assert!(place.fill(&user).await?);
    println!("   store: for five minutes at most");
    assert_eq!(cache.get(&key).await, Some(user));
    println!("   check: user 1 is in the cache: a hit");

    // All of that, and one load for all who ask at once, is a call of a cached function.
    let find = |id| find_user(&cache, &store, id);
    assert_eq!(show("user 1", find(1)).await?, "Ada, Hit, Local");
    assert_eq!(show("user 2", find(2)).await?, "Grace, Loaded");
    assert_eq!(show("user 2", find(2)).await?, "Grace, Hit, Local");
    assert_eq!(show("user 3", find(3)).await?, "nobody, Loaded");
    assert_eq!(show("user 3", find(3)).await?, "nobody, Negative, Local");
    assert_eq!(store.reads(), 3);
    Ok(())
}

/// Scenario 2: a write ends what was cached, whoever wrote and whoever reads.
pub(crate) async fn invalidation() -> Done {
    println!("2. invalidation after a write");
    let (cache, store) = (Cache::in_process(), two_users());
    let users = Users::new(&cache, &store);

    let by_function = || find_user(&cache, &store, 1);
    assert_eq!(show("by function", by_function()).await?, "Ada, Loaded");
    assert_eq!(show("by method", users.find(1)).await?, "Ada, Hit, Local");

    assert!(rename_user(&cache, &store, 1, "Ada King").await?);
    println!("   renamed by function");
    let shown = show("by method", users.find(1)).await?;
    assert_eq!(shown, "Ada King, Loaded");
    let shown = show("by function", by_function()).await?;
    assert_eq!(shown, "Ada King, Hit, Local");

    assert!(users.rename(1, "Ada Lovelace").await?);
    println!("   renamed by method");
    let shown = show("by function", by_function()).await?;
    assert_eq!(shown, "Ada Lovelace, Loaded");
    Ok(())
}

/// Scenario 3: what nobody invalidates ends with its ttl, and what there is no room for ends before.
pub(crate) async fn expiry_and_eviction() -> Done {
    println!("3. expiry and eviction");
    let (cache, clock) = test_util::in_process();
    let store = two_users();
    let users = Users::new(&cache, &store);

    assert_eq!(show("at first", users.find(1)).await?, "Ada, Loaded");
    store.rename(1, "Ada Lovelace").await?;
    println!("   renamed past the cache");
    clock.advance(Duration::from_secs(299));
    let shown = show("after 299 s", users.find(1)).await?;
    assert_eq!(shown, "Ada, Hit, Local");
    clock.advance(Duration::from_secs(1));
    let shown = show("after 300 s", users.find(1)).await?;
    assert_eq!(shown, "Ada Lovelace, Loaded");

    let small = Cache::builder().local_capacity(3).build().await?;
    let store = ten_users();
    for id in 1..=10 {
        find_user(&small, &store, id).await?;
    }
    let stats = small.stats();
    println!(
        "   10 users in a cache for 3: {} entries, {} evictions",
        stats.entries, stats.evictions
    );
    assert_eq!((stats.entries, stats.evictions), (3, 7));
    Ok(())
}

/// Scenario 4: what one instance writes no other gives as it was. The server between them is one in
/// memory; with Redis it is the same code, and `Cache::builder().redis(url)`.
pub(crate) async fn two_instances() -> Done {
    println!("4. invalidation in another instance");
    let (fleet, store) = (test_util::fleet(2), two_users());
    let [one, two] = [0, 1].map(|instance| Users::new(&fleet.caches[instance], &store));

    assert_eq!(show("one", one.find(1)).await?, "Ada, Loaded");
    assert_eq!(show("two", two.find(1)).await?, "Ada, Hit, Remote");
    assert_eq!(show("two", two.find(1)).await?, "Ada, Hit, Local");
    assert!(two.rename(1, "Ada Lovelace").await?);
    println!("   renamed by two");
    assert_eq!(show("one", one.find(1)).await?, "Ada Lovelace, Loaded");
    let shown = show("two", two.find(1)).await?;
    assert_eq!(shown, "Ada Lovelace, Hit, Remote");
    assert_eq!(store.reads(), 2);
    Ok(())
}

/// Scenario 5: a thousand callers of a key that is not there are one load.
pub(crate) async fn a_thousand_callers() -> Done {
    println!("5. a thousand callers at once");
    let (cache, store) = (Cache::in_process(), two_users());

    let held = store.hold().await;
    let here = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let (cache, store, here) = (cache.clone(), store.clone(), Arc::clone(&here));
        callers.spawn(async move {
            here.fetch_add(1, Relaxed);
            find_user(&cache, &store, 1).with_cache_report().await
        });
    }
    // On one thread: whoever has counted itself waits for the answer by now.
    while here.load(Relaxed) < 1_000 {
        yield_now().await;
    }
    drop(held);
    let answers = callers.join_all().await;

    assert!(answers.iter().all(|(user, _)| is_ada(user)));
    let count = |outcome| {
        let outcomes = answers.iter().map(|(_, report)| report.outcome);
        outcomes.filter(|had| *had == outcome).count()
    };
    let (loaded, joined) = (count(Outcome::Loaded), count(Outcome::Joined));
    println!(
        "   loaded {loaded}, joined {joined}, reads of the store {}",
        store.reads()
    );
    assert_eq!((loaded, joined, store.reads()), (1, 999, 1));
    Ok(())
}

/// Scenario 6: what the cache tells about itself.
pub(crate) async fn statistics() -> Done {
    println!("6. statistics");
    let (cache, clock) = test_util::in_process();
    let store = ten_users();
    for _ in 0..10 {
        for id in 1..=11 {
            find_user(&cache, &store, id).await?;
        }
    }
    clock.advance(Duration::from_secs(20));

    let stats = cache.stats();
    let user = &stats.prefixes["user"];
    println!(
        "   hits {}, not found {}, misses {}, loads {}",
        user.hits, user.negatives, user.misses, user.loads
    );
    assert_eq!((user.hits, user.negatives, user.misses), (90, 9, 11));
    assert_eq!(user.loads, store.reads());
    println!(
        "   hit rate {:.0} %, {} entries",
        user.hit_rate() * 100.0,
        stats.entries
    );
    assert_eq!(stats.entries, 11);

    let key = Key::<User>::new("user", &(7,));
    let entry = cache.inspect(&key).await.ok_or("it is there")?;
    println!(
        "   user 7: tags {:?}, age {:?}, ttl left {:?}",
        entry.tags, entry.age, entry.ttl_left
    );
    assert_eq!(entry.ttl_left, Duration::from_secs(280));

    let health = cache.health().await;
    println!("   health: {:?}", health.status);
    assert_eq!(health.status, HealthStatus::Healthy);
    Ok(())
}

fn two_users() -> Store {
    Store::with([(1, "Ada"), (2, "Grace")])
}

fn ten_users() -> Store {
    Store::with((1..=10).map(|id| (id, format!("user {id}"))))
}

fn is_ada(user: &Result<Option<User>, Unreachable>) -> bool {
    matches!(user, Ok(Some(user)) if user.name == "Ada")
}

/// Prints who was found, and where the answer came from.
async fn show(
    what: &str,
    call: impl Future<Output = Result<Option<User>, Unreachable>>,
) -> Result<String, Unreachable> {
    let (user, report) = call.with_cache_report().await;
    let name = user?.map_or_else(|| "nobody".to_owned(), |user| user.name);
    let tier = report.tier.map(|tier| format!(", {tier:?}"));
    let shown = format!("{name}, {:?}{}", report.outcome, tier.unwrap_or_default());
    println!("   {what}: {shown}");
    Ok(shown)
}
