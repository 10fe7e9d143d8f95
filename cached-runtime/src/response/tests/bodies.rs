//! Bodies that are not stored come through unbroken.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::{Broken, Client, Scripted, body, data, get, minute};
use crate::response::{ResponseBody, ResponseCache};
use crate::test_util::in_process;

/// Pages of at most ten bytes.
fn client(make: fn(usize) -> Response<Scripted>) -> Client {
    let (cache, _) = in_process();
    let layer = ResponseCache::new(&cache, "pages", minute().max_size(10));
    Client::of(&layer, make)
}

async fn body_of(client: &Client) -> ResponseBody<Scripted> {
    client.response(get("/", &[])).await.unwrap().into_body()
}

async fn next(body: &mut ResponseBody<Scripted>) -> Option<Result<Bytes, Broken>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn the_largest_page_is_stored_and_the_next_is_not() {
    let ten = client(|_| Response::new(body([data("12345"), data("67890")])));
    ten.get("/").await;
    assert_eq!(ten.get("/").await.said(), ("hit", "1234567890"));
    let eleven = client(|_| Response::new(body([data("12345"), data("67890"), data("1")])));
    for _ in 0..2 {
        assert_eq!(eleven.get("/").await.said(), ("miss", "12345678901"));
    }
    assert_eq!(eleven.runs(), 2);
}

#[tokio::test]
async fn a_page_that_says_that_it_is_too_large_is_not_read() {
    let client = client(|_| {
        let response = Response::builder().header("content-length", "11");
        response.body(body([Err(Broken)])).unwrap()
    });
    let response = client.response(get("/", &[])).await.unwrap();
    assert_eq!(response.headers()["content-length"], "11");
    let mut body = response.into_body();
    // It knows no more of its length than before: of one that failed while it was read all is known.
    assert_eq!(
        (body.size_hint().upper(), body.is_end_stream()),
        (None, false)
    );
    assert_eq!(next(&mut body).await, Some(Err(Broken)));
}

/// Has no end, and says so or not.
struct Endless(bool);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Broken>>> {
        std::task::Poll::Ready(Some(data("12345678")))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(if self.0 { u64::MAX } else { 0 });
        hint
    }
}

#[tokio::test]
async fn no_more_of_a_large_page_is_read_than_shows_that_it_is_large() {
    use crate::response::body::Collected;
    for says in [false, true] {
        let collected = ResponseBody::collect(Endless(says), 20).await;
        let Collected::Unstorable(why, mut body) = collected else {
            panic!("it was stored");
        };
        assert_eq!(why, "larger than `max_size`");
        let sizes = if says { [8, 8, 8] } else { [16, 8, 8] };
        for size in sizes {
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.data_ref().map(Bytes::len), Some(size));
        }
    }
}

#[tokio::test]
async fn a_body_that_fails_does_so_at_the_same_place_and_is_not_stored() {
    let client = client(|run| {
        let end = if run < 3 { Err(Broken) } else { data("ef") };
        Response::new(body([data("ab"), data("cd"), end]))
    });
    for _ in 0..2 {
        let mut body = body_of(&client).await;
        assert!(!body.is_end_stream());
        assert_eq!(next(&mut body).await, Some(Ok(Bytes::from_static(b"abcd"))));
        assert!(!body.is_end_stream());
        assert_eq!(next(&mut body).await, Some(Err(Broken)));
        assert!(body.is_end_stream());
        assert_eq!(next(&mut body).await, None);
    }
    assert_eq!(client.get("/").await.said(), ("miss", "abcdef"));
    assert_eq!(client.get("/").await.said(), ("hit", "abcdef"));
}

#[tokio::test]
async fn trailers_come_through_and_are_not_stored() {
    let client = client(|_| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("7"));
        Response::new(body([data("ab"), Ok(Frame::trailers(trailers))]))
    });
    for _ in 0..2 {
        let collected = body_of(&client).await.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
        assert_eq!(collected.to_bytes(), "ab");
    }
    assert_eq!(client.runs(), 2);
}

#[tokio::test]
async fn a_body_says_how_long_it_is() {
    let small = client(|_| Response::new(body([data("ab"), data("cd")])));
    for _ in 0..2 {
        let mut body = body_of(&small).await;
        assert_eq!(
            (body.size_hint().exact(), body.is_end_stream()),
            (Some(4), false)
        );
        next(&mut body).await;
        assert_eq!(
            (body.size_hint().exact(), body.is_end_stream()),
            (Some(0), true)
        );
    }
    let large = client(|_| Response::new(body([data("12345"), data("67890"), data("1")])));
    let mut body = body_of(&large).await;
    let bounds =
        |body: &ResponseBody<Scripted>| (body.size_hint().lower(), body.size_hint().upper());
    assert_eq!(bounds(&body), (11, None));
    next(&mut body).await;
    assert_eq!(bounds(&body), (1, None));
    let failing = client(|_| Response::new(super::body([data("12345"), Err(Broken)])));
    assert_eq!(bounds(&body_of(&failing).await), (5, Some(5)));
}
