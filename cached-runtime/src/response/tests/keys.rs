//! Two requests that could be answered differently are given no response in common.

use super::{Client, Sent, get, layer, page};
use crate::response::ResponseCache;
use crate::test_util::in_process;

/// Each of these requests has a response of its own, which it is given the second time.
async fn all_differ(layer: &ResponseCache, requests: &[Sent]) {
    let client = Client::of(layer, page);
    for from in ["miss", "hit"] {
        for (at, request) in requests.iter().enumerate() {
            let got = client.send(request.clone()).await;
            let own = format!("page {}", at + 1);
            assert_eq!(got.said(), (from, &*own), "{request:?}");
        }
    }
}

/// All of these are given the response of the first.
async fn all_are_one(layer: &ResponseCache, requests: &[Sent]) {
    let client = Client::of(layer, page);
    for request in requests {
        let got = client.send(request.clone()).await;
        assert_eq!(got.body, "page 1", "{request:?}");
    }
    assert_eq!(client.runs(), 1);
}

#[tokio::test]
async fn pages_of_other_hosts_paths_and_queries_are_others() {
    let (cache, _) = in_process();
    let requests = [
        get("/", &[]),
        get("/?", &[]),
        get("/?a=1", &[]),
        get("/?a=1&b=2", &[]),
        get("/?b=2&a=1", &[]),
        get("/a", &[]),
        get("/A", &[]),
        get("/a/", &[]),
        get("/%61", &[]),
        get("/", &[("host", "one.example")]),
        get("/", &[("host", "two.example")]),
        get("http://one.example/", &[]),
        get("https://one.example/", &[]),
        get("http://one.example:8080/", &[]),
        get("http://one.example/", &[("host", "two.example")]),
    ];
    all_differ(&layer(&cache), &requests).await;
}

#[tokio::test]
async fn named_headers_are_in_the_key_with_all_of_their_values() {
    let (cache, _) = in_process();
    let layer = layer(&cache).vary(["Accept-Language", "x-tenant"]);
    let requests = [
        get("/", &[]),
        get("/", &[("accept-language", "")]),
        get("/", &[("accept-language", "en")]),
        get("/", &[("accept-language", "de")]),
        get("/", &[("x-tenant", "en")]),
        get("/", &[("accept-language", "en"), ("x-tenant", "en")]),
        get("/", &[("accept-language", "en"), ("accept-language", "de")]),
        get("/", &[("accept-language", "de"), ("accept-language", "en")]),
        get("/", &[("accept-language", "en, de")]),
    ];
    all_differ(&layer, &requests).await;
    let others = [
        get("/one", &[("accept", "text/html")]),
        get("/one", &[("accept", "*/*"), ("user-agent", "one")]),
    ];
    all_are_one(&layer, &others).await;
}

#[tokio::test]
async fn what_is_added_to_the_key_tells_pages_apart() {
    let (cache, _) = in_process();
    let user = |request: &http::request::Parts| request.extensions.get::<u64>().copied();
    let layer = layer(&cache).key(user).key(|request| {
        let plan = request
            .headers
            .get("x-plan")
            .map(|plan| plan.as_bytes().to_vec());
        (plan, 1)
    });
    let of = |user| {
        let mut request = get("/", &[]);
        request.extensions_mut().insert::<u64>(user);
        request
    };
    let requests = [
        get("/", &[]),
        of(1),
        of(2),
        get("/", &[("x-plan", "a")]),
        get("/other", &[]),
    ];
    all_differ(&layer, &requests).await;
}

#[tokio::test]
async fn a_target_stands_for_scheme_host_path_and_query() {
    let (cache, _) = in_process();
    let path = layer(&cache).target(|request| request.uri.path().to_owned());
    let requests = [
        get("/a?utm_source=x", &[]),
        get("/a", &[("host", "one.example")]),
        get("https://two.example/a?b", &[]),
    ];
    all_are_one(&path, &requests).await;
    let varied = path.vary(["accept-language"]);
    let requests = [
        get("/b", &[]),
        get("/c", &[]),
        get("/c", &[("accept-language", "en")]),
    ];
    all_differ(&varied, &requests).await;
}

#[tokio::test]
async fn what_cannot_be_a_key_is_passed_by() {
    struct Unserializable;
    impl serde::Serialize for Unserializable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it cannot be"))
        }
    }
    let (cache, _) = in_process();
    for layer in [
        layer(&cache).key(|_| Unserializable),
        layer(&cache).target(|_| Unserializable),
        layer(&cache).vary(["accept language"]),
        layer(&cache)
            .vary(["x-good", "\n"])
            .ignore_credentials(["cookie"]),
        layer(&cache).ignore_credentials([""]),
    ] {
        let client = Client::of(&layer, page);
        client.get("/").await;
        assert_eq!(
            client.get("/").await.said(),
            ("bypass", "page 2"),
            "{layer:?}"
        );
    }
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test]
async fn layers_with_one_name_share_and_others_do_not() {
    let (cache, _) = in_process();
    let client = Client::of(&layer(&cache), page);
    client.get("/").await;
    assert_eq!(
        Client::of(&layer(&cache), page).get("/").await.said(),
        ("hit", "page 1")
    );
    let other = ResponseCache::new(&cache, "other", super::minute());
    assert_eq!(
        Client::of(&other, page).get("/").await.said(),
        ("miss", "page 1")
    );
}
