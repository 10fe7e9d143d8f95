//! The endpoints.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cache_aside::{Cache, CacheExt as _, ErrorKind, Report};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::database::{Content, DatabaseError, Status};
use crate::limits::{self, Limits};
use crate::tasks::Tasks;

/// In characters.
const LONGEST_NAME: usize = 200;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tasks: Tasks,
    pub(crate) limits: Limits,
    pub(crate) cache: Cache,
}

#[derive(Deserialize)]
struct Filter {
    status: Option<Status>,
}

/// What is answered in place of what was asked for.
enum Failure {
    NotFound,
    BadTask,
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
            Self::NotFound => (StatusCode::NOT_FOUND, "no such task"),
            Self::BadTask => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "`title` and `owner` have 1 to 200 characters",
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
    let limit = middleware::from_fn_with_state(app.limits.clone(), limits::limit);
    Router::new()
        .route("/tasks", get(list).post(create))
        .route("/tasks/{id}", get(find).put(update).delete(delete))
        .route("/stats", get(statistics))
        .route("/cache/clear", post(clear))
        .route("/cache/stats", get(cache_stats))
        .layer(limit)
        // Whoever watches over this process is not limited.
        .route("/health", get(health))
        .with_state(app)
}

async fn list(State(app): State<App>, Query(filter): Query<Filter>) -> Answer {
    let (tasks, report) = app.tasks.list(filter.status).with_cache_report().await;
    Ok(cached(tasks?, &report))
}

async fn find(State(app): State<App>, Path(id): Path<i64>) -> Answer {
    let (task, report) = app.tasks.find(id).with_cache_report().await;
    let task = task?.ok_or(Failure::NotFound);
    Ok((from(&report), task.map(Json)).into_response())
}

async fn statistics(State(app): State<App>) -> Answer {
    let (statistics, report) = app.tasks.statistics().with_cache_report().await;
    Ok(cached(statistics?, &report))
}

async fn create(State(app): State<App>, Json(content): Json<Content>) -> Answer {
    let task = app.tasks.create(checked(content)?).await?;
    Ok((StatusCode::CREATED, Json(task)).into_response())
}

async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(content): Json<Content>,
) -> Answer {
    let task = app.tasks.update(id, checked(content)?).await?;
    let task = task.ok_or(Failure::NotFound)?;
    Ok(Json(task).into_response())
}

async fn delete(State(app): State<App>, Path(id): Path<i64>) -> Answer {
    if app.tasks.delete(id).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Failure::NotFound)
    }
}

/// What Redis cannot be told now is told when it is back; until then it is not asked.
async fn clear(State(app): State<App>) -> Response {
    let cleared = match app.cache.clear().await {
        Ok(()) => "everywhere",
        Err(error) if error.kind() == ErrorKind::Pending => "here, and elsewhere later",
        Err(error) => {
            eprintln!("the cache: {error}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    Json(json!({ "cleared": cleared })).into_response()
}

async fn cache_stats(State(app): State<App>) -> Response {
    let (queries, limits) = (app.tasks.database.queries(), app.limits.stats());
    Json(json!({ "cache": app.cache.stats(), "limits": limits, "queries": queries }))
        .into_response()
}

/// The cache may be degraded and all is well; without the database nothing is.
async fn health(State(app): State<App>) -> Response {
    let cache = app.cache.health().await;
    let database = app.tasks.database.check().await.is_ok();
    let status = if database {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "database": database, "cache": cache });
    (status, Json(body)).into_response()
}

/// An answer with a header that says where it comes from.
fn cached(body: impl Serialize, report: &Report) -> Response {
    (from(report), Json(body)).into_response()
}

/// Such as `x-cache: hit, local`.
fn from(report: &Report) -> [(HeaderName, String); 1] {
    [(HeaderName::from_static("x-cache"), report.to_string())]
}

fn checked(content: Content) -> Result<Content, Failure> {
    let is_name = |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME;
    if is_name(&content.title) && is_name(&content.owner) {
        Ok(content)
    } else {
        Err(Failure::BadTask)
    }
}
