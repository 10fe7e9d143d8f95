//! How often anybody may ask: a middleware over two limiters.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cache_aside::{Cache, Decision, Error, RateLimiter, RateLimiterStats};
use serde_json::json;

use crate::settings::Settings;

/// Who asks. In earnest this is who is logged in.
const USER: &str = "x-user";
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Limits {
    by_address: RateLimiter,
    by_user: RateLimiter,
}

impl Limits {
    pub(crate) fn new(cache: &Cache, settings: &Settings) -> Result<Self, Error> {
        let by_address = RateLimiter::builder(cache, "address");
        let by_user = RateLimiter::builder(cache, "user");
        Ok(Self {
            by_address: by_address
                .rate(settings.per_address, MINUTE)
                .burst(settings.per_address_at_once)
                .build()?,
            by_user: by_user
                .rate(settings.per_user, MINUTE)
                .burst(settings.per_user_at_once)
                .build()?,
        })
    }

    /// What each has decided in this process.
    pub(crate) fn stats(&self) -> BTreeMap<&'static str, RateLimiterStats> {
        let limiters = [("address", &self.by_address), ("user", &self.by_user)];
        limiters
            .map(|(name, limiter)| (name, limiter.stats()))
            .into()
    }

    /// The address first: another name does not get around it.
    async fn check(&self, address: SocketAddr, user: Option<&HeaderValue>) -> Decision {
        let decision = self.by_address.check(&address.ip().to_string()).await;
        match user {
            Some(user) if decision.allowed => {
                let user = String::from_utf8_lossy(user.as_bytes());
                self.by_user.check(&user).await
            }
            _ => decision,
        }
    }
}

/// Lets a request through, or answers it with 429 and when to try again.
pub(crate) async fn limit(
    State(limits): State<Limits>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let user = request.headers().get(USER).cloned();
    let decision = limits.check(address, user.as_ref()).await;
    let mut response = if decision.allowed {
        next.run(request).await
    } else {
        let body = Json(json!({ "error": "too many requests" }));
        (StatusCode::TOO_MANY_REQUESTS, body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-remaining", decision.remaining.into());
    if let Some(seconds) = decision.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
