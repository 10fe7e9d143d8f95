//! What users build.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use http::{StatusCode, request, response};
use tower_layer::Layer;

use super::page::Stored;
use super::service::ResponseCacheService;
use crate::cache::Cache;
use crate::key::{Key, KeyPart};
use crate::policy::Policy;
use crate::tags::Tag;

/// What all but the body takes of a stored response at most, more or less.
const HEAD: usize = 64 << 10;

/// A layer that keeps whole responses to `GET` in a [`Cache`]: in the process, and in the store that processes
/// share. They are loaded once for all who ask at the same time, and reached by invalidation of their tags.
///
/// Two requests are given one response only if nothing differs on which it may depend: host, path and
/// query, exactly, and what [`vary`](Self::vary) and [`key`](Self::key) name. Requests that say who asks
/// (`Authorization`, `Cookie`) go past the cache unless it is said what to make of that. A response is stored if its
/// status is 200, and it sets no cookie, forbids no storing, depends on no header that is not in the key, and
/// is not larger than the [`max_size`](Policy::max_size) of the policy; others are given on as they are made,
/// each to its own caller. The guide has [all of the rules](https://docs.rs/cache-aside/latest/cache_aside/guide/responses/).
///
/// Responses to `GET` and `HEAD` say in `x-cache` where they come from: `hit`, `stale`, `miss` or `bypass`.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Policy, ResponseCache};
/// use http::{Request, Response};
/// use std::{convert::Infallible, time::Duration};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let layer = ResponseCache::new(&cache, "pages", Policy::ttl(Duration::from_secs(60)))
///     .vary(["accept-language"])
///     .tags(|request: &http::request::Parts| [format!("page:{}", request.uri.path())]);
///
/// let handler = service_fn(|_: Request<String>| async {
///     Ok::<_, Infallible>(Response::new("<h1>News</h1>".to_owned()))
/// });
/// let pages = layer.layer(handler);
/// let get = || pages.clone().oneshot(Request::get("/news").body(String::new()).unwrap());
///
/// assert_eq!(get().await?.headers()["x-cache"], "miss");
/// assert_eq!(get().await?.headers()["x-cache"], "hit");
/// cache.invalidate_tag("page:/news").await?;
/// assert_eq!(get().await?.headers()["x-cache"], "miss");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is put below it"]
pub struct ResponseCache {
    pub(super) cache: Cache,
    pub(super) settings: Arc<Settings>,
}

type OfRequest<R> = Arc<dyn Fn(&request::Parts) -> R + Send + Sync>;
/// Which responses are stored.
type Stores = Arc<dyn Fn(&response::Parts) -> bool + Send + Sync>;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) policy: Policy<Stored>,
    /// Bodies that are larger are not stored.
    pub(super) largest: usize,
    /// Headers of the request that are in the key.
    pub(super) vary: Vec<HeaderName>,
    /// Credentials that are not looked at.
    pub(super) ignored: Vec<HeaderName>,
    /// What stands in the key for host, path and query; empty where it cannot be written down.
    pub(super) target: Option<OfRequest<String>>,
    /// What else is in the key; the same.
    pub(super) extras: Vec<OfRequest<String>>,
    tags: Vec<OfRequest<Vec<Tag>>>,
    stores: Option<Stores>,
    /// A header was named that cannot be one: what was to be in the key is not known, so nothing is stored.
    pub(super) is_broken: bool,
}

impl ResponseCache {
    /// Keeps responses in `cache`, under the prefix `name`, as `policy` says. The policy's tags are those
    /// of all of them.
    ///
    /// Each place where responses are made has a name of its own: two layers with one name share what they
    /// store. That includes routers that are nested in others, which may see a part of the path only.
    pub fn new(cache: &Cache, name: impl Into<String>, policy: Policy) -> Self {
        // What is said of the body: there are status and headers besides.
        let largest = policy.options.max_size;
        let mut policy = policy
            .max_size(largest.saturating_add(HEAD))
            .typed::<Stored>();
        let ttl = policy.options.ttl;
        policy.by_value.ttl_with = Some(Arc::new(move |stored: &Stored| {
            let told = stored.as_ref().and_then(|page| page.3);
            ttl.min(told.map_or(Duration::MAX, Duration::from_secs))
        }));
        Self {
            cache: cache.clone(),
            settings: Arc::new(Settings {
                name: name.into(),
                policy: policy.with_cache_if(Option::is_some),
                largest,
                vary: Vec::new(),
                ignored: Vec::new(),
                target: None,
                extras: Vec::new(),
                tags: Vec::new(),
                stores: None,
                is_broken: false,
            }),
        }
    }

