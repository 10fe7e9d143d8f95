//! What is varied between the runs.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// L1 hits are verified against the server
    Strict,
    /// L1 hits and L2 hits use the local token `tag_view` while the lease lasts
    Bounded,
    /// as Bounded, but invalidate returns only after every lease that could be ignorant of it
    /// has been acknowledged or has run out; the allowed window is then zero
    Settled,
}

/// how key invalidations reach the local tier
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keys {
    /// every write invalidates the tag
    NoKeyInvalidation,
    /// every second write, beginning with the first, invalidates the key; the key is a dep
    /// whose view is the id of the stored entry
    EntryIdIsDep,
    /// the same writes; pushes naming the key drop the entry, else entries are re-verified by
    /// the tag's token only (wrong)
    TokensOnly,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule, on or off")]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    /// reads of each instance; one with a single read never needs a lease and sends no pings
    pub(crate) reads: Vec<u8>,
    pub(crate) writes: u8,
    pub(crate) window: u8,
    pub(crate) last_tick: u8,
    pub(crate) cuts: u8,
    /// trust ends `w` after the send time of the newest answered ping
    pub(crate) lease: bool,
    /// a token reply is installed only if no push arrived since the request was sent
    pub(crate) seq_check: bool,
    /// reconnecting forgets every token `tag_view`
    pub(crate) flush_on_reconnect: bool,
    /// the server queues pushes at the end of its event-loop cycle (after replies of that cycle
    /// were queued) instead of at execution
    pub(crate) end_of_cycle_push: bool,
    /// with `end_of_cycle_push`: the writer's reply may leave before that push is queued
    pub(crate) reply_before_push: bool,
    /// lease starts at the send time of the ping before the last answered one
    pub(crate) double_barrier: bool,
    /// members are known to the writer (acks allowed); false: always wait out the window
    pub(crate) acks: bool,
    pub(crate) keys: Keys,
}
