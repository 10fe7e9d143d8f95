//! The source of truth: a `SQLite` file, or memory. It knows nothing of caches.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, ffi, params, params_from_iter};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA foreign_keys = ON;
    CREATE TABLE IF NOT EXISTS heroes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        language TEXT NOT NULL,
        strength TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS children (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        language TEXT NOT NULL,
        age INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS stories (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        language TEXT NOT NULL,
        hero INTEGER NOT NULL REFERENCES heroes (id) ON DELETE CASCADE,
        child INTEGER NOT NULL REFERENCES children (id) ON DELETE CASCADE,
        text TEXT NOT NULL
    );
";

/// What has a table of its own.
pub trait Entity: Sized + Send + 'static {
    /// The table.
    const TABLE: &'static str;
    /// Its columns behind `id`, in the order of [`values`](Self::values). One is `language`.
    const COLUMNS: &'static [&'static str];
    /// The column with the name by which people know it.
    const NAME: &'static str;

    /// What a row says.
    fn of(row: &Row<'_>) -> rusqlite::Result<Self>;
    /// What is written.
    fn values(&self) -> Vec<Value>;
}

/// What is in the database, under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved<E> {
    /// Given by the database, and never given again.
    pub id: i64,
    /// What it is the id of.
    pub item: E,
}

/// A handle; its clones share one connection.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    queries: AtomicU64,
    query_time: Duration,
}

/// Shared by all who waited for one query, so a clone of it is cheap.
#[derive(Clone, Debug)]
pub struct DatabaseError(Arc<rusqlite::Error>);

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
    /// Opens a file, which several processes may do, or `:memory:`. Every query takes `query_time`
    /// longer than it has to, as one would over a network.
    pub fn open(path: &str, query_time: Duration) -> Answer<Self> {
        let connection = Connection::open(path)?;
        // Another process may be writing.
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Inner {
            connection: Mutex::new(connection),
            queries: AtomicU64::new(0),
            query_time,
        })))
    }

    /// How often it was read: what a cache is there to save.
    pub fn queries(&self) -> u64 {
        self.0.queries.load(Relaxed)
    }

    /// The one with this id.
    pub async fn find<E: Entity>(&self, id: i64) -> Answer<Option<Saved<E>>> {
        let found = self.select("WHERE id = ?1".to_owned(), vec![id.into()]);
        Ok(found.await?.pop())
    }

    /// Those with this name.
    pub async fn named<E: Entity>(&self, name: &str) -> Answer<Vec<Saved<E>>> {
        let wanted = vec![name.to_owned().into()];
        self.select(format!("WHERE {} = ?1", E::NAME), wanted).await
    }

    /// Those in this language.
    pub async fn in_language<E: Entity>(&self, language: &str) -> Answer<Vec<Saved<E>>> {
        let wanted = vec![language.to_owned().into()];
        self.select("WHERE language = ?1".to_owned(), wanted).await
    }

    /// All there are.
    pub async fn all<E: Entity>(&self) -> Answer<Vec<Saved<E>>> {
        self.select(String::new(), Vec::new()).await
    }

    async fn select<E: Entity>(
        &self,
        condition: String,
        wanted: Vec<Value>,
    ) -> Answer<Vec<Saved<E>>> {
        self.0.queries.fetch_add(1, Relaxed);
        tokio::time::sleep(self.0.query_time).await;
        self.with(move |connection| {
            let (table, columns) = (E::TABLE, E::COLUMNS.join(", "));
            let select = format!("SELECT id, {columns} FROM {table} {condition} ORDER BY id");
            let mut query = connection.prepare_cached(&select)?;
            let found = query.query_map(params_from_iter(wanted), saved)?;
            found.collect()
        })
        .await
    }

    /// Gives it an id.
    pub async fn insert<E: Entity>(&self, item: E) -> Answer<Saved<E>> {
        self.with(move |connection| {
            let (table, columns) = (E::TABLE, E::COLUMNS.join(", "));
            let places = vec!["?"; E::COLUMNS.len()].join(", ");
            let insert = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
            connection.execute(&insert, params_from_iter(item.values()))?;
            let id = connection.last_insert_rowid();
            Ok(Saved { id, item })
        })
        .await
    }

    /// `None` if there is none with this id.
    pub async fn update<E: Entity>(&self, id: i64, item: E) -> Answer<Option<Saved<E>>> {
        self.with(move |connection| {
            let (table, columns) = (E::TABLE, E::COLUMNS.join(" = ?, "));
            let update = format!("UPDATE {table} SET {columns} = ? WHERE id = ?");
            let values = item.values().into_iter().chain([id.into()]);
            let changed = connection.execute(&update, params_from_iter(values))?;
            Ok((changed > 0).then_some(Saved { id, item }))
        })
        .await
    }

    /// Whether there was one with this id. Stories go with their hero, and with their child.
    pub async fn delete<E: Entity>(&self, id: i64) -> Answer<bool> {
        self.with(move |connection| {
            let delete = format!("DELETE FROM {} WHERE id = ?1", E::TABLE);
            Ok(connection.execute(&delete, params![id])? > 0)
        })
        .await
    }

    /// On a thread on which one may wait.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let inner = Arc::clone(&self.0);
        let working = tokio::task::spawn_blocking(move || {
            let connection = inner.connection.lock();
            // A panic in between leaves no transaction open.
            work(&connection.unwrap_or_else(PoisonError::into_inner))
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

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("queries", &self.queries())
            .finish_non_exhaustive()
    }
}

fn saved<E: Entity>(row: &Row<'_>) -> rusqlite::Result<Saved<E>> {
    Ok(Saved {
        id: row.get("id")?,
        item: E::of(row)?,
    })
}
