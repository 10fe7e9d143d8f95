//! The tier that processes share: bytes, tokens and leases.
//!
//! A [`Remote`] keeps four kinds of things, and knows nothing of values, lives or functions:
//!
//! - **entries**: bytes under a name, which change by a fill under the lease that is in force, or
//!   go away;
//! - **cells**: small random tokens under a name (a tag, a family of tags, a key). A cell is
//!   rotated by giving it a token that was never there before; one that is missing proves nothing;
//! - **leases**: at most one in force per entry or name, with a time to live;
//! - **announcements**: those who found a lease in force are told how it ended.
//!
//! What is seen of a cell is a [`Proof`]: the token and the [`Incarnation`] of the server in one
//! number. So whatever a server forgets by losing writes proves nothing afterwards.
//!
//! What every implementation must do is written at the methods, and held against it by the suite
//! in `conformance`.

#[cfg(feature = "rate-limit")]
mod bucket;
mod chunk;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
#[cfg(any(test, feature = "test-util"))]
pub mod double;
mod fault;
mod names;
#[cfg(feature = "redis")]
pub mod redis;
mod request;
mod token;
mod wake;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

#[cfg(feature = "rate-limit")]
pub use self::bucket::{Draw, Drawn, Pace};
#[cfg(feature = "rate-limit")]
pub(crate) use self::bucket::{Level, MOST_PARTS};
pub use self::chunk::{Chunk, Few};
#[cfg(any(test, feature = "test-util"))]
pub use self::double::{Double, DoubleServer};
pub use self::fault::{Fault, Status};
pub use self::names::{Cell, EntryName};
pub use self::request::{
    Concluded, Fill, FillReply, Filled, Found, How, Intent, Lock, LockReply, Locked, Part, Read,
    ReadOrLock, Reading, Release, Turn,
};
pub use self::token::{CellState, Incarnation, LeaseId, Proof, ServerTime};
pub(crate) use self::wake::Waiter;
pub use self::wake::{Ended, Wake};
use crate::breaker::BreakerState;
#[cfg(any(test, feature = "test-util"))]
pub use crate::coherence::Told;
pub use crate::coherence::{Beat, Watch};

/// What an operation comes to.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// What a [`Remote::read`] comes to: it may be done by others, who tell the outcome.
pub enum ReadReply<'a> {
    /// Whoever waits does what there is to do.
    Later(Reply<'a, Reading>),
    /// Whoever waits is told.
    Told(oneshot::Receiver<Result<Reading, Fault>>),
}

impl Future for ReadReply<'_> {
    type Output = Result<Reading, Fault>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Later(reply) => reply.as_mut().poll(context),
            Self::Told(told) => Pin::new(told).poll(context).map(|told| {
                // Whoever was to tell it went away with its runtime.
                told.unwrap_or_else(|_| Err(Fault::Lost("the read was given up".to_owned())))
            }),
        }
    }
}

impl<'a, F> From<Pin<Box<F>>> for ReadReply<'a>
where
    F: Future<Output = Result<Reading, Fault>> + Send + 'a,
{
    fn from(reply: Pin<Box<F>>) -> Self {
        Self::Later(reply)
    }
}

impl fmt::Debug for ReadReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Later(_) => "Later",
            Self::Told(_) => "Told",
        })
    }
}

