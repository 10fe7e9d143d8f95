//! A source that is behind what is written to it.

use std::time::Duration;

use cache_aside::remote::double::Op;
use cache_aside::{Key, Policy};

use super::{Fleet, here, item, owned};
use crate::support::{MINUTE, SECOND, World, settle, until};

const LAG: Duration = SECOND;

/// Invalidates by tag, by key, by prefix and all.
async fn invalidate(world: &World, how: usize) {
    let cache = &world.cache;
    let done = match how {
        0 => cache.invalidate_tag("item:1").await,
        1 => {
            let key = |prefix| Key::<u64>::new(prefix, &(1u64,));
            let here = cache.invalidate(&key("intents.here")).await;
            here.and(cache.invalidate(&key("intents.item")).await)
        }
        2 => {
            let here = cache.invalidate_prefix("intents.here").await;
            here.and(cache.invalidate_prefix("intents.item").await)
        }
        _ => cache.clear().await,
    };
    done.unwrap();
}

/// The source is a replica: its version comes `LAG` after the write.
async fn lags(worlds: &[&World], advance: impl Fn(Duration)) {
    let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
    for how in 0..4 {
        let before = item(one, 1).await;
        here(other, 1).await;
        invalidate(one, how).await;
        for _ in 0..2 {
            for world in worlds {
                let loads = one.loads();
                assert_eq!(item(world, 1).await, before);
                assert_eq!(here(world, 1).await, before);
                assert_eq!(one.loads(), loads + 2, "{how}: it is stored");
            }
            advance(LAG / 4);
        }
        // Begun in the window and done after it.
        one.forget_reached();
        one.forget_released();
        one.hold();
        let running =
            other.spawn(|world| async move { (item(&world, 1).await, here(&world, 1).await) });
        one.reached(1).await;
        advance(LAG);
        let version = one.write();
        let late = one.spawn(|world| async move { item(&world, 1).await });
        one.reached(1).await;
        one.let_go();
        assert_eq!(running.await.unwrap().0, before, "{how}");
        assert_eq!(
            late.await.unwrap(),
            version,
            "{how}: it joined an older load"
        );
        let loads = one.loads();
        for _ in 0..2 {
            for world in worlds {
                assert_eq!(item(world, 1).await, version, "{how}");
                assert_eq!(here(world, 1).await, version, "{how}");
            }
        }
        assert!(
            one.loads() <= loads + worlds.len() as u64,
            "{how}: stored again"
        );
    }
}

#[tokio::test]
async fn what_a_lagging_source_gives_is_not_stored() {
    let alone = Fleet::alone(|settings| settings.settle_lag(LAG)).await;
    lags(&[&alone], |by| alone.clock.advance(by)).await;
    let fleet = Fleet::with(2, |settings| settings.settle_lag(LAG)).await;
    lags(&fleet.two(), |by| fleet.advance(by)).await;
}

#[tokio::test]
async fn tags_of_results_lag_too() {
    let alone = Fleet::alone(|settings| settings.settle_lag(LAG)).await;
    let fleet = Fleet::with(2, |settings| settings.settle_lag(LAG)).await;
    let advance = |by| {
        alone.clock.advance(by);
        fleet.advance(by);
    };
    for worlds in [vec![&alone], fleet.two().to_vec()] {
        let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
        one.cache.invalidate_tag("owner:1").await.unwrap();
        // Nobody knows the tag before the load is done, which is after the window.
        one.hold();
        let running = other.spawn(|world| async move { owned(&world, 1).await });
        one.reached(1).await;
        advance(2 * LAG);
        one.let_go();
        running.await.unwrap();
        advance(2 * SECOND);
        let loads = one.loads();
        owned(one, 1).await;
        assert_eq!(
            one.loads(),
            loads + 1,
            "what began in the window was stored"
        );
        owned(other, 1).await;
        assert_eq!(one.loads(), loads + 1, "what came after it was not");
    }
}

#[tokio::test]
async fn what_is_put_while_the_source_lags_is_not_stored_either() {
    let alone = Fleet::alone(|settings| settings.settle_lag(LAG)).await;
    let fleet = Fleet::with(1, |settings| settings.settle_lag(LAG)).await;
    for world in [&alone, &fleet.worlds[0]] {
        let (key, policy) = (Key::<u64>::new("put", &()), Policy::ttl(MINUTE));
        world.cache.put(&key, &1, &policy).await.unwrap();
        world.cache.invalidate(&key).await.unwrap();
        world.cache.put(&key, &2, &policy).await.unwrap();
        assert_eq!(world.cache.get(&key).await, None);
        let place = world.cache.reserve(&key, &policy).await.unwrap();
        assert!(!place.fill(&3).await.unwrap());
        assert_eq!(world.cache.get(&key).await, None);
        world.clock.advance(2 * LAG);
        fleet.server.advance(2 * LAG);
        world.cache.put(&key, &4, &policy).await.unwrap();
        assert_eq!(world.cache.get(&key).await, Some(4));
    }
}

#[tokio::test]
async fn what_is_owed_lags_from_when_it_is_done() {
    let fleet = Fleet::with(2, |settings| settings.settle_lag(LAG)).await;
    let [one, two] = fleet.two();
    item(two, 1).await;
    fleet.ways[0].cut();
    assert!(one.cache.invalidate_tag("item:1").await.is_err());
    fleet.advance(2 * LAG);
    fleet.ways[0].mend();
    let rotated = || fleet.ways[0].count(Op::Rotate) > 0;
    until("what is owed is done", rotated).await;
    let loads = one.loads();
    for _ in 0..2 {
        item(two, 1).await;
    }
    assert_eq!(one.loads(), loads + 2);
}

#[tokio::test]
async fn a_write_in_a_bracket_lags_as_well() {
    let alone = Fleet::alone(|settings| settings.settle_lag(LAG)).await;
    let fleet = Fleet::with(2, |settings| settings.settle_lag(LAG)).await;
    for worlds in [vec![&alone], fleet.two().to_vec()] {
        for _ in 0..2 {
            let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
            let write = one.cache.write_bracket(["item:1"], async { one.write() });
            write.await.unwrap();
            let loads = one.loads();
            for _ in 0..2 {
                item(other, 1).await;
            }
            assert_eq!(one.loads(), loads + 2);
        }
        alone.clock.advance(2 * LAG);
        fleet.advance(2 * LAG);
        let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
        let loads = one.loads();
        for _ in 0..2 {
            item(other, 1).await;
        }
        assert_eq!(one.loads(), loads + 1, "a lag is no other write");
    }
}

#[tokio::test]
async fn nobody_joins_a_load_that_began_while_the_source_lagged() {
    let world = Fleet::alone(|settings| settings.settle_lag(LAG)).await;
    world.cache.invalidate_tag("owner:1").await.unwrap();
    world.hold();
    let call = || world.spawn(|world| async move { owned(&world, 1).await });
    let running = call();
    world.reached(1).await;
    world.clock.advance(2 * LAG);
    let late = call();
    settle().await;
    world.let_go();
    running.await.unwrap();
    late.await.unwrap();
    assert_eq!(world.loads(), 2);
}
