//! The source of truth: a `SQLite` file, which several processes may use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, ffi, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS products (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        category TEXT NOT NULL,
        cents INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS products_of_category ON products (category, id);
";
const COLUMNS: &str = "SELECT id, name, category, cents FROM products";

/// A handle; its clones share one connection.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    asked: Asked,
}

/// How often the database was asked for what is cached.
#[derive(Debug, Default)]
struct Asked {
    one: AtomicUsize,
    many: AtomicUsize,
    /// The products that were asked for in all of `many`.
    products_of_many: AtomicUsize,
    category: AtomicUsize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: i64,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What a client says of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) cents: u32,
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
    pub(crate) fn open(path: &Path) -> Answer<Self> {
        let connection = Connection::open(path)?;
        // Another process may be writing.
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Inner {
            connection: Mutex::new(connection),
            asked: Asked::default(),
        })))
    }

    pub(crate) async fn find(&self, id: i64) -> Answer<Option<Product>> {
        self.with(move |inner, connection| {
            inner.asked.one.fetch_add(1, Relaxed);
            let mut query = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
            query.query_row(params![id], product).optional()
        })
        .await
    }

    /// Those that there are.
    pub(crate) async fn find_many(&self, ids: Vec<i64>) -> Answer<BTreeMap<i64, Product>> {
        self.with(move |inner, connection| {
            inner.asked.many.fetch_add(1, Relaxed);
            let count = &inner.asked.products_of_many;
            count.fetch_add(ids.len(), Relaxed);
            let sql = format!("{COLUMNS} WHERE id IN (SELECT value FROM json_each(?1))");
            let mut query = connection.prepare_cached(&sql)?;
            let products = query.query_map(params![json!(ids).to_string()], product)?;
            products
                .map(|product| product.map(|product| (product.id, product)))
                .collect()
        })
        .await
    }

    /// The first `most` of a category whose ids are larger than `after`.
    pub(crate) async fn in_category(
        &self,
        category: String,
        after: i64,
        most: u32,
    ) -> Answer<Vec<Product>> {
        self.with(move |inner, connection| {
            inner.asked.category.fetch_add(1, Relaxed);
            let sql = format!("{COLUMNS} WHERE category = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
            let mut query = connection.prepare_cached(&sql)?;
            let products = query.query_map(params![category, after, most], product)?;
            products.collect()
        })
        .await
    }

    pub(crate) async fn insert(&self, content: Content) -> Answer<Product> {
        self.with(move |_, connection| {
            let insert = "INSERT INTO products (name, category, cents) VALUES (?1, ?2, ?3)";
            let Content {
                name,
                category,
                cents,
            } = &content;
            connection.execute(insert, params![name, category, cents])?;
            let id = connection.last_insert_rowid();
            Ok(Product { id, content })
        })
        .await
    }

    /// `None` if there is no such product.
    pub(crate) async fn update(&self, id: i64, content: Content) -> Answer<Option<Product>> {
        self.with(move |_, connection| {
            let update = "UPDATE products SET name = ?2, category = ?3, cents = ?4 WHERE id = ?1";
            let Content {
                name,
                category,
                cents,
            } = &content;
            let changed = connection.execute(update, params![id, name, category, cents])?;
            Ok((changed > 0).then_some(Product { id, content }))
        })
        .await
    }

    /// Fails if it cannot be asked.
    pub(crate) async fn check(&self) -> Answer<()> {
        self.with(|_, connection| connection.query_row("SELECT 1", [], |_| Ok(())))
            .await
    }

    /// How often it was asked for what is cached, by what it was asked.
    pub(crate) fn asked(&self) -> BTreeMap<&'static str, usize> {
        let asked = &self.0.asked;
        [
            ("one", &asked.one),
            ("many", &asked.many),
            ("products_of_many", &asked.products_of_many),
            ("category", &asked.category),
        ]
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

fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get(0)?,
        content: Content {
            name: row.get(1)?,
            category: row.get(2)?,
            cents: row.get(3)?,
        },
    })
}
