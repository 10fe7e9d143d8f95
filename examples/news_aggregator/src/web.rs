//! The endpoints.

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use cache_aside::{Cache, CacheExt as _, Error, ErrorKind, Report};
use serde::Serialize;
use serde_json::json;

use crate::counters::Counters;
use crate::news::News;
use crate::page;

const ENDPOINTS: [&str; 10] = [
    "GET /",
    "GET /articles",
    "GET /articles/cached",
    "GET /articles/{id}",
    "GET /articles/trending",
    "GET /cache/stats",
    "GET /front",
    "GET /health",
    "DELETE /cache",
    "DELETE /cache/articles",
];

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) news: News,
    pub(crate) cache: Cache,
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/articles", get(uncached))
        .route("/articles/cached", get(articles))
        .route("/articles/trending", get(trending))
        .route("/articles/{id}", get(article))
        .route("/cache", delete(forget))
        .route("/cache/articles", delete(forget_articles))
        .route("/cache/stats", get(counters))
        .route("/front", get(front).layer(page::cached(&app.cache)))
        .route("/health", get(health))
        .with_state(app)
}

async fn index() -> Response {
    Json(json!({ "name": "news_aggregator", "endpoints": ENDPOINTS })).into_response()
}

/// The baseline: the same call as the next one, but the source is asked each time.
async fn uncached(State(app): State<App>) -> Response {
    let call = app.news.articles().bypass_cache();
    let (articles, report) = call.with_cache_report().await;
    cached(StatusCode::OK, &*articles, &report)
}

async fn articles(State(app): State<App>) -> Response {
    let (articles, report) = app.news.articles().with_cache_report().await;
    cached(StatusCode::OK, &*articles, &report)
}

async fn article(State(app): State<App>, Path(id): Path<u64>) -> Response {
    let (article, report) = app.news.article(id).with_cache_report().await;
    let Some(article) = article else {
        let error = json!({ "error": "no such article" });
        return cached(StatusCode::NOT_FOUND, error, &report);
    };
    cached(StatusCode::OK, &*article, &report)
}

async fn trending(State(app): State<App>) -> Response {
    let (trending, report) = app.news.trending().with_cache_report().await;
    cached(StatusCode::OK, &*trending, &report)
}

/// Runs only when there is no page: the layer around it has the page otherwise.
async fn front(State(app): State<App>) -> Html<String> {
    Html(page::front(&app.news.source.articles().await))
}

async fn forget(State(app): State<App>) -> Response {
    forgotten(app.cache.clear().await)
}

async fn forget_articles(State(app): State<App>) -> Response {
    forgotten(app.news.forget_articles(&app.cache).await)
}

async fn counters(State(app): State<App>) -> Response {
    let asked = app.news.source.asked();
    Json(Counters::new(&app.cache.stats(), asked)).into_response()
}

/// Always 200 while this process answers: the news go on without the shared cache, and slower.
async fn health(State(app): State<App>) -> Response {
    Json(app.cache.health().await).into_response()
}

/// With a header that says where the answer comes from, such as `x-cache: hit, local`.
fn cached(status: StatusCode, body: impl Serialize, report: &Report) -> Response {
    let header = [(HeaderName::from_static("x-cache"), report.to_string())];
    (status, header, Json(body)).into_response()
}

/// What Redis cannot be told now is told when it is back; until then it is not asked.
fn forgotten(done: Result<(), Error>) -> Response {
    let forgotten = match done {
        Ok(()) => "everywhere",
        Err(error) if error.kind() == ErrorKind::Pending => "here, and elsewhere later",
        Err(error) => {
            eprintln!("the cache: {error}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    Json(json!({ "forgotten": forgotten })).into_response()
}
