//! When the service cannot answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::task::{Context, Poll};

use http::{Response, StatusCode};
use tower::{Layer as _, Service, ServiceExt as _};

use super::{
    Answer, Broken, Client, MINUTE, Scripted, Sent, body, data, get, layer, minute, page, until,
};
use crate::clock::Clock;
use crate::policy::Policy;
use crate::response::ResponseCache;
use crate::test_util::in_process;

/// No status, but what the service itself says.
const BROKEN: u16 = 0;
/// No status: 200, and a body that ends in an error.
const CUT: u16 = 1;

/// A service that answers with a status that the test sets.
fn client(policy: Policy) -> (Client, Arc<AtomicU16>, Clock) {
    let (cache, clock) = in_process();
    let status = Arc::new(AtomicU16::new(200));
    let set = Arc::clone(&status);
    let make = move |_: Sent, run: usize| {
        let answer = match status.load(SeqCst) {
            BROKEN => Err(Broken),
            CUT => Ok(Response::new(body([data("pa"), Err(Broken)]))),
            status => {
                let mut response = page(run);
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(response)
            }
        };
        std::future::ready(answer)
    };
    let layer = ResponseCache::new(&cache, "pages", policy);
    (Client::new(&layer, make), set, clock)
}

#[tokio::test]
async fn errors_of_the_service_are_its_callers() {
    let (client, status, _) = client(minute());
    status.store(BROKEN, SeqCst);
    for _ in 0..2 {
        assert_eq!(client.response(get("/", &[])).await.err(), Some(Broken));
        let post = super::request("POST", "/", &[]);
        assert_eq!(client.response(post).await.err(), Some(Broken));
        let bypassing = get("/", &[("cookie", "a")]);
        assert_eq!(client.response(bypassing).await.err(), Some(Broken));
    }
    assert_eq!(client.runs(), 6);
    status.store(200, SeqCst);
    assert_eq!(client.get("/").await.said(), ("miss", "page 7"));
}

#[tokio::test]
async fn an_old_page_is_given_in_place_of_a_failure_and_of_nothing_else() {
    for failure in [500, 502, 503, 504, CUT, BROKEN] {
        let (client, status, clock) = client(minute().stale_if_error(MINUTE));
        client.get("/").await;
        clock.advance(MINUTE);
        status.store(failure, SeqCst);
        let got = client.get("/").await;
        assert_eq!(
            (got.said(), got.status),
            (("stale", "page 1"), 200),
            "{failure}"
        );
    }
    for answer in [201, 301, 403, 404, 410, 501] {
        let (client, status, clock) = client(minute().stale_if_error(MINUTE));
        client.get("/").await;
        clock.advance(MINUTE);
        status.store(answer, SeqCst);
        let got = client.get("/").await;
        assert_eq!((got.said(), got.status), (("miss", "page 2"), answer));
        // It was the answer: what was there before is not one any more.
        status.store(503, SeqCst);
        assert_eq!(client.get("/").await.status, 503, "after {answer}");
    }
}

#[tokio::test]
async fn a_page_that_is_gone_is_not_given_for_as_long_as_stale_ones_are() {
    let (client, status, clock) = client(minute().stale_while_revalidate(60 * MINUTE));
    client.get("/").await;
    clock.advance(MINUTE);
    status.store(404, SeqCst);
    assert_eq!(client.get("/").await.said(), ("stale", "page 1"));
    until(async || client.runs() == 2).await;
    assert_eq!(client.get("/").await.status, 404);
}

/// May be called once after each time that it said that it is ready, as `tower` has it.
struct Reserved {
    is_ready: bool,
}

impl Clone for Reserved {
    fn clone(&self) -> Self {
        Self { is_ready: false }
    }
}

impl Service<Sent> for Reserved {
    type Response = Response<Scripted>;
    type Error = Broken;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Sent) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "it was not ready");
        std::future::ready(Ok(page(1)))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    let (cache, _) = in_process();
    let mut service = layer(&cache).layer(Reserved { is_ready: false });
    for request in [
        get("/", &[]),
        get("/", &[]),
        get("/", &[("cookie", "a")]),
        super::request("HEAD", "/other", &[]),
        super::request("POST", "/", &[]),
    ] {
        service.ready().await.unwrap().call(request).await.unwrap();
    }
}

#[test]
fn what_is_shown_of_a_layer_is_no_address_and_no_value() {
    let (cache, _) = in_process();
    let layer = layer(&cache).vary(["x-tenant"]).tags(|_| ["secret"]);
    let shown = format!("{:?}", layer.layer(()));
    assert!(
        shown.contains("\"pages\"") && shown.contains("x-tenant"),
        "{shown}"
    );
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_service_under_a_layer_is_what_servers_ask_for() {
    fn served<S>(_: S)
    where
        S: Service<Sent, Future: Send> + Clone + Send + Sync + 'static,
    {
    }
    let (cache, _) = in_process();
    served(layer(&cache).layer(Reserved { is_ready: false }));
}
