//! What is asked of the shared tier, and what it answers. Answers come in the order of the
//! questions.

use std::fmt;
use std::time::Duration;

use super::{
    Cell, CellState, Chunk, EntryName, Fault, Few, Incarnation, LeaseId, Remote, ServerTime,
};

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
    /// The first so many bytes, or all of them if there are no more. No byte is no entry.
    AtMost(usize),
    /// The 16 bytes from the 16th on: the entry's identity and the incarnation it belongs to.
    Identity,
}

/// The answer to a [`Read`].
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What was found of each entry.
    pub entries: Few<Found, 1>,
    /// The state of each cell.
    pub cells: Few<CellState, 5>,
    /// The server that answered all of it; `None` if nothing was asked.
    pub incarnation: Option<Incarnation>,
}

/// What was found of one entry.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The bytes asked for; `None` if there is no entry.
    pub bytes: Option<Chunk>,
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
    /// The same, and the last load has not failed a moment ago ([`Release::Rests`]).
    IfRested {
        /// The entry that was seen.
        seen: Option<LeaseId>,
    },
    /// From whoever holds it; the entry stays.
    TakeOver,
    /// From whoever holds it, and the entry is removed; who follows changes is told of its key.
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
    /// The last load's answer could not be stored, or the key was invalidated and the source lags:
    /// everybody loads at once, and stores nothing.
    Pass,
    /// The last load failed, and for this long nobody is to try again who has something older to
    /// give.
    Resting(Duration),
}

/// The answer to a look-up that asks for the lease where it finds nothing.
#[derive(Clone, Debug)]
pub struct ReadOrLock {
    /// What was found of the entry.
    pub entry: Found,
    /// What came of the wish: [`Locked::Changed`] if there is an entry, or if nothing was asked for.
    pub locked: Locked,
    /// The state of each cell, after missing ones were made, if they were.
    pub cells: Vec<CellState>,
}

impl ReadOrLock {
    /// What was read, and what comes of asking for the lease after it.
    pub(super) async fn in_turn<R: Remote + ?Sized>(
        remote: &R,
        (entry, ttl): (EntryName, Duration),
        (cells, keep): (Vec<Cell>, Duration),
        reading: Reading,
    ) -> Result<Self, Fault> {
        let unread = || Fault::Lost("no answer about the entry".to_owned());
        let mut read = Self {
            entry: reading.entries.into_iter().next().ok_or_else(unread)?,
            locked: Locked::Changed,
            cells: reading.cells.into_iter().collect(),
        };
        let hidden = read.cells.contains(&CellState::Intent);
        if read.entry.bytes.is_some() || hidden {
            return Ok(read);
        }
        let missing = |(_, state): &(&Cell, &CellState)| **state == CellState::Missing;
        let missing = cells.iter().zip(&read.cells).filter(missing);
        let missing = missing.map(|(cell, _)| cell.clone()).collect();
        let lock = Lock {
            entry,
            how: How::IfFree { seen: None },
            ttl,
        };
        let reply = remote.lock(vec![lock], missing, keep).await?;
        let mut made = reply.cells.into_iter();
        for state in &mut read.cells {
            if *state == CellState::Missing {
                *state = made.next().unwrap_or(CellState::Missing);
            }
        }
        if let Some((locked, incarnation)) = reply.locks.into_iter().next() {
            (read.locked, read.entry.incarnation) = (locked, incarnation);
        }
        Ok(read)
    }
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

/// How cells are given new tokens, and keys invalidated.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::Turn;
/// use std::time::Duration;
///
/// let turn = Turn::keeping(Duration::from_secs(60));
/// assert_eq!((turn.lag, turn.soft), (None, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How long a new token lives.
    pub keep: Duration,
    /// For a source that lags behind what is written to it: instead of a token there is an intent
    /// for this long, which nobody ends. One that is there already stays, with the longer life of
    /// the two.
    pub lag: Option<Duration>,
    /// For this long the token of a tag that is replaced can be read as
    /// [`Cell::Replaced`]. Without it such a mark is removed.
    pub soft: Option<Duration>,
}

impl Turn {
    /// At once, and leaving nothing behind.
    #[must_use]
    pub const fn keeping(keep: Duration) -> Self {
        Self {
            keep,
            lag: None,
            soft: None,
        }
    }
}

/// An intent that was set. Its bytes were never there before.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intent {
    /// What is in the cell.
    pub token: [u8; 16],
    /// Whether the intent of another write was there before: then neither may end it for the other.
    pub overlaps: bool,
}

/// What became of an intent at the end of its write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concluded {
    /// There is a new token.
    Ended,
    /// Another write is under way, or was when this one began: the cell stays an intent until that
    /// runs out.
    Left,
    /// The intent was gone, and no other one there: what was loaded meanwhile may have been stored.
    /// There is a new token.
    Weakened,
}

/// Why a lease ends without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// The load failed, or whoever ran it went away.
    Failed,
    /// There is an answer that is not to be stored: for a second everybody loads at once.
    NotStored,
    /// The load failed, and the older answer is given in its place: for this long nobody tries
    /// again who can do the same ([`How::IfRested`]).
    Rests(Duration),
}

/// Bytes of tokens are not shown.
impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent")
            .field("overlaps", &self.overlaps)
            .finish_non_exhaustive()
    }
}
