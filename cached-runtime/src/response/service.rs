//! One request on its way through the cache.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::condition::Condition;
use super::layer::ResponseCache;
use super::made::Made;
use super::page::{Stored, open};
use super::request::Way;
use super::rules::age;
use crate::key::Key;
use crate::mode::{CacheExt as _, Outcome};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The service that a [`ResponseCache`] makes of another one.
#[derive(Clone)]
pub struct ResponseCacheService<S> {
    inner: S,
    layer: ResponseCache,
}

impl<S> ResponseCacheService<S> {
    pub(super) fn new(inner: S, layer: ResponseCache) -> Self {
        Self { inner, layer }
    }
}

impl<S, Q, B> Service<Request<Q>> for ResponseCacheService<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    Q: Body + Send + 'static,
    B: Body + Send + 'static,
    B::Error: Send + 'static,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        // The one that was found ready is the one that is called.
        let next = self.inner.clone();
        let inner = mem::replace(&mut self.inner, next);
        Box::pin(self.layer.clone().answer(inner, request))
    }
}

impl<S> fmt::Debug for ResponseCacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCacheService")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

/// What passes between a request and its load, which may outlive the request, or never run.
struct Exchange<S, Q, B: Body> {
    /// Until the load takes it.
    request: Mutex<Option<(S, Request<Q>)>>,
    /// What the load made of it, for whoever asked.
    response: Mutex<Option<Response<ResponseBody<B>>>>,
}

/// A load without a response to be given to others: it is its caller's, unless the policy has an older
/// one to give in its place.
enum Failed<E, B: Body> {
    Service(E),
    Response(Box<Response<ResponseBody<B>>>),
}

fn locked<T, R>(what: &Mutex<T>, with: impl FnOnce(&mut T) -> R) -> R {
    with(&mut what.lock().unwrap_or_else(PoisonError::into_inner))
}

impl ResponseCache {
    async fn answer<S, Q, B>(
        self,
        mut service: S,
        request: Request<Q>,
    ) -> Result<Response<ResponseBody<B>>, S::Error>
    where
        S: Service<Request<Q>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        Q: Body + Send + 'static,
        B: Body + Send + 'static,
        B::Error: Send + 'static,
    {
        let (parts, body) = request.into_parts();
        let way = self.settings.way(&parts, !body.is_end_stream());
        let tags = match &way {
            Way::Cached(_) => self.settings.tags_of(&parts),
            _ => Vec::new(),
        };
        let request = Request::from_parts(parts, body);
        let key = match way {
            Way::Untouched => {
                let response = service.call(request).await?;
                return Ok(response.map(ResponseBody::passed));
            }
            Way::Bypass => return pass(service, request, "bypass").await,
            Way::IfStored(key, condition) => {
                return match self.stored(&key, &condition).await {
                    Some(response) => Ok(response.map(ResponseBody::whole)),
                    None => pass(service, request, "bypass").await,
                };
            }
            Way::Cached(key) => key,
        };
        let exchange = Arc::new(Exchange {
            request: Mutex::new(Some((service, request))),
            response: Mutex::new(None),
        });
        let policy = self.settings.policy.clone().tags(tags);
        let load = self.clone().load(Arc::clone(&exchange), key.clone());
        let call = self.cache.get_or_load_owned(&key, &policy, || load);
        let (loaded, report) = call.with_cache_report().await;
        if let Some(mine) = locked(&exchange.response, Option::take) {
            let bypassed = matches!(report.outcome, Outcome::Bypassed | Outcome::Uncached);
            return Ok(marked(mine, if bypassed { "bypass" } else { "miss" }));
        }
        let stored = match loaded {
            Ok(stored) => stored.as_deref().and_then(open),
            Err(Failed::Response(response)) => return Ok(marked(*response, "miss")),
            Err(Failed::Service(error)) => return Err(error),
        };
        if let Some(response) = stored {
            let from = match report.outcome {
                Outcome::Hit => "hit",
                Outcome::Stale => "stale",
                _ => "miss",
            };
            return Ok(marked(aged(response, report.age), from).map(ResponseBody::whole));
        }
        // Another request was given a response that is for nobody else.
        if let Some((service, request)) = locked(&exchange.request, Option::take) {
            return pass(service, request, "miss").await;
        }
        // Its load goes on, behind an older response that cannot be read.
        let mut response = Response::new(ResponseBody::whole(Bytes::new()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok(marked(response, "miss"))
    }

    /// Has a response made, and says what may be stored of it.
    async fn load<S, Q, B>(
        self,
        exchange: Arc<Exchange<S, Q, B>>,
        key: Key<Stored>,
    ) -> Result<Stored, Failed<S::Error, B>>
    where
        S: Service<Request<Q>, Response = Response<B>>,
        B: Body,
    {
        let taken = locked(&exchange.request, Option::take);
        let Some((mut service, request)) = taken else {
            return Ok(None);
        };
        let response = service.call(request);
        let response = response.await.map_err(Failed::Service)?;
        let (response, page) = match self.settings.read(response).await {
            Made::Failed(response) => return Err(Failed::Response(Box::new(response))),
            Made::Stored(response, page) => (response, Ok(page)),
            Made::Passed(response, why) => (response, Err(why)),
        };
        locked(&exchange.response, |slot| *slot = Some(response));
        let why = match page {
            Ok(page) => return Ok(Some(page)),
            Err(why) => why,
        };
        tracing::debug!(
            prefix = &*self.settings.name,
            why,
            "a response is not stored"
        );
        // What is there past its ttl was answered in another way now: nobody is given it any more.
        if self.settings.gives_stale() && self.cache.inspect(&key).await.is_some() {
            // What the store cannot be told now is told later, and done here at once.
            let _ = self.cache.invalidate(&key).await;
        }
        Ok(None)
    }

    /// The answer to a request that can be given from a fresh response only.
    async fn stored(&self, key: &Key<Stored>, condition: &Condition) -> Option<Response<Bytes>> {
        let stored = self.cache.get(key).await.flatten()?;
        let here = key.raw().and_then(|raw| self.cache.store().peek(raw));
        let age = match here {
            Some(entry) => Some(self.cache.clock().now().since(entry.life().born)),
            None => self.cache.inspect(key).await.map(|entry| entry.age),
        };
        let response = condition.answer(aged(open(&stored)?, age));
        Some(marked(response, "hit"))
    }
}

async fn pass<S, Q, B: Body>(
    mut service: S,
    request: Request<Q>,
    from: &'static str,
) -> Result<Response<ResponseBody<B>>, S::Error>
where
    S: Service<Request<Q>, Response = Response<B>>,
{
    let response = service.call(request).await?;
    Ok(marked(response.map(ResponseBody::passed), from))
}

/// Says where a response comes from.
fn marked<B>(mut response: Response<B>, from: &'static str) -> Response<B> {
    let from = HeaderValue::from_static(from);
    // The map may be full: then it is not said.
    let _ = response.headers_mut().try_insert(X_CACHE, from);
    response
}

/// Says how long ago a response was made.
fn aged(mut response: Response<Bytes>, kept: Option<Duration>) -> Response<Bytes> {
    if let Some(kept) = kept {
        let age = age(response.headers()).saturating_add(kept.as_secs());
        let _ = response
            .headers_mut()
            .try_insert(AGE, HeaderValue::from(age));
    }
    response
}
