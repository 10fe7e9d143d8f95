//! What a request asks of a stored response besides: its head only, or whether it has changed.

use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::page::header_list;

/// A request that a stored response can answer, and that is not sent on to have one made.
pub(super) struct Condition {
    head_only: bool,
    /// What the client has, by `If-None-Match`; `None`: it does not say.
    tags: Option<Vec<String>>,
    /// By `If-Modified-Since`, which counts where there is no `If-None-Match`.
    since: Option<HeaderValue>,
}

impl Condition {
    /// `None` for an ordinary request.
    pub(super) fn of(request: &Parts) -> Option<Self> {
        let headers = &request.headers;
        let has_tags = headers.contains_key(IF_NONE_MATCH);
        let tags = || header_list(headers, &IF_NONE_MATCH);
        let condition = Self {
            head_only: request.method == Method::HEAD,
            tags: has_tags.then(|| tags().into_iter().map(str::to_owned).collect()),
            since: headers.get(IF_MODIFIED_SINCE).cloned(),
        };
        let asks = condition.head_only || has_tags || condition.since.is_some();
        asks.then_some(condition)
    }

    /// What is answered where this response is stored.
    pub(super) fn answer(&self, mut stored: Response<Bytes>) -> Response<Bytes> {
        if stored.status() == StatusCode::OK && self.is_met(stored.headers()) {
            *stored.status_mut() = StatusCode::NOT_MODIFIED;
            let about_the_body = |name: &HeaderName| {
                let name = name.as_str();
                name.starts_with("content-") && name != "content-location"
            };
            let names: Vec<_> = stored.headers().keys().cloned().collect();
            for name in names.into_iter().filter(about_the_body) {
                stored.headers_mut().remove(name);
            }
            *stored.body_mut() = Bytes::new();
        } else if self.head_only {
            let length = HeaderValue::from(stored.body().len());
            stored.headers_mut().insert(CONTENT_LENGTH, length);
            *stored.body_mut() = Bytes::new();
        }
        stored
    }

    /// Whether the client has this response.
    fn is_met(&self, stored: &HeaderMap) -> bool {
        let Some(tags) = &self.tags else {
            // Dates are compared as they are written: another one may be earlier or later.
            return self.since.is_some() && self.since.as_ref() == stored.get(LAST_MODIFIED);
        };
        let tag = stored.get(ETAG).and_then(|tag| tag.to_str().ok());
        let is_it = |theirs: &String| tag.is_some_and(|tag| strong(theirs) == strong(tag));
        tags.iter().any(|theirs| theirs == "*" || is_it(theirs))
    }
}

/// A weak tag is as good as a strong one: no ranges are asked for.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
