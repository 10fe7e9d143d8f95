//! A service that counts how often it runs, with the cache above it.

#![expect(
    clippy::disallowed_methods,
    reason = "clients that run side by side are tasks"
)]

mod bodies;
mod failures;
mod fleets;
mod keys;
mod pages;
mod requests;
mod together;
mod unstored;

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{ResponseBody, ResponseCache};
use crate::cache::Cache;
use crate::policy::Policy;

const MINUTE: Duration = Duration::from_secs(60);

type Sent = Request<Full<Bytes>>;
type Answer = Result<Response<Scripted>, Broken>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Broken;

/// A body whose frames the test decides.
#[derive(Default)]
struct Scripted(VecDeque<Result<Frame<Bytes>, Broken>>);

impl Body for Scripted {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Poll::Ready(self.0.pop_front())
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a frame of a body, beside those that fail"
)]
fn data(bytes: &'static str) -> Result<Frame<Bytes>, Broken> {
    Ok(Frame::data(Bytes::from_static(bytes.as_bytes())))
}

fn body(frames: impl IntoIterator<Item = Result<Frame<Bytes>, Broken>>) -> Scripted {
    Scripted(frames.into_iter().collect())
}

/// What a handler gives that says how often it has run: the first time `page 1`.
fn page(run: usize) -> Response<Scripted> {
    let text = Bytes::from(format!("page {run}"));
    Response::new(body([Ok(Frame::data(text))]))
}

/// A client of a service with a cache above it.
#[derive(Clone)]
struct Client {
    service: BoxCloneSyncService<Sent, Response<ResponseBody<Scripted>>, Broken>,
    runs: Arc<AtomicUsize>,
}

/// A response that was read.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Got {
    /// Where it comes from, and what it is.
    fn said(&self) -> (&str, &str) {
        (self.header("x-cache"), &self.body)
    }

    /// Empty where there is none.
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    /// `make` is given the request, and how often it was called.
    fn new<F>(
        layer: &ResponseCache,
        make: impl Fn(Sent, usize) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let service = service_fn(move |request| make(request, counted.fetch_add(1, SeqCst) + 1));
        Self {
            service: BoxCloneSyncService::new(layer.layer(service)),
            runs,
        }
    }

    /// Of a handler that answers at once.
    fn of(layer: &ResponseCache, make: fn(usize) -> Response<Scripted>) -> Self {
        Self::new(layer, move |_, run| ready(Ok(make(run))))
    }

    fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    async fn response(&self, request: Sent) -> Result<Response<ResponseBody<Scripted>>, Broken> {
        self.service.clone().oneshot(request).await
    }

    async fn send(&self, request: Sent) -> Got {
        let (parts, body) = self.response(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, uri: &str) -> Got {
        self.send(get(uri, &[])).await
    }
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Sent {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

fn get(uri: &str, headers: &[(&str, &str)]) -> Sent {
    request("GET", uri, headers)
}

/// What comes later does not come.
const LONG: Duration = Duration::from_secs(20);

/// Lets others go on until this is so.
async fn until(mut it_is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !it_is_so().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, waiting)
        .await
        .expect("it does not come to that");
}

fn minute() -> Policy {
    Policy::ttl(MINUTE).jitter(0.0)
}

fn layer(cache: &Cache) -> ResponseCache {
    ResponseCache::new(cache, "pages", minute())
}
