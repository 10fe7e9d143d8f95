use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use cache_aside::{Cache, CacheExt as _, Outcome, test_util};

use super::Keeper;
use crate::bar::Bar;
use crate::prices::Prices;
use crate::supplier::Supplier;

const ARTICLES: u64 = 40;
const TTL: Duration = Duration::from_secs(100);

/// What a process has, of which all ask one supplier.
fn process(cache: &Cache, supplier: &Supplier) -> (Keeper, Prices) {
    let prices = Prices::new(cache, supplier, TTL);
    let at_once = NonZeroUsize::new(4).expect("some");
    (Keeper::new(cache, &prices, at_once), prices)
}

async fn warm(keeper: &Keeper) {
    let mut nowhere = Bar::new(io::sink(), false);
    keeper.warm(ARTICLES, &mut nowhere).await;
}

fn supplier(broken: &[u64]) -> Supplier {
    let broken: BTreeSet<u64> = broken.iter().copied().collect();
    Supplier::new(ARTICLES, Duration::from_millis(1), broken)
}

#[tokio::test]
async fn what_is_warm_is_neither_loaded_nor_waited_for() {
    let (cache, clock) = test_util::in_process();
    let supplier = supplier(&[]);
    let (keeper, prices) = process(&cache, &supplier);
    warm(&keeper).await;
    assert!(keeper.done().ready);
    assert_eq!(keeper.done().first.loaded, 40);
    assert_eq!(
        (supplier.asked().total, supplier.asked().most_at_once),
        (40, 4)
    );

    // Lives are shortened by up to a tenth: this is before half of the shortest.
    clock.advance(TTL.mul_f64(0.4));
    keeper.go_around(ARTICLES).await;
    for article in 1..=ARTICLES {
        let (price, report) = prices.price(article).with_cache_report().await;
        assert_eq!(price.expect("warm").expect("there").cents, 100 * article);
        assert_eq!(report.outcome, Outcome::Hit);
    }
    assert_eq!(supplier.asked().total, 40);
    assert_eq!((keeper.done().rounds, keeper.done().refreshed), (1, 0));
}

#[tokio::test]
async fn what_is_kept_warm_never_expires() {
    let (cache, clock) = test_util::in_process();
    let supplier = supplier(&[]);
    let (keeper, prices) = process(&cache, &supplier);
    warm(&keeper).await;
    for round in 1..=10 {
        clock.advance(TTL.mul_f64(0.6));
        keeper.go_around(ARTICLES).await;
        // It has waited for what it loads: all that was due is done, and no more at a time than may be.
        assert_eq!(supplier.asked().total, 40 * (round + 1));
        let (_, report) = prices.price(7).with_cache_report().await;
        assert_eq!(report.outcome, Outcome::Hit);
    }
    assert_eq!(supplier.asked().most_at_once, 4);
    assert_eq!(keeper.done().refreshed, 400);
}

#[tokio::test]
async fn of_several_processes_one_loads_a_key() {
    let fleet = test_util::fleet(2);
    let supplier = supplier(&[]);
    let [one, two] = &fleet.caches[..] else {
        unreachable!()
    };
    let (one, _) = process(one, &supplier);
    let (two, prices) = process(two, &supplier);
    tokio::join!(warm(&one), warm(&two));
    assert_eq!(supplier.asked().total, 40);
    for round in 1..=5 {
        fleet.advance(TTL.mul_f64(0.6));
        tokio::join!(one.go_around(ARTICLES), two.go_around(ARTICLES));
        assert_eq!(supplier.asked().total, 40 * (round + 1));
        let (_, report) = prices.price(7).with_cache_report().await;
        assert_eq!(report.outcome, Outcome::Hit);
    }
    assert_eq!(one.done().refreshed + two.done().refreshed, 200);
}

#[tokio::test]
async fn a_price_that_cannot_be_had_is_counted_and_tried_again() {
    let (cache, _clock) = test_util::in_process();
    let supplier = supplier(&[3, 7]);
    let (keeper, _) = process(&cache, &supplier);
    warm(&keeper).await;
    let first = keeper.done().first;
    assert_eq!((first.loaded, first.failed), (38, 2));
    let error = first.last_error.expect("two");
    assert!(error.starts_with("the supplier has no answer"), "{error}");
    keeper.go_around(ARTICLES).await;
    assert_eq!((keeper.done().refreshed, keeper.done().failed), (0, 2));
    assert_eq!(supplier.asked().total, 42);
}
