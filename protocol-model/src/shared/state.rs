//! One state, and the actions that lead from one to the next.

use super::config::Config;

pub(super) const MAX_TAGS: usize = 2;
/// Tokens with this bit are intents: a write is in progress, and nothing may be cached.
pub(super) const INTENT: u8 = 0x40;

/// Bits of [`State::broken`].
pub(super) const STALE_READ: u8 = 1;
pub(super) const NEWER_OVERWRITTEN: u8 = 2;
pub(super) const TWO_LOADS: u8 = 4;

/// A token as it was read: 0 is missing. Both parts have to be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Token {
    pub(super) id: u8,
    pub(super) incarnation: u8,
}

pub(super) type Tokens = [Token; MAX_TAGS];

/// A stored value: what it shows of the source, and what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(super) version: u8,
    pub(super) tokens: Tokens,
    pub(super) incarnation: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueShard {
    pub(super) value: Option<Entry>,
    /// The lease in the lock, 0 = free.
    pub(super) lock: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagShard {
    pub(super) token: [u8; MAX_TAGS],
    /// With `KeySet`: the tag lists the key.
    pub(super) listed: [bool; MAX_TAGS],
}

/// A load that may store: its lease, and the incarnation that granted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    pub(super) lease: u8,
    pub(super) incarnation: u8,
}

/// Where a reader is. `got` is the mask of the tags whose token it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// One round trip: the value and every token, fetched in any order.
    Lookup {
        value: Option<Option<Entry>>,
        incarnation: u8,
        got: u8,
        tokens: Tokens,
    },
    /// A miss; asks for the lock, granted unless the value is not the one `seen`.
    Lock {
        seen: Option<Entry>,
        got: u8,
        tokens: Tokens,
    },
    /// Creates or reads the tokens that were missing.
    Ensure {
        grant: Grant,
        got: u8,
        tokens: Tokens,
    },
    Load {
        grant: Grant,
        tokens: Tokens,
    },
    /// With `TokenAfter`: reads the tokens after the load.
    Late {
        grant: Grant,
        got: u8,
        tokens: Tokens,
        version: u8,
    },
    Fill {
        grant: Grant,
        tokens: Tokens,
        version: u8,
    },
    /// Reads the tokens once more, for those who joined.
    Verify {
        tokens: Tokens,
        version: u8,
        got: u8,
        ok: bool,
    },
    /// With `parallel_reread`: FILL and that read are on their way; `fill` is FILL's outcome.
    Sent {
        grant: Grant,
        tokens: Tokens,
        version: u8,
        got: u8,
        ok: bool,
        fill: Option<bool>,
    },
    /// With `KeySet`: the value is stored and not yet listed everywhere.
    List {
        version: u8,
        got: u8,
    },
    Joined {
        leader: u8,
    },
    Wait,
    /// A write is in progress: loads without the cache.
    Bypass,
}

impl Phase {
    pub(super) const LOOKUP: Self = Self::Lookup {
        value: None,
        incarnation: 0,
        got: 0,
        tokens: [Token {
            id: 0,
            incarnation: 0,
        }; MAX_TAGS],
    };

    /// The lease of a load that has not ended its fill; 0 = none.
    pub(super) fn lease(&self) -> u8 {
        match self {
            Self::Ensure { grant, .. }
            | Self::Load { grant, .. }
            | Self::Late { grant, .. }
            | Self::Fill { grant, .. }
            | Self::Sent {
                grant, fill: None, ..
            } => grant.lease,
            _ => 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(super) phase: Phase,
    pub(super) floor: u8,
    /// Reads it has still to make.
    pub(super) left: u8,
}

/// Where a writer is; the number is the version it committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Start,
    Committed(u8),
    Executed(u8),
    /// Outcome unknown, or not sent: tried again later. The caller has no Ok yet.
    Pending(u8),
    Done,
    /// Its intent is set; true: over that of another.
    Begun(bool),
    BracketCommitted(bool),
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// Commits of the source.
    pub(super) version: u8,
    /// What readers that start now must see at least.
    pub(super) floor: u8,
    pub(super) values: ValueShard,
    pub(super) tags: TagShard,
    pub(super) values_replica: ValueShard,
    pub(super) tags_replica: TagShard,
    /// Of the shard of the value, of the shard of the tags.
    pub(super) incarnation: [u8; 2],
    pub(super) readers: Vec<Reader>,
    pub(super) writers: Vec<Writer>,
    pub(super) next_token: u8,
    pub(super) next_lease: u8,
    pub(super) evictions: u8,
    pub(super) expiries: u8,
    pub(super) crashes: u8,
    pub(super) failovers: u8,
    pub(super) writer_crashes: u8,
    pub(super) lost: u8,
    /// With `SameBytes`: the token of each writer's first attempt.
    pub(super) sent: [u8; 2],
    /// The other LOCK still on its way: the value it was sent for, its lease.
    pub(super) stray: Option<(Option<Entry>, u8)>,
    pub(super) strays: u8,
    pub(super) broken: u8,
}

impl State {
    pub(super) fn fresh_token(&mut self) -> u8 {
        self.next_token += 1;
        self.next_token - 1
    }

    pub(super) fn fresh_lease(&mut self) -> u8 {
        self.next_lease += 1;
        self.next_lease - 1
    }

    pub(super) fn has_intent(&self, tag: usize) -> bool {
        self.tags.token[tag] & INTENT != 0
    }

    /// Nobody looks beyond this state.
    pub(super) fn is_final(&self, config: &Config) -> bool {
        self.broken & STALE_READ != 0 || (self.broken != 0 && !config.stale_only)
    }
}

/// One step of one participant: usually a reader or a writer by its number, then a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Start(u8),
    StartJoin(u8, u8),
    ReadValue(u8),
    ReadToken(u8, u8),
    Decide(u8),
    Acquire(u8),
    EnsureToken(u8, u8),
    Load(u8),
    LateToken(u8, u8),
    /// Hands FILL and the second read of the tokens over together.
    Send(u8),
    Fill(u8),
    List(u8, u8),
    VerifyToken(u8, u8),
    Finish(u8),
    Retry(u8),
    BypassLoad(u8),
    Commit(u8),
    Invalidate(u8),
    Ok(u8),
    Begin(u8),
    End(u8),
    /// No reply to an invalidation that was not executed / that was executed.
    LoseRequest(u8),
    LoseReply(u8),
    /// The next attempt of a pending invalidation is executed.
    Resend(u8),
    WriterCrash(u8),
    /// Of this tag.
    IntentExpires(u8),
    Evict(u8),
    LockExpires,
    StrayLock,
    ReaderCrash(u8),
    /// Of shard 0 (value) or 1 (tags).
    Replicate(u8),
    Failover(u8),
}
