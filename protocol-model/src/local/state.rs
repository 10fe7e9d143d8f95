//! One state, and the actions that lead from one to the next.

/// a value, as stored in L2 and L1; `id` = lease under which it was stored (0 in runs without
/// key invalidation, where fills need no fence)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) version: u8,
    pub(crate) token: u8,
    pub(crate) id: u8,
}

/// what a push or a reply concerns: bit 0 the tag, bit 1 the key
pub(crate) const TAG: u8 = 1;
pub(crate) const KEY: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Msg {
    Push(u8),
    Pong(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// request sent on the data connection; `dirty` = deps named by a push since then
    Asked {
        start: (u8, u8),
        dirty: u8,
        connects: u8,
    },
    /// server answered (value, token); reply not handled yet
    Replied {
        start: (u8, u8),
        dirty: u8,
        connects: u8,
        value: Option<Entry>,
        token: u8,
    },
    /// load finished, token snapshot from before the load; lease 0 = not to be stored
    Loaded {
        start: (u8, u8),
        dirty: u8,
        connects: u8,
        token: u8,
        version: u8,
        lease: u8,
    },
    /// FILL was executed (with what outcome); its reply is not handled yet
    Filled {
        start: (u8, u8),
        dirty: u8,
        connects: u8,
        e: Entry,
        stored: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub(crate) up: bool,         // server side of the push connection
    pub(crate) connects: u8,     // number of (re)connects
    pub(crate) queue: Vec<Msg>,  // in flight towards the client, FIFO
    pub(crate) ping: Option<u8>, // in flight towards the server
    pub(crate) waiting: bool,    // a ping is unanswered
    pub(crate) last: Option<u8>, // send time of the newest answered ping
    pub(crate) horizon: Option<u8>,
    pub(crate) tag_view: u8, // locally known token, 0 = unknown
    pub(crate) key_view: u8, // locally known id of the entry in L2, 0 = unknown
    pub(crate) local: Option<Entry>,
    pub(crate) phase: Phase,
    pub(crate) left: u8,
    /// a ping of this connection was answered in the server's current cycle
    pub(crate) ponged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Start,
    Committed(u8),
    /// executed at `at`; instances (bit mask) that have not acknowledged
    Executed {
        v: u8,
        at: u8,
        owe: u8,
    },
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u8,
    pub(crate) version: u8,
    pub(crate) ok_at: [Option<u8>; 3], // time at which the invalidation of version i returned
    pub(crate) token: u8,
    pub(crate) value: Option<Entry>,
    pub(crate) lock: u8,
    pub(crate) next_lease: u8,
    pub(crate) next_tok: u8,
    pub(crate) instances: Vec<Instance>,
    pub(crate) writers: Vec<Writer>,
    pub(crate) pending_push: bool,
    pub(crate) cuts: u8,
    pub(crate) stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    Commit(u8),
    Invalidate(u8),
    Ok(u8),
    EndOfCycle,
    Ping(u8),
    ServerPong(u8),
    Deliver(u8),
    Cut(u8),
    Reconnect(u8),
    LocalHit(u8),
    Ask(u8),
    ServerReply(u8),
    Handle(u8),
    HandleLocalView(u8),
    Fill(u8),
    HandleFill(u8),
}
