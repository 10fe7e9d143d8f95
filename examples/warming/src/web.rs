//! The endpoints.

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cache_aside::{Cache, CacheExt as _};
use serde_json::json;

use crate::keeper::Keeper;
use crate::prices::Prices;
use crate::supplier::Supplier;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) cache: Cache,
    pub(crate) keeper: Keeper,
    pub(crate) prices: Prices,
    pub(crate) supplier: Supplier,
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/prices/{article}", get(price))
        .route("/stats", get(stats))
        .route("/health", get(health))
        .with_state(app)
}

async fn price(State(app): State<App>, Path(article): Path<u64>) -> Response {
    let (price, report) = app.prices.price(article).with_cache_report().await;
    let from = [(HeaderName::from_static("x-cache"), report.to_string())];
    match price {
        Ok(Some(price)) => (from, Json(price)).into_response(),
        Ok(None) => {
            let body = Json(json!({ "error": "no such article" }));
            (StatusCode::NOT_FOUND, from, body).into_response()
        }
        Err(error) => {
            eprintln!("{error}");
            let body = Json(json!({ "error": "the supplier has no answer" }));
            (StatusCode::BAD_GATEWAY, body).into_response()
        }
    }
}

async fn stats(State(app): State<App>) -> Response {
    let (keeper, supplier) = (app.keeper.done(), app.supplier.asked());
    Json(json!({ "cache": app.cache.stats(), "keeper": keeper, "supplier": supplier }))
        .into_response()
}

/// Not ready until the first round is over: so a new process is sent requests when it is warm.
async fn health(State(app): State<App>) -> Response {
    let done = app.keeper.done();
    let status = if done.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let cache = app.cache.health().await;
    let body = json!({ "ready": done.ready, "first": done.first, "cache": cache });
    (status, Json(body)).into_response()
}
