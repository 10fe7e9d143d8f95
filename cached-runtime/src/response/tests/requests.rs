//! Which requests are answered from the cache.

use std::future::ready;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::{Client, MINUTE, Scripted, body, data, get, layer, minute, page, request};
use crate::coherence::Coherence;
use crate::response::ResponseCache;
use crate::test_util::in_process;

#[tokio::test]
async fn other_methods_pass_untouched() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), page);
    client.get("/").await;
    for (at, method) in ["POST", "PUT", "DELETE", "OPTIONS", "QUERY"]
        .into_iter()
        .enumerate()
    {
        let got = client.send(request(method, "/", &[])).await;
        assert_eq!(got.body, format!("page {}", at + 2), "{method}");
        assert!(got.headers.is_empty(), "{method}: {:?}", got.headers);
    }
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
}

#[tokio::test]
async fn what_is_for_one_request_goes_past_the_cache() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), page);
    client.get("/").await;
    let for_one = [
        ("authorization", "Bearer secret"),
        ("cookie", "session=secret"),
        ("proxy-authorization", "Basic secret"),
        ("range", "bytes=0-1"),
        ("if-range", "\"a\""),
        ("if-match", "\"a\""),
        ("if-unmodified-since", "Sat, 21 Nov 2026 00:00:00 GMT"),
        ("upgrade", "websocket"),
        ("cache-control", "max-age=0, No-Store"),
    ];
    for (at, header) in for_one.into_iter().enumerate() {
        for method in ["GET", "HEAD"] {
            let before = client.runs();
            let got = client.send(request(method, "/", &[header])).await;
            assert_eq!(got.header("x-cache"), "bypass", "{header:?}");
            assert_eq!(client.runs(), before + 1, "{at} {header:?}");
            // Nor is it stored for others.
            client.send(request(method, "/own", &[header])).await;
        }
    }
    let mut with_body = get("/", &[]);
    *with_body.body_mut() = Full::new(Bytes::from_static(b"{}"));
    assert_eq!(client.send(with_body).await.header("x-cache"), "bypass");
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
    assert_eq!(client.get("/own").await.header("x-cache"), "miss");
}

#[tokio::test]
async fn a_client_cannot_have_pages_made_that_are_there() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), page);
    client.get("/").await;
    for header in [
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
    ] {
        assert_eq!(
            client.send(get("/", &[header])).await.said(),
            ("hit", "page 1")
        );
    }
}

#[tokio::test]
async fn credentials_that_are_in_the_key_have_their_own_pages() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache).vary(["cookie"]), page);
    let of = |cookie| get("/", &[("cookie", cookie)]);
    assert_eq!(client.send(of("a")).await.said(), ("miss", "page 1"));
    assert_eq!(client.send(of("b")).await.said(), ("miss", "page 2"));
    assert_eq!(client.get("/").await.said(), ("miss", "page 3"));
    assert_eq!(client.send(of("a")).await.said(), ("hit", "page 1"));
    let both = get("/", &[("cookie", "a"), ("authorization", "secret")]);
    assert_eq!(client.send(both).await.said(), ("bypass", "page 4"));
}

#[tokio::test]
async fn credentials_that_are_ignored_make_no_difference() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache).ignore_credentials(["cookie"]), page);
    assert_eq!(
        client.send(get("/", &[("cookie", "a")])).await.said(),
        ("miss", "page 1")
    );
    assert_eq!(
        client.send(get("/", &[("cookie", "b")])).await.said(),
        ("hit", "page 1")
    );
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
    let other = get("/", &[("cookie", "a"), ("authorization", "secret")]);
    assert_eq!(client.send(other).await.said(), ("bypass", "page 2"));
}

