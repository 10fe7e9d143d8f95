//! Which responses are stored.

use http::StatusCode;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPIRES, HeaderMap,
    HeaderName, HeaderValue, SET_COOKIE, VARY,
};
use http::response::Parts;

use super::layer::Settings;
use super::page::header_list;

/// What is done with a response, as far as its head tells.
pub(super) enum Verdict {
    /// It may be stored: for so many seconds, if it says so itself.
    Store(Option<u64>),
    /// It is an answer like any other, and not stored, for this reason.
    Pass(&'static str),
    /// The service could not answer: an older response is better, where the policy has one.
    Failed,
}

/// What RFC 5861 counts as an error.
const ERRORS: [StatusCode; 4] = [
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

impl Settings {
    pub(super) fn judge(&self, response: &Parts) -> Verdict {
        let (status, headers) = (response.status, &response.headers);
        if !self.stores(response) {
            return if ERRORS.contains(&status) {
                Verdict::Failed
            } else {
                Verdict::Pass("its status")
            };
        }
        // They are about the connection, or are an answer to a question that is not in the key.
        let of_one_request = [StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED];
        if status.is_informational()
            || of_one_request.contains(&status)
            || headers.contains_key(CONTENT_RANGE)
        {
            return Verdict::Pass("its status");
        }
        if headers.contains_key(SET_COOKIE) {
            return Verdict::Pass("`Set-Cookie`");
        }
        if is_event_stream(headers) {
            return Verdict::Pass("a stream of events has no end");
        }
        if !self.has_all_in_key(headers) {
            return Verdict::Pass("`Vary` names what is not in the key");
        }
        match self.fresh_for(headers) {
            Ok(fresh_for) => Verdict::Store(fresh_for),
            Err(why) => Verdict::Pass(why),
        }
    }

    /// Whether all headers on which a response depends are in the key.
    fn has_all_in_key(&self, headers: &HeaderMap) -> bool {
        let readable = |value: &HeaderValue| value.to_str().is_ok();
        headers.get_all(VARY).iter().all(readable)
            && header_list(headers, &VARY).into_iter().all(|name| {
                let name = HeaderName::from_bytes(name.as_bytes());
                name.is_ok_and(|name| self.vary.contains(&name))
            })
    }

    /// For how many seconds a response says that it is fresh, if it does; or why it is not stored.
    fn fresh_for(&self, headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
        let mut control = headers.get_all(CACHE_CONTROL).iter();
        if !control.all(|value| value.to_str().is_ok()) {
            return Err("its `Cache-Control` cannot be read");
        }
        let (mut max_age, mut shared_max_age) = (None, None);
        for directive in header_list(headers, &CACHE_CONTROL) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let slot = match &*name.trim().to_ascii_lowercase() {
                "no-store" | "no-cache" | "private" => return Err("its `Cache-Control`"),
                "must-revalidate" | "proxy-revalidate" if self.gives_stale() => {
                    return Err("it may not be given when it is stale");
                }
                "max-age" => &mut max_age,
                "s-maxage" => &mut shared_max_age,
                _ => continue,
            };
            // One that cannot be read counts as over.
            let seconds = value.trim().trim_matches('"').parse().unwrap_or(0);
            *slot = Some(slot.map_or(seconds, |other: u64| other.min(seconds)));
        }
        let Some(fresh_for) = shared_max_age.or(max_age) else {
            // A date, by a clock that may not be this one.
            let has_date = headers.contains_key(EXPIRES);
            return if has_date { Err("`Expires`") } else { Ok(None) };
        };
        match fresh_for.saturating_sub(age(headers)) {
            0 => Err("its `max-age` is over"),
            left => Ok(Some(left)),
        }
    }
}

/// How old a response was when the service gave it.
pub(super) fn age(headers: &HeaderMap) -> u64 {
    let age = headers.get(AGE).and_then(|age| age.to_str().ok());
    age.and_then(|age| age.trim().parse().ok()).unwrap_or(0)
}

/// How long the body is, as the response says; `None` if it does not, or not in a number.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    length.trim().parse().ok()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}
