use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use super::{Faulty, Mishap, Op, Point, fleet, hold, in_process};
use crate::breaker::BreakerState;
use crate::cache::Cache;
use crate::key::Key;
use crate::policy::Policy;
use crate::remote::conformance::Conformance;
use crate::remote::{Cell, DoubleServer, Fault, Read, Remote, Status, Turn};

const SECOND: Duration = Duration::from_secs(1);

/// A way to a server on which nothing goes wrong yet.
fn way() -> (DoubleServer, Arc<Faulty>) {
    let server = DoubleServer::new(1);
    let store = Faulty::new(Arc::new(server.connect()));
    (server, Arc::new(store))
}

async fn read(store: &Faulty, cells: usize) -> Result<usize, Fault> {
    let cells = (0..cells).map(|n| Cell::Tag(n.to_string().into()));
    let what = Read {
        cells: cells.collect(),
        ..Read::default()
    };
    store.read(what).await.map(|reading| reading.cells.len())
}

async fn load(cache: &Cache, value: u32) -> u32 {
    load_as(cache, &Policy::ttl(60 * SECOND), value).await
}

async fn load_as(cache: &Cache, policy: &Policy, value: u32) -> u32 {
    let key = Key::new("kit", &());
    let load = move || ready(Ok::<_, Infallible>(value));
    cache.get_or_load(&key, policy, load).await.unwrap()
}

#[tokio::test]
async fn a_way_without_mishaps_does_what_every_store_must_do() {
    let server = DoubleServer::new(2);
    let (processes, time) = (server.clone(), server);
    let suite = Conformance::new(
        move || {
            let way = Faulty::new(Arc::new(processes.connect()));
            ready(Arc::new(way) as Arc<dyn Remote>)
        },
        move |passes| {
            time.advance(passes);
            ready(())
        },
    );
    let suite = suite.that_pushes();
    #[cfg(feature = "rate-limit")]
    let suite = suite.that_limits();
    suite.all().await;
}

#[tokio::test]
async fn what_is_unavailable_or_refused_is_not_sent() {
    let (server, store) = way();
    store.begin(Mishap::Unavailable, &[Op::Read]);
    let fault = read(&store, 1).await.unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault}");
    assert_eq!(store.status(), Status::Up, "of other operations");

    store.clear();
    store.begin(Mishap::Refused, &[Op::Read]);
    let fault = read(&store, 1).await.unwrap_err();
    assert!(matches!(fault, Fault::Refused(_)), "{fault}");
    assert_eq!((server.trips(), store.trips()), (0, 2));
}

