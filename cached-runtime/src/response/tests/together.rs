//! Many who ask at the same time.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Client, Got, LONG, layer, minute, page, until};
use crate::cache::Cache;
use crate::response::ResponseCache;
use crate::test_util::{Point, hold, in_process};

async fn at_once(client: &Client, count: usize) -> Vec<Got> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        all.spawn(async move { client.get("/").await });
    }
    timeout(LONG, all.join_all())
        .await
        .expect("they wait for each other")
}

#[tokio::test]
async fn a_hundred_who_ask_for_a_page_have_it_made_once() {
    let (cache, _) = in_process();
    let (gate, waiting) = (
        Arc::new(Semaphore::new(0)),
        hold(&cache, Point::Waiting, "pages"),
    );
    let opened = Arc::clone(&gate);
    let client = Client::new(&layer(&cache), move |_, run| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(page(run))
        }
    });
    let all = tokio::spawn({
        let client = client.clone();
        async move { at_once(&client, 100).await }
    });
    for _ in 0..99 {
        timeout(LONG, waiting.reached())
            .await
            .expect("they wait for the first");
    }
    waiting.release();
    opened.add_permits(100);
    for got in all.await.unwrap() {
        assert_eq!(got.said(), ("miss", "page 1"));
    }
    assert_eq!(client.runs(), 1);
}

/// Nineteen wait for the first, who is given something that is for nobody else. Then all of them run at the
/// same time: else they would not meet.
async fn each_has_his_own(cache: &Cache, prefix: &str, status: StatusCode) {
    let (gate, meet) = (Arc::new(Semaphore::new(0)), Arc::new(Barrier::new(19)));
    let opened = Arc::clone(&gate);
    let layer = ResponseCache::new(cache, prefix, minute());
    let client = Client::new(&layer, move |_, run| {
        let (gate, meet) = (Arc::clone(&gate), Arc::clone(&meet));
        async move {
            if run == 1 {
                gate.acquire().await.unwrap().forget();
            } else {
                meet.wait().await;
            }
            let mut response = page(run);
            *response.status_mut() = status;
            let cookie = HeaderValue::from_static("session=secret");
            response.headers_mut().insert("set-cookie", cookie);
            Ok(response)
        }
    });
    let waiting = hold(cache, Point::Waiting, prefix);
    let all = tokio::spawn({
        let client = client.clone();
        async move { at_once(&client, 20).await }
    });
    for _ in 0..19 {
        let reached = timeout(LONG, waiting.reached()).await;
        reached.expect("they wait for the first");
    }
    waiting.release();
    opened.add_permits(1);
    let answers = all.await.unwrap();
    let mut bodies: Vec<_> = answers.into_iter().map(|got| got.body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), client.runs()), (20, 20));
}

#[tokio::test]
async fn responses_that_are_not_stored_are_not_shared_and_not_made_one_by_one() {
    let (cache, _) = in_process();
    each_has_his_own(&cache, "pages", StatusCode::OK).await;
    each_has_his_own(&cache, "failures", StatusCode::SERVICE_UNAVAILABLE).await;
}

#[cfg(feature = "messagepack")]
#[tokio::test]
async fn nor_are_they_with_a_store() {
    let fleet = crate::test_util::fleet(1);
    each_has_his_own(&fleet.caches[0], "pages", StatusCode::OK).await;
    each_has_his_own(
        &fleet.caches[0],
        "failures",
        StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
}

#[tokio::test]
async fn a_page_that_was_invalidated_while_it_was_made_is_given_to_nobody_who_came_later() {
    let (cache, _) = in_process();
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let layer = layer(&cache).tags(|_| ["news"]);
    let (starts, opens) = (Arc::clone(&started), Arc::clone(&gate));
    let client = Client::new(&layer, move |_, run| {
        let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
        async move {
            started.add_permits(1);
            if run == 1 {
                gate.acquire().await.unwrap().forget();
            }
            Ok(page(run))
        }
    });
    let early = tokio::spawn({
        let client = client.clone();
        async move { client.get("/").await }
    });
    until(async || starts.available_permits() > 0).await;
    cache.invalidate_tag("news").await.unwrap();
    let late = timeout(LONG, client.get("/"))
        .await
        .expect("it waits for nobody");
    assert_eq!(late.said(), ("miss", "page 2"));
    opens.add_permits(1);
    assert_eq!(early.await.unwrap().said(), ("miss", "page 1"));
    assert_eq!(client.get("/").await.said(), ("hit", "page 2"));
}

#[tokio::test]
async fn who_goes_away_holds_nobody_up() {
    let (cache, _) = in_process();
    let client = Client::new(&layer(&cache), |_, run| async move {
        if run == 1 {
            std::future::pending::<()>().await;
        }
        Ok(page(run))
    });
    let waiting = hold(&cache, Point::Waiting, "pages");
    let spawn = || {
        let client = client.clone();
        tokio::spawn(async move { client.get("/").await })
    };
    let gone = spawn();
    until(async || client.runs() == 1).await;
    let stays = spawn();
    let reached = timeout(LONG, waiting.reached()).await;
    reached.expect("it waits for the first");
    waiting.release();
    gone.abort();
    let got = timeout(LONG, stays).await.expect("it takes over").unwrap();
    assert_eq!(got.said(), ("miss", "page 2"));
}
