//! Processes that share a store.
#![cfg(feature = "messagepack")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use http::Response;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::pages::{is_rich, rich};
use super::{Client, LONG, MINUTE, body, data, layer, minute, page, until};
use crate::response::ResponseCache;
use crate::test_util::{Mishap, Op, fleet};

#[tokio::test]
async fn a_page_that_one_process_made_the_other_has_as_it_was() {
    let fleet = fleet(2);
    let [one, two] = [0, 1].map(|at| Client::of(&layer(&fleet.caches[at]), rich));
    is_rich(&one.get("/").await);
    fleet.advance(MINUTE / 2);
    for _ in 0..2 {
        let got = two.get("/").await;
        is_rich(&got);
        assert_eq!((got.header("x-cache"), got.header("age")), ("hit", "30"));
        assert!(!got.headers.contains_key("x-private"));
    }
    let head = two.send(super::request("HEAD", "/", &[])).await;
    assert_eq!((head.header("x-cache"), head.header("age")), ("hit", "30"));
    assert_eq!((one.runs(), two.runs()), (1, 0));
}

#[tokio::test]
async fn processes_that_ask_at_the_same_time_have_a_page_made_once() {
    let fleet = fleet(2);
    let (runs, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let [one, two] = [0, 1].map(|at| {
        let (runs, started, gate) = (runs.clone(), started.clone(), gate.clone());
        Client::new(&layer(&fleet.caches[at]), move |_, _| {
            let run = runs.fetch_add(1, SeqCst) + 1;
            let (started, gate) = (started.clone(), gate.clone());
            async move {
                started.add_permits(1);
                gate.acquire().await.unwrap().forget();
                Ok(page(run))
            }
        })
    });
    let first = tokio::spawn(async move { one.get("/").await });
    until(async || started.available_permits() > 0).await;
    let leases = fleet.stores[1].count(Op::Lock);
    let second = tokio::spawn(async move { two.get("/").await });
    until(async || fleet.stores[1].count(Op::Lock) > leases).await;
    gate.add_permits(2);
    for answer in [first, second] {
        let got = timeout(LONG, answer).await.expect("an answer").unwrap();
        assert_eq!(got.body, "page 1");
    }
    assert_eq!(runs.load(SeqCst), 1);
}

#[tokio::test]
async fn what_one_process_invalidates_the_other_makes_anew() {
    let fleet = fleet(2);
    let [one, two] = [0, 1].map(|at| {
        let layer = layer(&fleet.caches[at]).tags(|_| ["news"]);
        Client::of(&layer, page)
    });
    one.get("/").await;
    assert_eq!(two.get("/").await.said(), ("hit", "page 1"));
    fleet.caches[0].invalidate_tag("news").await.unwrap();
    assert_eq!(two.get("/").await.said(), ("miss", "page 1"));
    assert_eq!(one.get("/").await.said(), ("hit", "page 1"));
    assert_eq!((one.runs(), two.runs()), (1, 1));
}

#[tokio::test]
async fn a_page_that_was_invalidated_elsewhere_while_it_was_made_is_not_stored() {
    let fleet = fleet(2);
    let elsewhere = fleet.caches[1].clone();
    let layer = layer(&fleet.caches[0]).tags(|_| ["news"]);
    let client = Client::new(&layer, move |_, run| {
        let elsewhere = elsewhere.clone();
        async move {
            if run == 1 {
                elsewhere.invalidate_tag("news").await.unwrap();
            }
            Ok(page(run))
        }
    });
    assert_eq!(client.get("/").await.said(), ("miss", "page 1"));
    assert_eq!(client.get("/").await.said(), ("miss", "page 2"));
    assert_eq!(client.get("/").await.said(), ("hit", "page 2"));
}

#[tokio::test]
async fn without_the_store_pages_are_made() {
    let fleet = fleet(1);
    let client = Client::of(&layer(&fleet.caches[0]), page);
    fleet.stores[0].begin(Mishap::Unavailable, &Op::ALL);
    for run in 1..=3 {
        let got = client.get("/").await;
        assert_eq!(got.said(), ("miss", &*format!("page {run}")));
    }
    fleet.stores[0].clear();
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("hit", "page 4"));
}

#[tokio::test]
async fn a_page_that_is_gone_is_given_by_no_process_in_place_of_a_failure() {
    let fleet = fleet(2);
    let policy = || minute().stale_if_error(60 * MINUTE);
    let client = |at: usize, make| {
        let layer = ResponseCache::new(&fleet.caches[at], "pages", policy());
        Client::of(&layer, make)
    };
    let one = client(0, |run| with_status([200, 404][run - 1]));
    let two = client(1, |_| with_status(503));
    one.get("/").await;
    assert_eq!(two.get("/").await.said(), ("hit", "text"));
    fleet.advance(MINUTE);
    assert_eq!(one.get("/").await.status, 404);
    assert_eq!(two.get("/").await.status, 503);
}

fn with_status(status: u16) -> Response<super::Scripted> {
    let response = Response::builder().status(status);
    response.body(body([data("text")])).unwrap()
}

#[tokio::test]
async fn responses_that_are_not_stored_are_shared_by_no_processes() {
    let fleet = fleet(2);
    let runs = Arc::new(AtomicUsize::new(0));
    let clients = [0, 1].map(|at| {
        let runs = runs.clone();
        Client::new(&layer(&fleet.caches[at]), move |_, _| {
            let run = runs.fetch_add(1, SeqCst) + 1;
            async move {
                tokio::task::yield_now().await;
                let mut response = page(run);
                let cookie = http::HeaderValue::from_static("session=secret");
                response.headers_mut().insert("set-cookie", cookie);
                Ok(response)
            }
        })
    });
    let mut all = tokio::task::JoinSet::new();
    for client in clients.iter().cycle().take(20) {
        let client = client.clone();
        all.spawn(async move { client.get("/").await.body });
    }
    let mut bodies = timeout(LONG, all.join_all()).await.expect("answers");
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), runs.load(SeqCst)), (20, 20));
}
