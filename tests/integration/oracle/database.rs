//! The truth: a version of every row, and floors, below which no read may fall.
//!
//! A floor has a time at which it came into force. A reader who is promised nothing older is held to
//! the floors of the moment at which it begins; one whose copies may be behind by a window, to those
//! of the moment before that.

mod memory;
mod server;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;

pub(super) use self::memory::{Gate, Line, Memory};
use super::rows::Row;

#[derive(Clone)]
pub(super) enum Database {
    /// A server that no fault touches.
    Server(MultiplexedConnection),
    /// In this test, for one of its processes; a schedule lets loads go on.
    Memory(Arc<Memory>, usize),
}

/// What is not read any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    /// By those who are never behind.
    pub(super) now: u64,
    /// By those who may be behind by a window.
    pub(super) behind: u64,
}

/// From when on floors are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// From now on, and for those who may be behind when their window is over.
    Now,
    /// From now on for everybody.
    Settled,
    /// From now on, and for those who may be behind one window after that moment at the latest.
    Bracket(Duration),
}

impl Database {
    /// What a writer reads.
    pub(super) async fn versions(&self, rows: &[Row]) -> Vec<u64> {
        match self {
            Self::Server(database) => server::versions(database, rows).await,
            Self::Memory(memory, _) => memory.versions(rows),
        }
    }

    /// What a load reads: a copy of the database may be behind.
    pub(super) async fn loaded(&self, rows: &[Row]) -> Vec<u64> {
        match self {
            Self::Server(database) => server::versions(database, rows).await,
            Self::Memory(memory, _) => memory.lagging(rows),
        }
    }

    pub(super) async fn floors(&self, rows: &[Row], window: Duration) -> Vec<Floor> {
        match self {
            Self::Server(database) => server::floors(database, rows, window).await,
            Self::Memory(memory, _) => memory.floors(rows, window),
        }
    }

    /// A new version.
    pub(super) async fn write(&self, row: Row) {
        match self {
            Self::Server(database) => server::write(database, row).await,
            Self::Memory(memory, _) => memory.write(row),
        }
    }

    /// No read that begins from now on may be older.
    pub(super) async fn raise(&self, floors: &[(Row, u64)], since: Since) {
        match self {
            Self::Server(database) => server::raise(database, floors, since).await,
            Self::Memory(memory, _) => memory.raise(floors, since),
        }
    }

    /// Zero where nobody asks for the time.
    pub(super) fn now(&self) -> Duration {
        match self {
            Self::Server(_) => Duration::ZERO,
            Self::Memory(memory, _) => memory.now(),
        }
    }

    /// The part of a load, or of a write, that takes its time.
    pub(super) async fn pause(&self, pause: Duration, gate: Gate) {
        match self {
            Self::Server(_) => tokio::time::sleep(pause).await,
            Self::Memory(memory, process) => memory.pause(*process, gate).await,
        }
    }

    /// For whoever looks for the reason of a violation.
    pub(super) async fn note(&self, rows: &[Row], line: impl FnOnce() -> String + Send + 'static) {
        match self {
            Self::Server(database) => server::note(database, rows, &line()).await,
            Self::Memory(memory, _) => memory.note(line),
        }
    }

    pub(super) async fn violated(&self, row: Row, line: String) {
        match self {
            Self::Server(database) => server::violated(database, row, line).await,
            Self::Memory(memory, _) => memory.violated(line),
        }
    }
}
