//! What is stored, and given again.

use bytes::Bytes;
use http::{HeaderValue, Response};

use super::{Client, MINUTE, Scripted, body, data, layer, minute, page, until};
use crate::policy::Policy;
use crate::response::ResponseCache;
use crate::response::page::open;
use crate::test_util::in_process;

#[tokio::test]
async fn a_page_is_made_once_and_given_for_its_ttl() {
    let (cache, clock) = in_process();
    let client = Client::of(&layer(&cache), page);
    let first = client.get("/news").await;
    assert_eq!(
        (first.said(), first.header("age")),
        (("miss", "page 1"), "")
    );
    clock.advance(MINUTE / 2);
    let second = client.get("/news").await;
    assert_eq!(
        (second.said(), second.header("age")),
        (("hit", "page 1"), "30")
    );
    clock.advance(MINUTE / 2);
    assert_eq!(client.get("/news").await.said(), ("miss", "page 2"));
    assert_eq!(client.runs(), 2);
}

#[tokio::test]
async fn an_invalidated_page_is_made_anew() {
    let (cache, _) = in_process();
    let layer = ResponseCache::new(&cache, "pages", minute().tags(["site"]));
    let layer = layer.tags(|request| [format!("page:{}", request.uri.path())]);
    let client = Client::of(&layer, page);
    client.get("/a").await;
    client.get("/b").await;
    cache.invalidate_tag("page:/a").await.unwrap();
    assert_eq!(client.get("/b").await.said(), ("hit", "page 2"));
    assert_eq!(client.get("/a").await.said(), ("miss", "page 3"));
    cache.invalidate_tag("site").await.unwrap();
    assert_eq!(client.get("/b").await.said(), ("miss", "page 4"));
    cache.invalidate_prefix("pages").await.unwrap();
    assert_eq!(client.get("/b").await.said(), ("miss", "page 5"));
}

/// With headers of several values, of bytes that are no text, and of the connection.
pub(super) fn rich(_: usize) -> Response<Scripted> {
    let response = Response::builder()
        .header("x-several", "one")
        .header("content-type", "text/html; charset=utf-8")
        .header("x-several", "two")
        .header("x-bytes", HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .header("x-empty", "")
        .header("connection", "close, X-Private")
        .header("keep-alive", "timeout=5")
        .header("transfer-encoding", "chunked")
        .header("x-private", "1")
        .header("x-several", "one");
    response
        .body(body([data("<h1>"), data("News</h1>")]))
        .unwrap()
}

pub(super) fn is_rich(got: &super::Got) {
    assert_eq!((got.status, &*got.body), (200, "<h1>News</h1>"));
    let several: Vec<_> = got.headers.get_all("x-several").iter().collect();
    assert_eq!(several, ["one", "two", "one"]);
    assert_eq!(got.headers["x-bytes"].as_bytes(), b"caf\xe9");
    assert_eq!(got.headers["x-empty"], "");
    assert_eq!(got.headers["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn headers_come_back_as_they_were_and_those_of_the_connection_do_not() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), rich);
    let (first, second) = (client.get("/").await, client.get("/").await);
    is_rich(&first);
    is_rich(&second);
    assert_eq!(
        (first.header("x-cache"), second.header("x-cache")),
        ("miss", "hit")
    );
    for name in ["connection", "keep-alive", "transfer-encoding", "x-private"] {
        assert!(first.headers.contains_key(name), "{name}");
        assert!(!second.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_response_shortens_its_life_and_says_how_old_it_came() {
    let (cache, clock) = in_process();
    let client = Client::of(&layer(&cache), |run| {
        let mut response = page(run);
        let headers = response.headers_mut();
        headers.insert(
            "cache-control",
            HeaderValue::from_static("public, max-age=\"30\""),
        );
        headers.insert("age", HeaderValue::from_static("10"));
        response
    });
    client.get("/").await;
    clock.advance(MINUTE / 4);
    let got = client.get("/").await;
    assert_eq!((got.said(), got.header("age")), (("hit", "page 1"), "25"));
    clock.advance(MINUTE / 12);
    assert_eq!(client.get("/").await.said(), ("miss", "page 2"));
}

#[tokio::test]
async fn what_is_for_shared_caches_counts_before_what_is_for_all_and_the_policy_is_the_most() {
    let (cache, clock) = in_process();
    let client = Client::of(&layer(&cache), |run| {
        let mut response = page(run);
        let control = HeaderValue::from_static("max-age=5, s-maxage=3600");
        response.headers_mut().insert("cache-control", control);
        response
    });
    client.get("/").await;
    clock.advance(super::Duration::from_secs(59));
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
    clock.advance(MINUTE / 60);
    assert_eq!(client.get("/").await.said(), ("miss", "page 2"));
}

#[tokio::test]
async fn a_predicate_stores_others_than_200() {
    let (cache, _) = in_process();
    let layer = layer(&cache).store_if(|response| response.status.as_u16() == 404);
    let client = Client::of(&layer, |run| {
        let mut response = page(run);
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        response
    });
    client.get("/").await;
    let got = client.get("/").await;
    assert_eq!((got.said(), got.status), (("hit", "page 1"), 404));
    let only_404 = Client::of(&layer, page);
    only_404.get("/other").await;
    assert_eq!(only_404.get("/other").await.said(), ("miss", "page 2"));
}

#[tokio::test]
async fn an_old_page_is_given_while_a_new_one_is_made_behind_it() {
    let (cache, clock) = in_process();
    let policy = minute().stale_while_revalidate(MINUTE);
    let client = Client::of(&ResponseCache::new(&cache, "pages", policy), page);
    client.get("/").await;
    clock.advance(MINUTE);
    let stale = client.get("/").await;
    assert_eq!(
        (stale.said(), stale.header("age")),
        (("stale", "page 1"), "60")
    );
    until(async || client.get("/").await.header("x-cache") == "hit").await;
    assert_eq!(client.get("/").await.said(), ("hit", "page 2"));
    assert_eq!(client.runs(), 2);
}

#[tokio::test]
async fn a_cache_that_is_turned_off_is_passed_by() {
    let cache = crate::Cache::builder().enabled(false);
    let cache = cache.build().await.unwrap();
    let layer = ResponseCache::new(&cache, "pages", Policy::ttl(MINUTE));
    let client = Client::of(&layer, page);
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("bypass", "page 2"));
}

#[test]
fn what_is_no_response_is_not_opened() {
    let header = |name: &'static str, value: &'static str| {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        (200, vec![(bytes(name), bytes(value))], Bytes::new(), None)
    };
    assert!(open(&header("x-good", "good")).is_some());
    assert!(open(&header("not good", "good")).is_none());
    assert!(open(&header("x-good", "not\ngood")).is_none());
    let mut page = header("x-good", "good");
    page.0 = 99;
    assert!(open(&page).is_none());
    page.0 = 200;
    let names = (0..40_000).map(|n| (Bytes::from(format!("x-{n}")), Bytes::new()));
    page.1 = names.collect();
    assert!(open(&page).is_none(), "more than a map can hold");
}
