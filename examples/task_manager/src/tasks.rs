//! Tasks with a cache around them, and what each write invalidates.
//!
//! Three things are cached: a task, lists of tasks, and the report on all of them. A task has a tag of its
//! own; the others change with any task, and share one. So each function names what it reads, and
//! each write names what it changes, and neither knows the other.

use cache_aside::{cache_aside, cache_invalidate};

use crate::database::{Content, Database, DatabaseError, Statistics, Status, Task};

#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) database: Database,
}

impl Tasks {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// `coherence = strict`: whichever process answers, nobody who has seen a write is given what was there
    /// before it. That costs a hit in the process one small trip.
    #[cache_aside(
        ttl = "60s",
        prefix = "list",
        skip(self),
        tags = ["tasks"],
        coherence = strict
    )]
    pub(crate) async fn list(&self, status: Option<Status>) -> Result<Vec<Task>, DatabaseError> {
        self.database.list(status).await
    }

    /// "Not found" is an answer, too, and is kept for 6 s, or until there is such a task.
    #[cache_aside(
        ttl = "60s",
        prefix = "task",
        skip(self),
        tags = ["task:{id}"],
        coherence = strict
    )]
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Task>, DatabaseError> {
        self.database.find(id).await
    }

    /// One query for all who ask, in all processes; while it fails, the last report for 10 minutes. A
    /// report may be a second old.
    #[cache_aside(
        ttl = "60s",
        prefix = "report",
        key(),
        tags = ["tasks"],
        stale_if_error = "10m"
    )]
    pub(crate) async fn statistics(&self) -> Result<Statistics, DatabaseError> {
        self.database.statistics().await
    }

    #[cache_invalidate(tags = ["tasks", "task:{result.id}"])]
    pub(crate) async fn create(&self, content: Content) -> Result<Task, DatabaseError> {
        self.database.insert(content).await
    }

    #[cache_invalidate(tags = ["tasks", "task:{id}"])]
    pub(crate) async fn update(
        &self,
        id: i64,
        content: Content,
    ) -> Result<Option<Task>, DatabaseError> {
        self.database.update(id, content).await
    }

    #[cache_invalidate(tags = ["tasks", "task:{id}"])]
    pub(crate) async fn delete(&self, id: i64) -> Result<bool, DatabaseError> {
        self.database.delete(id).await
    }
}