#[tokio::test]
async fn a_store_of_which_nothing_is_available_says_so() {
    let (_, store) = way();
    store.next(100, Mishap::Unavailable, &Op::ALL);
    assert_eq!(store.status(), Status::Up, "it may answer the next one");
    store.begin(Mishap::Unavailable, &Op::ALL);
    assert!(!store.status().is_usable());
    assert_eq!(store.breaker(), BreakerState::Open);
    store.clear();
    assert_eq!(store.status(), Status::Up);
    assert_eq!(store.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn an_operation_whose_reply_is_lost_was_done() {
    let (server, store) = way();
    store.begin(Mishap::ReplyLost, &[Op::Rotate]);
    let turn = Turn::keeping(60 * SECOND);
    let rotated = store.rotate(Vec::new(), vec![Cell::Tag("t".into())], turn);
    assert!(matches!(rotated.await, Err(Fault::Lost(_))));
    assert_eq!(server.count(Op::Rotate), 1);
    server.go_down();
    let rotated = store.rotate(Vec::new(), vec![Cell::Tag("t".into())], turn);
    assert!(matches!(rotated.await, Err(Fault::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn what_is_delayed_is_sent_later_or_is_lost() {
    let (server, store) = way();
    store.next(1, Mishap::Delay(SECOND / 2), &[Op::Read]);
    let before = tokio::time::Instant::now();
    assert_eq!(read(&store, 1).await.unwrap(), 1);
    assert_eq!(before.elapsed(), SECOND / 2);
    store.begin(Mishap::Delay(60 * SECOND), &[Op::Read]);
    assert!(matches!(read(&store, 1).await, Err(Fault::Lost(_))));
    assert_eq!(before.elapsed(), SECOND * 3 / 2);
    assert_eq!(server.trips(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_sent_when_it_is_over_or_is_lost() {
    let (server, store) = way();
    store.begin(Mishap::Hang, &[Op::Read]);
    let before = tokio::time::Instant::now();
    let over = async {
        while store.count(Op::Read) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.trips(), 0);
        store.clear();
    };
    let (hung, ()) = tokio::join!(read(&store, 1), over);
    assert_eq!(hung.unwrap(), 1);
    assert_eq!(before.elapsed(), Duration::ZERO);

    store.begin(Mishap::Hang, &[Op::Read]);
    assert!(matches!(read(&store, 1).await, Err(Fault::Lost(_))));
    assert_eq!(before.elapsed(), SECOND);
    store.clear();
    assert_eq!(server.trips(), 1, "what is lost does not come back");
}

#[tokio::test]
async fn mishaps_come_one_after_another_and_everything_is_counted() {
    let (server, store) = way();
    store.next(1, Mishap::Refused, &[Op::Read, Op::Rotate]);
    store.next(1, Mishap::Unavailable, &[Op::Read]);
    assert!(matches!(read(&store, 1).await, Err(Fault::Refused(_))));
    assert!(matches!(read(&store, 2).await, Err(Fault::Unavailable(_))));
    assert_eq!(read(&store, 3).await.unwrap(), 3);
    let turn = Turn::keeping(SECOND);
    store.rotate(Vec::new(), Vec::new(), turn).await.unwrap();
    assert_eq!((store.count(Op::Read), store.trips()), (3, 4));
    assert_eq!((store.entries_read(), store.cells_read()), (0, 6));
    assert_eq!(server.trips(), 2);
}

#[tokio::test]
async fn time_passes_for_a_whole_fleet() {
    let fleet = fleet(2);
    let [one, two] = &fleet.caches[..] else {
        unreachable!()
    };
    let before = fleet.server.now();
    let policy = Policy::ttl(60 * SECOND).jitter(0.0).remote(false);
    let get = |cache, value| load_as(cache, &policy, value);
    assert_eq!((get(one, 1).await, get(two, 2).await), (1, 2));
    fleet.advance(59 * SECOND);
    assert_eq!((get(one, 3).await, get(two, 4).await), (1, 2));
    fleet.advance(SECOND);
    assert_eq!((get(one, 5).await, get(two, 6).await), (5, 6));
    one.invalidate_prefix("kit").await.unwrap();
    assert_eq!((get(one, 7).await, get(two, 8).await), (7, 8));
    assert_eq!(fleet.server.now().0 - before.0, 60_000);
}

#[tokio::test]
async fn only_calls_of_that_cache_prefix_and_point_stop() {
    let ((cache, _), (other, _)) = (in_process(), in_process());
    let _others = [
        hold(&cache, Point::Loaded, "ki"),
        hold(&cache, Point::Loaded, "kit."),
        hold(&cache, Point::Waiting, "kit"),
        hold(&other, Point::Loaded, "kit"),
    ];
    assert_eq!(load(&cache, 1).await, 1);
}

#[tokio::test]
async fn a_call_stops_at_every_hold_there_is() {
    let (cache, _) = in_process();
    let first = hold(&cache, Point::Loading, "kit");
    let second = hold(&cache, Point::Loading, "kit");
    let third = hold(&cache, Point::Loaded, "kit");
    let test = async {
        first.reached().await;
        first.release();
        second.reached().await;
        assert_eq!(cache.stats().total.loads, 0, "the body has not run");
        drop(second);
        third.reached().await;
        assert_eq!(cache.stats().total.loads, 1);
        assert_eq!(cache.stats().total.stored, 0);
        third.release();
    };
    let (loaded, ()) = tokio::join!(load(&cache, 1), test);
    assert_eq!((loaded, cache.stats().total.stored), (1, 1));
}
