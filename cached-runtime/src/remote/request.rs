//! What is asked of the shared tier, and what it answers. Answers come in the order of the
//! questions.

use std::time::Duration;

use super::{Cell, CellState, EntryName, Incarnation, LeaseId, ServerTime};

/// A look at entries and cells.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The entries.
    pub entries: Vec<(EntryName, Part)>,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// How much of an entry is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All bytes.
    Whole,
    /// The 16 bytes from the 16th on: the entry's identity and the incarnation it belongs to.
    Identity,
}

/// The answer to a [`Read`].
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What was found of each entry.
    pub entries: Vec<Found>,
    /// The state of each cell.
    pub cells: Vec<CellState>,
    /// The server that answered all of it; `None` if nothing was asked.
    pub incarnation: Option<Incarnation>,
}

/// What was found of one entry.
#[derive(Clone, Debug)]
pub struct Found {
    /// The bytes asked for; `None` if there is no entry.
    pub bytes: Option<Vec<u8>>,
    /// The server that answered.
    pub incarnation: Incarnation,
    /// That server's time at the answer: not earlier than it really was, and later by no more
    /// than the round trip by which its clock was last compared with ours.
    pub now: ServerTime,
}

/// A wish for a lease.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The entry to be loaded.
    pub entry: EntryName,
    /// How the lease is wished for.
    pub how: How,
    /// How long the lease lives if it is not renewed.
    pub ttl: Duration,
}

/// How a lease is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// If none is in force, and the entry is still the one that was seen (`None`: there was none).
    IfFree {
        /// The entry that was seen.
        seen: Option<LeaseId>,
    },
    /// From whoever holds it; the entry stays.
    TakeOver,
    /// From whoever holds it, and the entry is removed.
    Replace,
}

/// The answer to a list of [`Lock`]s.
#[derive(Clone, Debug, Default)]
pub struct LockReply {
    /// For each wish what came of it, and the server that said so.
    pub locks: Vec<(Locked, Incarnation)>,
    /// The state of each cell, after missing ones were made.
    pub cells: Vec<CellState>,
}

/// What came of a wish for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// The lease is in force.
    Granted(LeaseId),
    /// Another one is, for this long unless it is renewed. Its end is announced to this process.
    Busy(Duration),
    /// There is an entry that the asker has not seen.
    Changed,
    /// The last load's answer could not be stored: everybody loads at once, and stores nothing.
    Pass,
}

/// An entry to be stored.
#[derive(Clone, Debug)]
pub struct Fill {
    /// Where.
    pub entry: EntryName,
    /// The lease under which it was loaded.
    pub lease: LeaseId,
    /// An envelope, whose stamps (bytes 32 to 48) the server writes: its time in milliseconds, as
    /// 8 bytes little-endian and once more big-endian.
    pub envelope: Vec<u8>,
    /// How long it is kept.
    pub life: Duration,
}

/// The answer to a list of [`Fill`]s.
#[derive(Clone, Debug, Default)]
pub struct FillReply {
    /// What came of each.
    pub fills: Vec<Filled>,
    /// The state of each cell.
    pub cells: Vec<CellState>,
    /// The server that answered all of it; `None` if nothing was asked.
    pub incarnation: Option<Incarnation>,
}

/// What came of a [`Fill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Whether the lease was still in force, and the entry was stored.
    pub stored: bool,
    /// The server that said so.
    pub incarnation: Incarnation,
}

/// Why a lease ends without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// The load failed, or whoever ran it went away.
    Failed,
    /// There is an answer that is not to be stored: for a second everybody loads at once.
    NotStored,
}
