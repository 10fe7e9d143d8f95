//! Which requests may be answered from the cache, and what is in their key.

use bytes::Bytes;
use http::Method;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, HeaderMap, HeaderName, IF_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, PROXY_AUTHORIZATION, RANGE, UPGRADE,
};
use http::request::Parts;

use super::condition::Condition;
use super::layer::Settings;
use super::page::{Stored, header_list};
use crate::key::Key;

/// What is done with a request.
pub(super) enum Way {
    /// It is none that is cached, and neither is its response touched.
    Untouched,
    /// Past the cache.
    Bypass,
    /// It is answered from a stored response, or else goes past the cache.
    IfStored(Key<Stored>, Condition),
    /// It is answered from a stored response, or has one made.
    Cached(Key<Stored>),
}

/// Headers that say who asks.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
/// Headers that ask for something that no stored response is.
const SPECIAL: [HeaderName; 5] = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE];

impl Settings {
    /// What is done with a request that has a body, or has none.
    pub(super) fn way(&self, request: &Parts, has_body: bool) -> Way {
        if request.method != Method::GET && request.method != Method::HEAD {
            return Way::Untouched;
        }
        if has_body || self.is_for_one(&request.headers) {
            return Way::Bypass;
        }
        let key = self.key_of(request).filter(Key::is_cacheable);
        match (key, Condition::of(request)) {
            (None, _) => Way::Bypass,
            (Some(key), None) => Way::Cached(key),
            // By what is closer than the cache's own coherence only the call goes.
            (Some(_), Some(_)) if self.policy.options.coherence.is_some() => Way::Bypass,
            (Some(key), Some(condition)) => Way::IfStored(key, condition),
        }
    }

    /// Whether the response is for nobody else.
    fn is_for_one(&self, headers: &HeaderMap) -> bool {
        let hides = |name: &HeaderName| {
            headers.contains_key(name) && !self.vary.contains(name) && !self.ignored.contains(name)
        };
        let control = header_list(headers, &CACHE_CONTROL);
        CREDENTIALS.iter().any(hides)
            || SPECIAL.iter().any(|name| headers.contains_key(name))
            || control
                .iter()
                .any(|directive| directive.eq_ignore_ascii_case("no-store"))
    }

    /// All that two requests must have in common to be given one response.
    fn key_of(&self, request: &Parts) -> Option<Key<Stored>> {
        if self.is_broken {
            return None;
        }
        let (uri, headers) = (&request.uri, &request.headers);
        let values = |name: &HeaderName| -> Vec<Bytes> {
            let values = headers.get_all(name).iter();
            let values = values.map(|value| Bytes::copy_from_slice(value.as_bytes()));
            values.collect()
        };
        let target = self.target.as_ref().map(|target| target(request));
        let asked = target.is_none().then(|| {
            let authority = uri.authority().map(http::uri::Authority::as_str);
            let query = uri.query();
            (
                uri.scheme_str(),
                authority,
                values(&HOST),
                uri.path(),
                query,
            )
        });
        let varies: Vec<_> = self
            .vary
            .iter()
            .map(|name| (name.as_str(), values(name)))
            .collect();
        let extras: Vec<_> = self.extras.iter().map(|extra| extra(request)).collect();
        let unkeyable = target.iter().chain(&extras).any(String::is_empty);
        (!unkeyable).then(|| Key::new(&*self.name, &(target, asked, varies, extras)))
    }
}
