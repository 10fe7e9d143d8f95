//! The source of truth: a `SQLite` file, which several processes may use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::ffi;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        owner TEXT NOT NULL,
        status TEXT NOT NULL
    );
";
const COLUMNS: &str = "SELECT id, title, owner, status FROM tasks";

/// A handle; its clones share one connection.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    queries: Queries,
    report_time: Duration,
}

/// How often the database was asked for what is cached.
#[derive(Debug, Default)]
struct Queries {
    list: AtomicU64,
    find: AtomicU64,
    report: AtomicU64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: i64,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What a client says of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) status: Status,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    #[default]
    Open,
    Done,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistics {
    pub(crate) open: u64,
    pub(crate) done: u64,
    pub(crate) by_owner: BTreeMap<String, u64>,
}

/// Shared by all who waited for one query, so a clone of it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseError(Arc<rusqlite::Error>);

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for DatabaseError {}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

type Answer<T> = Result<T, DatabaseError>;

impl Database {
    pub(crate) fn open(path: &Path, report_time: Duration) -> Answer<Self> {
        let connection = Connection::open(path)?;
        // Another process may be writing.
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Inner {
            connection: Mutex::new(connection),
            queries: Queries::default(),
            report_time,
        })))
    }

    pub(crate) async fn list(&self, status: Option<Status>) -> Answer<Vec<Task>> {
        self.with(move |inner, connection| {
            inner.queries.list.fetch_add(1, Relaxed);
            let sql = format!("{COLUMNS} WHERE ?1 IS NULL OR status = ?1 ORDER BY id");
            let mut query = connection.prepare_cached(&sql)?;
            let tasks = query.query_map(params![status.map(Status::as_str)], task)?;
            tasks.collect()
        })
        .await
    }

    pub(crate) async fn find(&self, id: i64) -> Answer<Option<Task>> {
        self.with(move |inner, connection| {
            inner.queries.find.fetch_add(1, Relaxed);
            let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
            query.query_row(params![id], task).optional()
        })
        .await
    }

    /// Looks at every task.
    pub(crate) async fn statistics(&self) -> Answer<Statistics> {
        self.with(|inner, connection| {
            inner.queries.report.fetch_add(1, Relaxed);
            std::thread::sleep(inner.report_time);
            let counts = "SELECT owner, status, COUNT(*) FROM tasks GROUP BY owner, status";
            let mut query = connection.prepare_cached(counts)?;
            let mut rows = query.query([])?;
            let mut statistics = Statistics {
                open: 0,
                done: 0,
                by_owner: BTreeMap::new(),
            };
            while let Some(row) = rows.next()? {
                let count: u32 = row.get(2)?;
                match Status::of(row, 1)? {
                    Status::Open => statistics.open += u64::from(count),
                    Status::Done => statistics.done += u64::from(count),
                }
                *statistics.by_owner.entry(row.get(0)?).or_default() += u64::from(count);
            }
            Ok(statistics)
        })
        .await
    }

    pub(crate) async fn insert(&self, content: Content) -> Answer<Task> {
        self.with(move |_, connection| {
            let insert = "INSERT INTO tasks (title, owner, status) VALUES (?1, ?2, ?3)";
            let Content {
                title,
                owner,
                status,
            } = &content;
            connection.execute(insert, params![title, owner, status.as_str()])?;
            let id = connection.last_insert_rowid();
            Ok(Task { id, content })
        })
        .await
    }

    /// `None` if there is no such task.
    pub(crate) async fn update(&self, id: i64, content: Content) -> Answer<Option<Task>> {
        self.with(move |_, connection| {
            let update = "UPDATE tasks SET title = ?2, owner = ?3, status = ?4 WHERE id = ?1";
            let Content {
                title,
                owner,
                status,
            } = &content;
            let changed = connection.execute(update, params![id, title, owner, status.as_str()])?;
            Ok((changed > 0).then_some(Task { id, content }))
        })
        .await
    }

    /// Whether there was such a task.
    pub(crate) async fn delete(&self, id: i64) -> Answer<bool> {
        self.with(move |_, connection| {
            let deleted = connection.execute("DELETE FROM tasks WHERE id = ?1", params![id])?;
            Ok(deleted > 0)
        })
        .await
    }

    /// Fails if it cannot be asked.
    pub(crate) async fn check(&self) -> Answer<()> {
        self.with(|_, connection| connection.query_row("SELECT 1", [], |_| Ok(())))
            .await
    }

    /// How often it was asked for what is cached, by what it was asked.
    pub(crate) fn queries(&self) -> BTreeMap<&'static str, u64> {
        let Queries { list, find, report } = &self.0.queries;
        [("list", list), ("find", find), ("report", report)]
            .map(|(name, count)| (name, count.load(Relaxed)))
            .into()
    }

    /// On a thread on which one may wait.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let inner = Arc::clone(&self.0);
        let working = tokio::task::spawn_blocking(move || {
            let connection = inner.connection.lock();
            // A panic in between leaves no transaction open.
            work(&inner, &connection.unwrap_or_else(PoisonError::into_inner))
        });
        let ended = match working.await {
            Ok(answer) => return Ok(answer?),
            Err(ended) => ended,
        };
        if let Ok(panic) = ended.try_into_panic() {
            std::panic::resume_unwind(panic);
        }
        // The runtime is shutting down.
        let interrupted = ffi::Error::new(ffi::SQLITE_INTERRUPT);
        Err(rusqlite::Error::SqliteFailure(interrupted, None).into())
    }
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
        }
    }

    fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let text: String = row.get(column)?;
        match text.as_str() {
            "open" => Ok(Self::Open),
            "done" => Ok(Self::Done),
            _ => Err(rusqlite::Error::FromSqlConversionFailure(
                column,
                Type::Text,
                "neither open nor done".into(),
            )),
        }
    }
}

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        content: Content {
            title: row.get(1)?,
            owner: row.get(2)?,
            status: Status::of(row, 3)?,
        },
    })
}
