//! What is varied between the runs.

/// How an entry is tied to its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Unique tokens, read before the load: the protocol.
    TokenBefore,
    /// Unique tokens, read when the value is stored.
    TokenAfter,
    /// Integers, missing = 0, an invalidation adds 1; read before the load.
    CounterBefore,
    /// Each tag lists its keys, an invalidation deletes those.
    KeySet,
}

/// Who may adopt the result of a load that runs already in its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    Off,
    /// Everybody.
    Blind,
    /// Those to whom an accepted fill and tokens read after they joined prove it current.
    Verified,
}

/// What one writer does after (a bracket: around) its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Tag(u8),
    Key,
    /// An intent on the tag before the commit, a fresh token after it.
    Bracket(u8),
}

/// The next attempt of a rotation that was not executed, or whose reply was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Carries a token drawn for it.
    FreshBytes,
    /// Is the packed command of the first attempt.
    SameBytes,
}

/// A LOCK that is executed some time after another that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StrayLock {
    Off,
    /// The same bytes again: it carries the lease in use.
    SameLease,
    /// An attempt that was given up without a reply; nobody uses its lease.
    Abandoned,
}

/// One run. Numbers of faults are how often each may happen, at any moment.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule, on or off")]
pub(crate) struct Config {
    pub(crate) scheme: Scheme,
    pub(crate) tags: usize,
    /// A value is stored only while the lease of its load is in the lock.
    pub(crate) fenced: bool,
    /// Tokens and values are bound to the incarnation of the server that answered.
    pub(crate) incarnation: bool,
    pub(crate) join: Join,
    /// The process of each reader.
    pub(crate) processes: Vec<u8>,
    /// Reads of each reader, one after the other.
    pub(crate) reads: u8,
    /// One writer for each.
    pub(crate) operations: Vec<Operation>,
    /// Tokens that are evicted.
    pub(crate) evictions: u8,
    /// Leases that run out while their holder lives.
    pub(crate) expiries: u8,
    /// Readers that die while they load.
    pub(crate) crashes: u8,
    /// Shards that fall back to their replica.
    pub(crate) failovers: u8,
    /// Loads need the lock.
    pub(crate) locking: bool,
    /// With `KeySet`: the value is stored and listed in one atomic step.
    pub(crate) atomic_listing: bool,
    /// Writers that die inside their bracket.
    pub(crate) writer_crashes: u8,
    /// An invalidation replaces the intent of a running bracket (wrong).
    pub(crate) clobber_intent: bool,
    /// Only stale reads count.
    pub(crate) stale_only: bool,
    /// Invalidations not executed, or executed and their reply lost; tried again later.
    pub(crate) lost: u8,
    pub(crate) resend: Resend,
    /// The attempt made later replaces the intent of a running bracket (wrong).
    pub(crate) drain_clobbers_intent: bool,
    pub(crate) stray_lock: StrayLock,
    /// FILL and the second read of the tokens are sent together and executed in any order.
    pub(crate) parallel_reread: bool,
}

impl Config {
    /// The bit mask of all tags.
    pub(super) fn all(&self) -> u8 {
        (1 << self.tags) - 1
    }
}
