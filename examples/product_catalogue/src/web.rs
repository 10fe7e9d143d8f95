//! The endpoints.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cache_aside::{Cache, CacheExt as _, Counts, Report};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::database::{Content, DatabaseError};

/// How many products anybody may ask for at once.
const MOST_IDS: usize = 100;
/// In characters.
const LONGEST_NAME: usize = 200;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) catalogue: Catalogue,
    pub(crate) cache: Cache,
}

#[derive(Deserialize)]
struct Wanted {
    ids: String,
}

#[derive(Deserialize)]
struct Page {
    /// The last product of the page before.
    #[serde(default)]
    after: i64,
}

/// What is answered in place of what was asked for.
enum Failure {
    NotFound,
    BadIds,
    BadProduct,
    /// The reason is for those who run this, and not for those who ask.
    Database(DatabaseError),
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "no such product"),
            Self::BadIds => (
                StatusCode::BAD_REQUEST,
                "`ids` are up to 100 numbers with commas between them",
            ),
            Self::BadProduct => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "`name` and `category` have 1 to 200 characters",
            ),
            Self::Database(error) => {
                eprintln!("the database: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "the database failed")
            }
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

type Answer = Result<Response, Failure>;

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/products", get(find_many).post(create))
        .route("/products/{id}", get(find).put(update))
        .route("/categories/{name}", get(in_category))
        .route("/cache/hit-rate", get(hit_rate))
        .route("/health", get(health))
        .with_state(app)
}

async fn find(State(app): State<App>, Path(id): Path<i64>) -> Answer {
    let (product, report) = app.catalogue.find(id).with_cache_report().await;
    let product = product?.ok_or(Failure::NotFound);
    Ok((from(&report), product.map(Json)).into_response())
}

async fn find_many(State(app): State<App>, Query(wanted): Query<Wanted>) -> Answer {
    let ids = wanted.ids()?;
    let call = app.catalogue.find_many(ids.clone());
    let (products, report) = call.with_cache_report().await;
    let products = products?;
    let unknown = ids.iter().filter(|id| !products.contains_key(id));
    let body = json!({
        "unknown": unknown.collect::<BTreeSet<_>>(),
        "products": products.into_values().collect::<Vec<_>>(),
    });
    Ok((from(&report), Json(body)).into_response())
}

async fn in_category(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(page): Query<Page>,
) -> Answer {
    let call = app.catalogue.in_category(&name, page.after);
    let (products, report) = call.with_cache_report().await;
    Ok((from(&report), Json(products?)).into_response())
}

async fn create(State(app): State<App>, Json(content): Json<Content>) -> Answer {
    let product = app.catalogue.create(checked(content)?).await?;
    Ok((StatusCode::CREATED, Json(product)).into_response())
}

async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(content): Json<Content>,
) -> Answer {
    let product = app.catalogue.update(id, checked(content)?).await?;
    Ok(Json(product.ok_or(Failure::NotFound)?).into_response())
}

async fn hit_rate(State(app): State<App>) -> Response {
    let stats = app.cache.stats();
    let per_prefix = stats.prefixes.iter();
    let per_prefix: BTreeMap<_, _> = per_prefix
        .map(|(prefix, counts)| (prefix, rate(counts)))
        .collect();
    let mut body = rate(&stats.total);
    body["per_prefix"] = json!(per_prefix);
    body["queries"] = json!(app.catalogue.database.asked());
    Json(body).into_response()
}

/// The cache may be degraded and all is well; without the database nothing is.
async fn health(State(app): State<App>) -> Response {
    let cache = app.cache.health().await;
    let database = app.catalogue.database.check().await.is_ok();
    let status = if database {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "database": database, "cache": cache });
    (status, Json(body)).into_response()
}

/// A category without a name has no path, and one with a very long name is no tag.
fn checked(content: Content) -> Result<Content, Failure> {
    let is_name = |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME;
    if is_name(&content.name) && is_name(&content.category) {
        Ok(content)
    } else {
        Err(Failure::BadProduct)
    }
}

impl Wanted {
    fn ids(&self) -> Result<Vec<i64>, Failure> {
        let ids = self.ids.split(',').map(str::parse);
        let ids: Result<Vec<_>, _> = ids.take(MOST_IDS + 1).collect();
        let ids = ids.map_err(|_| Failure::BadIds)?;
        if ids.len() > MOST_IDS {
            return Err(Failure::BadIds);
        }
        Ok(ids)
    }
}

/// In a batch each product counts.
fn rate(counts: &Counts) -> Value {
    let (hits, misses) = (counts.answered(), counts.misses);
    json!({ "hits": hits, "misses": misses, "hit_rate": counts.hit_rate() })
}

/// Where the answer comes from, such as `x-cache: hit, local`.
fn from(report: &Report) -> [(HeaderName, String); 1] {
    [(HeaderName::from_static("x-cache"), report.to_string())]
}
