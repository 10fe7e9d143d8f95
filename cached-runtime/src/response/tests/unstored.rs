//! Which responses are not stored.

use http::{Response, StatusCode};

use super::{Client, MINUTE, Scripted, body, data, layer, minute, page};
use crate::policy::Policy;
use crate::response::ResponseCache;
use crate::test_util::in_process;

/// Made each time, as they are.
async fn are_made_each_time(layer: &ResponseCache, make: fn(usize) -> Response<Scripted>) {
    let client = Client::of(layer, make);
    for run in 1..=3 {
        let got = client.get("/").await;
        assert_eq!(got.said(), ("miss", &*format!("page {run}")));
    }
    assert_eq!(client.runs(), 3);
}

macro_rules! not_stored {
    ($($name:ident: $($header:literal = $value:expr),+;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (cache, _) = in_process();
            are_made_each_time(&layer(&cache).vary(["accept-language"]), |run| {
                let mut response = page(run);
                $(
                    let value = http::HeaderValue::from_bytes($value).unwrap();
                    response.headers_mut().append($header, value);
                )+
                response
            })
            .await;
            assert_eq!(cache.stats().entries, 0);
        }
    )*};
}

not_stored! {
    a_cookie_is_set: "set-cookie" = b"session=secret";
    it_says_no_store: "cache-control" = b"public, No-Store";
    it_says_private: "cache-control" = b"max-age=60", "cache-control" = b"private";
    it_says_private_for_one_field: "cache-control" = b"private=\"x-user\"";
    it_says_no_cache: "cache-control" = b"no-cache";
    its_control_cannot_be_read: "cache-control" = b"max-age=60, \xff";
    its_max_age_is_over: "cache-control" = b"max-age=0";
    its_max_age_was_over_when_it_came: "cache-control" = b"max-age=60", "age" = b"60";
    its_max_age_is_no_number: "cache-control" = b"max-age=soon";
    its_smaller_max_age_is_over: "cache-control" = b"max-age=60, max-age=0";
    its_shared_max_age_is_over: "cache-control" = b"max-age=60, s-maxage=0";
    it_has_a_date_only: "expires" = b"0";
    it_depends_on_anything: "vary" = b"*";
    it_depends_on_what_is_not_in_the_key: "vary" = b"Accept-Language, Accept-Encoding";
    it_depends_on_a_second_thing: "vary" = b"accept-language", "vary" = b"origin";
    what_it_depends_on_cannot_be_read: "vary" = b"accept-language", "vary" = b"\xff";
    it_has_no_end: "content-type" = b"Text/Event-Stream; charset=utf-8";
    its_length_is_another: "content-length" = b"7";
    it_is_part_of_something: "content-range" = b"bytes 0-5/60";
}

#[tokio::test]
async fn what_depends_on_named_headers_is_stored() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache).vary(["accept-language", "origin"]), |run| {
        let mut response = page(run);
        let vary = http::HeaderValue::from_static("Origin,, accept-language");
        response.headers_mut().insert("vary", vary);
        response
    });
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
}

#[tokio::test]
async fn other_statuses_are_not_stored() {
    for status in [201, 203, 204, 301, 400, 401, 404, 410, 500, 503] {
        let (cache, _) = in_process();
        let client = Client::new(&layer(&cache), move |_, run| {
            let mut response = page(run);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok(response))
        });
        for run in 1..=2 {
            let got = client.get("/").await;
            assert_eq!(
                (got.said(), got.status),
                (("miss", &*format!("page {run}")), status)
            );
        }
    }
}

#[tokio::test]
async fn what_is_of_one_request_is_not_stored_whatever_the_predicate_says() {
    for status in [
        StatusCode::SWITCHING_PROTOCOLS,
        StatusCode::PARTIAL_CONTENT,
        StatusCode::NOT_MODIFIED,
    ] {
        let (cache, _) = in_process();
        let layer = layer(&cache).store_if(|_| true);
        let client = Client::new(&layer, move |_, run| {
            let mut response = page(run);
            *response.status_mut() = status;
            std::future::ready(Ok(response))
        });
        client.get("/").await;
        assert_eq!(client.get("/").await.said(), ("miss", "page 2"), "{status}");
    }
}

#[tokio::test]
async fn what_may_not_be_stale_is_not_stored_where_stale_pages_are_given() {
    let make = |run| {
        let mut response = page(run);
        let control = http::HeaderValue::from_static("max-age=60, must-revalidate");
        response.headers_mut().insert("cache-control", control);
        response
    };
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), make);
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("hit", "page 1"));
    let policy = minute().stale_if_error(MINUTE);
    are_made_each_time(&ResponseCache::new(&cache, "stale", policy), make).await;
}

#[tokio::test]
async fn a_policy_without_life_stores_nothing() {
    let (cache, _) = in_process();
    let layer = ResponseCache::new(&cache, "pages", Policy::ttl(std::time::Duration::ZERO));
    are_made_each_time(&layer, page).await;
}

#[tokio::test]
async fn an_empty_page_is_stored_too() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), |_| Response::new(body([])));
    client.get("/").await;
    assert_eq!(client.get("/").await.said(), ("hit", ""));
    let client = Client::of(&layer(&cache), |_| Response::new(body([data("")])));
    client.get("/other").await;
    assert_eq!(client.get("/other").await.said(), ("hit", ""));
}
