//! One cache in many processes, over a [`Remote`](crate::remote::Remote).
//!
//! - `deps.rs` - what an answer depends on, and what was seen of it.
//! - `look.rs`, `view.rs`, `asked.rs` - an entry is valid if every token in it is current after the reader arrived.
//! - `glimpse.rs`, `glance.rs` - the same where one answer tells all, as it mostly does: of one key, of many.
//! - `believed.rs` - tokens that need not be asked for, where that was wanted.
//! - `venture.rs` - a look that asks for the lease at once, where there may well be nothing to be found.
//! - `lease.rs` - one load in all processes: a lease, which is given back unless it ends with a fill.
//! - `wish.rs` - a lease that nobody waits for any more when it is granted is given back at once.
//! - `renewal.rs` - leases are renewed while their loads run.
//! - `fill.rs` - what was loaded is stored with the tokens that were seen before the load.
//! - `owed.rs` - invalidations that the store did not take yet: until it has, it is not used.
//! - `serving.rs` - who sees to them, whatever becomes of the runtimes of their callers.
//! - `memory.rs` - which tags the answers of a key had.
//! - `late.rs` - entries that could not be read in time: of them no more is read than can be used.
//!
//! Invariants (`docs/design.md` has their reasons and their tests):
//! - I2: every token in an entry was current at a moment before its load began.
//! - I3: what is given out was valid at a moment after its reader arrived, or is trusted (I9).
//! - I6: an entry changes only under the lease that is in force.
//! - I11: the store is used only while it is owed nothing.

mod asked;
mod believed;
mod deps;
mod fill;
mod glance;
mod glimpse;
mod late;
mod lease;
mod look;
mod memory;
mod owed;
mod renewal;
mod serving;
mod venture;
mod view;
mod wish;

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) use self::deps::{Backing, Deps, Proofs, Share, Sight, any_family, family_of};
pub(crate) use self::fill::{Cargo, Stored};
pub(crate) use self::glimpse::{Glimpse, Glimpsed, Sighted};
pub(crate) use self::lease::{Claimed, Lease};
pub(crate) use self::look::{Fetched, Found, Legible, Look, Looks};
pub(crate) use self::owed::Order;
pub(crate) use self::venture::Ventured;
pub(crate) use self::wish::Wish;

use self::late::Late;
use self::memory::Memory;
use self::owed::Owed;
use self::renewal::Renewals;
use crate::background::{self, HomeRuntime, within};
use crate::breaker::BreakerState;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::remote::{Cell, Remote, Status, Wake, Watch};

/// How long `close` tries to do what is owed.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// From before the families are read until the tags of a result are: longer, and a bracketed write
/// whose writer died could have ended in between. A constant of all versions that share a store.
pub(crate) const LONGEST_PROOF: Duration = Duration::from_secs(10);
/// How long a write covers what it changes if its writer dies. At least the time within which such a
/// write is to be done and [`LONGEST_PROOF`]: a constant of all versions that share a store.
pub(crate) const INTENT_LIFE: Duration = Duration::from_secs(30);
/// Tokens live at least this long, whatever the lives of the entries that hold them.
const SHORTEST_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The tier that this process shares with others.
pub(crate) struct Shared {
    remote: Arc<dyn Remote>,
    wake: Arc<Wake>,
    watch: Arc<Watch>,
    memory: Memory,
    late: Late,
    owed: Owed,
    renewals: Renewals,
    clock: Clock,
    /// By how much the source may be behind what is written to it.
    lag: Option<Duration>,
    home: HomeRuntime,
}

impl Shared {
    pub(crate) fn new(
        remote: Arc<dyn Remote>,
        watch: Arc<Watch>,
        clock: Clock,
        lag: Option<Duration>,
        home: HomeRuntime,
    ) -> Arc<Self> {
        let wake = Arc::new(Wake::default());
        remote.attach(Arc::clone(&wake), Arc::clone(&watch));
        Arc::new(Self {
            remote,
            wake,
            watch,
            memory: Memory::default(),
            late: Late::default(),
            owed: Owed::default(),
            renewals: Renewals::default(),
            clock,
            lag,
            home,
        })
    }

    pub(crate) fn remote(&self) -> &dyn Remote {
        &*self.remote
    }

    /// For what is to be done although its caller goes away.
    pub(crate) fn home(&self) -> &HomeRuntime {
        &self.home
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn status(&self) -> Status {
        self.remote.status()
    }

    /// Whether the store is used. While something is owed it is not, except for that (I11).
    pub(crate) fn breaker(&self) -> BreakerState {
        match self.remote.breaker() {
            BreakerState::Closed if self.owes() > 0 => BreakerState::HalfOpen,
            state => state,
        }
    }

    pub(crate) fn breaker_opened(&self) -> u64 {
        self.remote.breaker_opened()
    }

    /// Lets go of the store when it is owed nothing any more.
    pub(crate) async fn close(self: &Arc<Self>) -> Result<(), Error> {
        let settled = async {
            while !self.settle().await {
                if !background::has_waited(Duration::from_millis(50)).await {
                    return false;
                }
            }
            true
        };
        let settled = within(CLOSE_LIMIT, settled).await == Some(true);
        // In this order: what the store's end cuts off is told that nothing is repeated.
        self.owed.close();
        self.remote.close();
        if settled && self.owed.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} invalidations could not be done in the shared store; other processes may serve what they name until it expires",
            self.owes()
        );
        Err(Error::new(ErrorKind::Unfinished, message))
    }

    /// How often an invalidation was not taken at once.
    pub(crate) fn was_owed(&self) -> u64 {
        self.owed.ever()
    }

    /// Whether it has let go of the store for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.owed.is_closed()
    }

    /// Invalidations that are still to be done.
    pub(crate) fn owes(&self) -> usize {
        self.owed.len()
    }
}

/// The cell of the whole namespace. It has a number, so that there can be more of them.
pub(crate) fn namespace_cell() -> Cell {
    static NAME: LazyLock<Arc<str>> = LazyLock::new(|| "@ns.0".into());
    Cell::Tag(Arc::clone(&NAME))
}

/// How long the tokens of an entry are kept that lives for `life`.
fn token_life(life: Duration) -> Duration {
    life.saturating_mul(2).max(SHORTEST_TOKEN_LIFE)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("remote", &self.remote)
            .field("owes", &self.owes())
            .finish_non_exhaustive()
    }
}
