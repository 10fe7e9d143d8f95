//! One state, and the actions that lead from one to the next.

/// Tokens with this bit are intents: a write is in progress, and nothing may be cached.
pub(super) const INTENT: u8 = 0x40;
/// The shards: of value and lock, of the epoch, of the tag.
pub(super) const V: usize = 0;
pub(super) const E: usize = 1;
pub(super) const G: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Token {
    pub(crate) id: u8,
    pub(crate) incarnation: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) version: u8,
    pub(crate) tag: Token,
    pub(crate) incarnation: u8,
}

/// what the three servers hold
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Data {
    pub(crate) value: Option<Entry>,
    pub(crate) lock: u8,
    pub(crate) epoch: u8,
    pub(crate) tag: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// value, epoch and (for a hit) tag, fetched in any order
    Lookup {
        value: Option<Option<Entry>>,
        value_incarnation: u8,
        e: Option<Token>,
        t: Option<Token>,
    },
    Lock {
        seen: Option<Entry>,
        e: Token,
    },
    /// the epoch was missing: create or read it, before the load
    Ensure {
        lease: u8,
        lock_incarnation: u8,
    },
    Load {
        lease: u8,
        lock_incarnation: u8,
        e: Token,
    },
    /// the load has ended and has told the tag
    Tag {
        lease: u8,
        lock_incarnation: u8,
        e: Token,
        version: u8,
        t: Option<Token>,
        epoch_again: Option<Token>,
    },
    /// `ok`: the snapshot is proven; else the lease is only released
    Fill {
        lease: u8,
        lock_incarnation: u8,
        version: u8,
        t: Token,
        ok: bool,
    },
    /// tag re-read for the joiners
    Verify {
        version: u8,
        t: Token,
        got: bool,
        ok: bool,
    },
    Joined {
        leader: u8,
    },
    Wait,
    /// an intent is set: load without the cache
    Bypass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) phase: Phase,
    pub(crate) floor: u8,
    pub(crate) left: u8,
    /// database version when the epoch was first read (kept only with `load_bound`)
    pub(crate) seen_version: u8,
    /// the load exceeded the bound
    pub(crate) old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Start,
    /// committed; rotations done (1 epoch, 2 tag)
    Inv {
        v: u8,
        done: u8,
    },
    /// intent set; true when somebody else's intent was overwritten
    Begun(bool),
    /// committed; true when the epoch has been rotated
    BracketCommitted {
        overlap: bool,
        e: bool,
    },
    Done,
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) version: u8,
    pub(crate) floor: u8,
    pub(crate) data: Data,
    /// replica images
    pub(crate) replica: Data,
    pub(crate) incarnation: [u8; 3],
    pub(crate) readers: Vec<Reader>,
    pub(crate) writers: Vec<Writer>,
    pub(crate) next_tok: u8,
    pub(crate) next_lease: u8,
    /// newest version committed inside a bracket
    pub(crate) bracket_version: u8,
    pub(crate) evictions: [u8; 2],
    pub(crate) expiries: u8,
    pub(crate) crashes: u8,
    pub(crate) writer_crashes: u8,
    pub(crate) failovers: u8,
    /// bit 0 stale return, bit 1 newer valid value overwritten
    pub(crate) broken: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Start(u8),
    StartJoin(u8, u8),
    ReadValue(u8),
    ReadEpoch(u8),
    ReadTag(u8),
    Decide(u8),
    Acquire(u8),
    EnsureEpoch(u8),
    Load(u8),
    TagAfterLoad(u8),
    EpochAgain(u8),
    Judge(u8),
    Fill(u8),
    VerifyTag(u8),
    Finish(u8),
    Retry(u8),
    BypassLoad(u8),
    Commit(u8),
    RotateEpoch(u8),
    RotateTag(u8),
    Ok(u8),
    Begin(u8),
    EndTag(u8),
    WriterCrash(u8),
    IntentExpires,
    EvictEpoch,
    EvictTag,
    LockExpires,
    ReaderCrash(u8),
    Replicate(u8),
    Failover(u8),
}

impl Reader {
    pub(super) fn idle(left: u8) -> Self {
        Self {
            phase: Phase::Idle,
            floor: 0,
            left,
            seen_version: 0,
            old: false,
        }
    }
}
