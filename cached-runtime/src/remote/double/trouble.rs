//! What a test can make go wrong, and where it can stop a request.

use std::collections::{BTreeMap, BTreeSet};

/// An operation of [`Remote`](crate::remote::Remote).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// A look-up.
    Read,
    /// A wish for a lease.
    Lock,
    /// A look-up that asks for the lease where it finds nothing.
    ReadOrLock,
    /// Making tokens that are missing.
    Ensure,
    /// Storing what was loaded.
    Fill,
    /// Extending a lease while its load runs.
    Renew,
    /// Ending a lease without an answer.
    Release,
    /// Invalidating tags, prefixes and the namespace.
    Rotate,
    /// Invalidating keys.
    Remove,
    /// The begin of a bracketed write.
    Intend,
    /// The end of a bracketed write.
    Conclude,
    /// Taking a lock by name.
    LockName,
    /// Extending it.
    RenewName,
    /// Giving it back.
    ReleaseName,
    /// A question to a bucket, with the feature `rate-limit`.
    Draw,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Read,
        Self::Lock,
        Self::ReadOrLock,
        Self::Ensure,
        Self::Fill,
        Self::Renew,
        Self::Release,
        Self::Rotate,
        Self::Remove,
        Self::Intend,
        Self::Conclude,
        Self::LockName,
        Self::RenewName,
        Self::ReleaseName,
        Self::Draw,
    ];
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// It is lost, and never executed.
    LoseRequest,
    /// It is executed, and the reply is lost.
    LoseReply,
    /// It stops here until it is let go.
    Hold(Point),
    /// A copy of it, with the same bytes, stays behind and is held at [`Point::Sent`]. No `Remote`
    /// may do that: this is for tests which show that such a copy is noticed.
    Repeat,
}

/// Where a request can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Sent, and not executed.
    Sent,
    /// Between one entry or cell and the next.
    Between,
    /// Executed, and not answered.
    Executed,
}

/// What goes wrong with which operations.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(BTreeMap<Trouble, BTreeSet<Op>>);

impl Troubles {
    pub(super) fn begin(&mut self, trouble: Trouble, ops: &[Op]) {
        self.0.entry(trouble).or_default().extend(ops);
    }

    pub(super) fn end(&mut self, trouble: Trouble) {
        self.0.remove(&trouble);
    }

    pub(super) fn has(&self, trouble: Trouble, op: Op) -> bool {
        self.0.get(&trouble).is_some_and(|ops| ops.contains(&op))
    }
}
