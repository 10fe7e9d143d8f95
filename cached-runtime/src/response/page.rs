//! What is stored of a response.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::response::{Parts, Response};

/// A response as it is stored: the status, the headers in their order, the body, and for how many
/// seconds it says that it is fresh.
///
/// Of types that serde knows, and of bytes: header values need not be text.
pub(super) type Page = (u16, Vec<(Bytes, Bytes)>, Bytes, Option<u64>);

/// What all who wait for a load are given: `None` says that the response is not stored, so that each of
/// them makes one of his own.
pub(super) type Stored = Option<Arc<Page>>;

/// Headers that are about the connection, and not about the response.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is to be stored of a response.
pub(super) fn record(parts: &Parts, body: &Bytes, fresh_for: Option<u64>) -> Page {
    let named = header_list(&parts.headers, &header::CONNECTION);
    let stays = |name: &HeaderName| {
        let name = name.as_str();
        !HOP_BY_HOP.contains(&name) && !named.iter().any(|hop| hop.eq_ignore_ascii_case(name))
    };
    let headers = parts.headers.iter().filter(|(name, _)| stays(name));
    let headers = headers.map(|(name, value)| {
        let bytes = [name.as_str().as_bytes(), value.as_bytes()];
        bytes.map(Bytes::copy_from_slice).into()
    });
    let status = parts.status.as_u16();
    (status, headers.collect(), body.clone(), fresh_for)
}

/// The response again; `None` where what the store gave is none.
pub(super) fn open(page: &Page) -> Option<Response<Bytes>> {
    let (status, headers, body, _) = page;
    let mut response = Response::new(body.clone());
    *response.status_mut() = StatusCode::from_u16(*status).ok()?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_maybe_shared(value.clone()).ok()?;
        response.headers_mut().try_append(name, value).ok()?;
    }
    Some(response)
}

/// The elements of a header that is a list, in all its values; those that are no text are left out.
pub(super) fn header_list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let values = headers.get_all(name).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .collect()
}
