//! What a response of the service comes to.

use std::sync::Arc;

use http::Response;
use http_body::Body;

use super::body::{Collected, ResponseBody, TOO_LARGE};
use super::layer::Settings;
use super::page::{Page, record};
use super::rules::{Verdict, length};

/// A response with all of its body for whoever asked, and what else becomes of it.
pub(super) enum Made<B: Body> {
    /// This is stored.
    Stored(Response<ResponseBody<B>>, Arc<Page>),
    /// It is an answer like any other, and not stored, for this reason.
    Passed(Response<ResponseBody<B>>, &'static str),
    /// The service could not answer, or not to the end.
    Failed(Response<ResponseBody<B>>),
}

impl Settings {
    /// Reads what can be stored.
    pub(super) async fn read<B: Body>(&self, response: Response<B>) -> Made<B> {
        let (parts, body) = response.into_parts();
        let (limit, length) = (self.largest, length(&parts.headers));
        let passed = |parts, body| Response::from_parts(parts, ResponseBody::passed(body));
        let fresh_for = match self.judge(&parts) {
            Verdict::Failed => return Made::Failed(passed(parts, body)),
            Verdict::Pass(why) => return Made::Passed(passed(parts, body), why),
            Verdict::Store(fresh_for) => fresh_for,
        };
        if length.is_some_and(|length| length > limit as u64) {
            return Made::Passed(passed(parts, body), TOO_LARGE);
        }
        let body = match ResponseBody::collect(body, limit).await {
            Collected::Whole(body) => body,
            Collected::Unstorable(why, body) => {
                return Made::Passed(Response::from_parts(parts, body), why);
            }
            Collected::Failed(body) => return Made::Failed(Response::from_parts(parts, body)),
        };
        let is_whole = length.is_none_or(|length| length == body.len() as u64);
        let page = is_whole.then(|| record(&parts, &body, fresh_for));
        let response = Response::from_parts(parts, ResponseBody::whole(body));
        match page {
            Some(page) => Made::Stored(response, Arc::new(page)),
            None => Made::Passed(response, "its length is not `Content-Length`"),
        }
    }
}
