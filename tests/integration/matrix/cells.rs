//! What the table is made of: what was asked for, what came of it, and how long that took.

use std::time::Duration;

use super::process::Counters;
use super::{READ, WRITE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    LocalHit,
    RemoteHit,
    Miss,
    Stale,
    Failing,
    Batch,
    Lock,
    Invalidate,
    /// While copies that are not invalidated are still trusted.
    After,
    Later,
}

impl Column {
    pub(super) const ALL: [Self; 10] = [
        Self::LocalHit,
        Self::RemoteHit,
        Self::Miss,
        Self::Stale,
        Self::Failing,
        Self::Batch,
        Self::Lock,
        Self::Invalidate,
        Self::After,
        Self::Later,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LocalHit => "copy here",
            Self::RemoteHit => "in the store",
            Self::Miss => "nowhere",
            Self::Stale => "stale here",
            Self::Failing => "stale here, the load fails",
            Self::Batch => "two: in the store, nowhere",
            Self::Lock => "`try_lock`",
            Self::Later => "copy here, W later",
            Self::Invalidate => "`invalidate_tag`",
            Self::After => "what was invalidated",
        }
    }
}

/// How long the caller waited, by what there is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    AtOnce,
    Read,
    Write,
    /// In milliseconds; nothing in the table.
    Other(u128),
}

impl Time {
    pub(super) fn of(waited: Duration) -> Self {
        if waited < READ / 2 {
            Self::AtOnce
        } else if waited < READ * 17 / 10 {
            Self::Read
        } else if WRITE * 3 / 4 <= waited && waited < WRITE * 5 / 4 {
            Self::Write
        } else {
            Self::Other(waited.as_millis())
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Of a read: what was counted.
    Counted(Counters),
    /// Of something that is not counted for a function.
    Said(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) column: Column,
    pub(super) came: Came,
    pub(super) time: Time,
}