#[tokio::test]
async fn a_head_is_answered_from_a_page_that_is_stored_and_stores_none() {
    let (cache, clock) = in_process();
    let client = Client::of(&layer(&cache), page);
    let head = || client.send(request("HEAD", "/", &[]));
    assert_eq!(head().await.said(), ("bypass", "page 1"));
    assert_eq!(client.get("/").await.said(), ("miss", "page 2"));
    clock.advance(MINUTE / 2);
    let got = head().await;
    assert_eq!((got.said(), got.status), (("hit", ""), 200));
    assert_eq!(
        (got.header("content-length"), got.header("age")),
        ("6", "30")
    );
    clock.advance(MINUTE / 2);
    assert_eq!(head().await.said(), ("bypass", "page 3"));
}

fn tagged(_: usize) -> Response<Scripted> {
    let response = Response::builder()
        .header("etag", "W/\"a\"")
        .header("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
        .header("content-length", "4")
        .header("content-type", "text/plain")
        .header("x-other", "1");
    response.body(body([data("text")])).unwrap()
}

#[tokio::test]
async fn who_has_the_page_that_is_stored_is_told_so() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), tagged);
    let asks = |name, value| client.send(get("/", &[(name, value)]));
    assert_eq!(
        asks("if-none-match", "\"a\"").await.said(),
        ("bypass", "text")
    );
    client.get("/").await;
    let same = "Sat, 21 Nov 2026 00:00:00 GMT";
    for (name, value) in [
        ("if-none-match", "\"a\""),
        ("if-none-match", "\"b\", W/\"a\""),
        ("if-none-match", "*"),
        ("if-modified-since", same),
    ] {
        let got = asks(name, value).await;
        assert_eq!(
            (got.said(), got.status),
            (("hit", ""), 304),
            "{name}: {value}"
        );
        assert_eq!(
            (got.header("etag"), got.header("x-other")),
            ("W/\"a\"", "1")
        );
        assert_eq!(
            (got.header("content-length"), got.header("content-type")),
            ("", "")
        );
    }
    let later = "Sun, 22 Nov 2026 00:00:00 GMT";
    for headers in [
        &[("if-none-match", "\"b\"")][..],
        &[("if-none-match", "")],
        &[("if-modified-since", later)],
        &[("if-none-match", "\"b\""), ("if-modified-since", same)],
    ] {
        let got = client.send(get("/", headers)).await;
        assert_eq!(
            (got.said(), got.status),
            (("hit", "text"), 200),
            "{headers:?}"
        );
    }
    assert_eq!(client.runs(), 2);
}

#[tokio::test]
async fn only_a_whole_page_answers_a_condition() {
    let (cache, _) = in_process();
    let layer = layer(&cache).store_if(|_| true);
    let client = Client::of(&layer, |run| {
        let mut response = tagged(run);
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        response
    });
    client.get("/").await;
    let got = client.send(get("/", &[("if-none-match", "*")])).await;
    assert_eq!((got.said(), got.status), (("hit", "text"), 404));
}

#[tokio::test]
async fn what_is_looked_up_by_the_way_does_not_come_from_a_copy_that_the_policy_does_not_trust() {
    let (cache, _) = in_process();
    let policy = minute().coherence(Coherence::Strict);
    let client = Client::of(&ResponseCache::new(&cache, "pages", policy), page);
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
    let head = client.send(request("HEAD", "/", &[])).await;
    assert_eq!(head.said(), ("bypass", "page 2"));
}

#[tokio::test]
async fn the_service_is_given_the_request_as_it_came() {
    let (cache, _) = in_process();
    let layer = layer(&cache).vary(["x-own"]);
    let client = Client::new(&layer, |request: super::Sent, _| {
        let own = request.headers()["x-own"].to_str().unwrap().to_owned();
        let extension = request.extensions().get::<u8>().copied();
        let seen = format!("{} {} {own} {extension:?}", request.method(), request.uri());
        ready(Ok(Response::new(body([Ok(http_body::Frame::data(
            seen.into(),
        ))]))))
    });
    let mut request = get("http://one.example/a?b=c", &[("x-own", "1")]);
    request.extensions_mut().insert(7_u8);
    let got = client.send(request).await;
    assert_eq!(got.body, "GET http://one.example/a?b=c 1 Some(7)");
}