    /// Puts headers of the request into the key, with all of their values. Requests with `authorization`
    /// or `cookie` are cached if these are named here: then each value has its own responses.
    ///
    /// A name that no header can have is logged as an error, and nothing is cached.
    pub fn vary<I>(mut self, headers: I) -> Self
    where
        I: IntoIterator<Item: TryInto<HeaderName>>,
    {
        let settings = Arc::make_mut(&mut self.settings);
        settings.add(headers, |settings| &mut settings.vary);
        self
    }

    /// Caches requests with these credentials as if they had none, `cookie` for example where a page
    /// is the same for all. What is stored is given to everybody: the service must not look at them.
    ///
    /// `authorization`, `cookie` and `proxy-authorization` can be named; other headers are not looked at anyway.
    pub fn ignore_credentials<I>(mut self, headers: I) -> Self
    where
        I: IntoIterator<Item: TryInto<HeaderName>>,
    {
        let settings = Arc::make_mut(&mut self.settings);
        settings.add(headers, |settings| &mut settings.ignored);
        self
    }

    /// Adds something to the key: what a layer further out has found about the request, such as its
    /// tenant, or what the service below reads that is neither in the URI nor in a header.
    pub fn key<K: KeyPart>(
        mut self,
        key: impl Fn(&request::Parts) -> K + Send + Sync + 'static,
    ) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings
            .extras
            .push(Arc::new(move |request| digest(&key(request))));
        self
    }

    /// Puts this into the key in the place of scheme, host, path and query: to have all hosts share
    /// responses, or to leave parameters out that the service does not read.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # use cache_aside::{Cache, Policy, ResponseCache};
    /// # let cache = Cache::in_process();
    /// # let policy = Policy::ttl(std::time::Duration::from_secs(60));
    /// let layer = ResponseCache::new(&cache, "pages", policy)
    ///     .target(|request| request.uri.path().to_owned());
    /// # drop(layer);
    /// ```
    pub fn target<K: KeyPart>(
        mut self,
        target: impl Fn(&request::Parts) -> K + Send + Sync + 'static,
    ) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.target = Some(Arc::new(move |request| digest(&target(request))));
        self
    }

    /// Adds tags that depend on the request, to those of the policy.
    pub fn tags<I>(mut self, tags: impl Fn(&request::Parts) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        let settings = Arc::make_mut(&mut self.settings);
        let tags = move |request: &request::Parts| {
            let tags = tags(request).into_iter();
            tags.map(Into::into).collect()
        };
        settings.tags.push(Arc::new(tags));
        self
    }

    /// Which responses are stored, by status and headers, in the place of "those with status 200". What
    /// may never be stored is not, whatever this says.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # use cache_aside::{Cache, Policy, ResponseCache};
    /// # let cache = Cache::in_process();
    /// # let policy = Policy::ttl(std::time::Duration::from_secs(60));
    /// let layer = ResponseCache::new(&cache, "pages", policy)
    ///     .store_if(|response| matches!(response.status.as_u16(), 200 | 404));
    /// # drop(layer);
    /// ```
    pub fn store_if(
        mut self,
        stores: impl Fn(&response::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.stores = Some(Arc::new(stores));
        self
    }
}

/// Empty for what cannot be written down.
fn digest(key: &impl KeyPart) -> String {
    Key::<Stored>::new("", key).digest()
}

impl Settings {
    fn add<I>(&mut self, headers: I, to: impl Fn(&mut Self) -> &mut Vec<HeaderName>)
    where
        I: IntoIterator<Item: TryInto<HeaderName>>,
    {
        for header in headers {
            if let Ok(header) = header.try_into() {
                to(self).push(header);
                continue;
            }
            self.is_broken = true;
            tracing::error!(
                prefix = &*self.name,
                "a cache of responses was given a name that no header can have; it caches nothing"
            );
        }
    }

    pub(super) fn tags_of(&self, request: &request::Parts) -> Vec<Tag> {
        self.tags.iter().flat_map(|tags| tags(request)).collect()
    }

    pub(super) fn stores(&self, response: &response::Parts) -> bool {
        match &self.stores {
            Some(stores) => stores(response),
            None => response.status == StatusCode::OK,
        }
    }

    /// Whether the policy gives answers past their ttl.
    pub(super) fn gives_stale(&self) -> bool {
        !self.policy.options.windows.longest().is_zero()
    }
}

impl<S> Layer<S> for ResponseCache {
    type Service = ResponseCacheService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ResponseCacheService::new(inner, self.clone())
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache")
            .field("name", &self.settings.name)
            .field("policy", &self.settings.policy)
            .field("vary", &self.settings.vary)
            .finish_non_exhaustive()
    }
}
