//! What is varied between the runs.

/// what a reader does after the load
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// read or create the tag; after that reply read the epoch again: the protocol
    EpochAfterTag,
    /// read or create the tag and read the epoch again at once, executed in any order
    EpochWithTag,
    /// read or create the tag; no epochs
    NoEpoch,
}

/// order in which an invalidation rotates epoch and tag
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    EpochFirst,
    TagFirst,
    /// sent together to different shards, executed in any order
    Together,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Inv,
    /// write bracket: intent on the tag before the commit; `end` rotates the epoch, then the tag
    Bracket,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) rule: Rule,
    pub(crate) order: Order,
    /// process of each reader; readers of one process join each other's loads (proven joins)
    pub(crate) processes: Vec<u8>,
    pub(crate) reads: u8,
    pub(crate) operations: Vec<Operation>,
    /// evictions of the epoch, of the tag
    pub(crate) evictions: [u8; 2],
    /// a live holder's lease may expiries
    pub(crate) expiries: u8,
    /// a reader may die during its load
    pub(crate) crashes: u8,
    /// a writer may die between its two rotations, or inside its bracket
    pub(crate) writer_crashes: u8,
    /// failovers, of any of the three shards
    pub(crate) failovers: u8,
    /// a load that may have begun before a bracket's commit and outlives that bracket's intent is
    /// not stored: (time limit of a bracketed write) + (longest storable load) <= PX of the intent
    pub(crate) load_bound: bool,
}