/// A store that processes share.
///
/// Every operation ends within a time limit of the implementation's own. One that fails may or may
/// not have happened, unless the [`Fault`] says that nothing was sent; none is ever sent twice:
/// every attempt carries tokens and leases that were never sent before.
///
/// A reply is tied to the server that gave it. If it cannot be known which life of the server gave
/// a reply, the operation fails.
pub trait Remote: fmt::Debug + Send + Sync + 'static {
    /// Connects what announcements are told to, and what pushes are told to. Called once, before
    /// anything else.
    fn attach(&self, wake: Arc<Wake>, watch: Arc<Watch>);

    /// Whether it can be used now. An operation on one that is not fails at once.
    fn status(&self) -> Status;

    /// Whether operations are sent, and if not all of them, which. By default that follows from
    /// [`status`](Self::status): none, or all.
    fn breaker(&self) -> BreakerState {
        if self.status().is_usable() {
            BreakerState::Closed
        } else {
            BreakerState::Open
        }
    }

    /// How often [`breaker`](Self::breaker) became [`Open`](BreakerState::Open).
    fn breaker_opened(&self) -> u64 {
        0
    }

    /// Reads entries and cells in one trip, in any order, each at a moment after the call.
    fn read(&self, what: Read) -> ReadReply<'_>;

    /// Asks for leases, and makes sure that `cells` have tokens: the missing ones are given one
    /// that lives for `keep`. The states in the reply were read after that.
    fn lock(&self, locks: Vec<Lock>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, LockReply>;

    /// Reads an entry and `cells`; and where there is no entry asks for its lease, which lives for
    /// `ttl`, and gives the missing cells tokens that live for `keep`. For a look-up that mostly finds
    /// nothing: in one trip if the store can do that.
    ///
    /// Each is read at a moment after the call. No lease is granted where there was an entry, nor
    /// should one be where a cell is an intent; the states in the reply are from before it is given.
    /// Whatever cannot be done in one comes to [`Locked::Changed`].
    ///
    /// By default it is [`read`](Self::read), and then [`lock`](Self::lock).
    fn read_or_lock(
        &self,
        entry: EntryName,
        ttl: Duration,
        cells: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, ReadOrLock> {
        Box::pin(async move {
            let read = Read {
                entries: vec![(entry.clone(), Part::Whole)],
                cells: cells.clone(),
            };
            let reading = self.read(read).await?;
            ReadOrLock::in_turn(self, (entry, ttl), (cells, keep), reading).await
        })
    }

    /// Gives missing cells a token and reads them; reads `then` after that.
    ///
    /// The states come back in one list, those of `then` last.
    fn ensure(
        &self,
        cells: Vec<Cell>,
        then: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, Vec<CellState>>;

    /// Stores entries whose lease is still in force, with the server's own time in their stamps,
    /// and ends those leases; reads `cells` again, in either order. A cell that would be gone
    /// before half of `keep` has passed is kept for `keep`; others are left alone, since those who
    /// follow are told of it.
    fn fill(&self, fills: Vec<Fill>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, FillReply>;

    /// Extends leases that are still in force, and says which were.
    fn renew(&self, leases: Vec<(EntryName, LeaseId)>, ttl: Duration) -> Reply<'_, Vec<bool>>;

    /// Ends leases, if they are still in force, and announces why.
    fn release(&self, leases: Vec<(EntryName, LeaseId)>, why: Release) -> Reply<'_, ()>;

    /// Gives cells new tokens: first all of `first`, and only when that is done those of `then`.
    /// One that is an intent stays what it is. Where memory is full, one that is not there may stay
    /// so if `turn` has no lag: it proves nothing, now or later.
    fn rotate(&self, first: Vec<Cell>, then: Vec<Cell>, turn: Turn) -> Reply<'_, ()>;

    /// Removes entries, and ends their leases whoever holds them; rotates the cells of these keys
    /// where there are any.
    ///
    /// With a lag, those cells are intents for so long, whether they were there or not; and for so
    /// long no lease of these entries is granted, by whatever means: each wish comes to
    /// [`Locked::Pass`].
    fn remove(&self, entries: Vec<EntryName>, turn: Turn) -> Reply<'_, ()>;

    /// Says that a write is under way which changes what depends on `cells`: each becomes an
    /// intent, for `life` or for as long as one that is there still has to live.
    fn intend(&self, cells: Vec<Cell>, life: Duration) -> Reply<'_, Vec<Intent>>;

    /// Says that a write is over: rotates `first`, and only when that is done gives new tokens to
    /// the cells of `intents` in which no other write's intent is, nor was when this one's was set.
    fn conclude(
        &self,
        first: Vec<Cell>,
        intents: Vec<(Cell, Intent)>,
        turn: Turn,
    ) -> Reply<'_, Vec<Concluded>>;

    /// Takes the lease of a name that has no entry; `None` if it is in force.
    fn lock_name(&self, name: &str, ttl: Duration) -> Reply<'_, Option<LeaseId>>;

    /// Extends the lease of a name, if it is in force.
    fn renew_name(&self, name: &str, lease: LeaseId, ttl: Duration) -> Reply<'_, bool>;

    /// Ends the lease of a name, if it is in force.
    fn release_name(&self, name: &str, lease: LeaseId) -> Reply<'_, ()>;

    /// Takes parts out of a bucket if all of them are there, by the time of the server alone. With
    /// the feature `rate-limit`.
    ///
    /// A store that keeps no buckets need not have it: limits are those of each process then.
    #[cfg(feature = "rate-limit")]
    fn draw(&self, draw: Draw) -> Reply<'_, Drawn> {
        // Only an implementation has a use for the question.
        drop(draw);
        Box::pin(async { Err(Fault::Unavailable("it keeps no buckets".to_owned())) })
    }

    /// Lets go of connections and tasks. Operations fail from then on.
    fn close(&self);
}
