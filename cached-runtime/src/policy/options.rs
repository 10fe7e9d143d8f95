//! The options that are the same for values of every type.

use std::time::Duration;

use crate::coherence::{Coherence, Trust};
use crate::freshness::{Early, Jitter, Windows};
use crate::tags::Tag;

/// Payloads that are larger are not stored.
pub(crate) const MAX_SIZE: usize = 1 << 20;
/// How long a crashed loader can hold others up.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// A lease is renewed at a third of its time: a shorter one would end between two round trips.
pub(crate) const SHORTEST_LEASE: Duration = Duration::from_millis(300);
/// How long to wait for a load of another process that is alive.
pub(crate) const LEASE_WAIT: Duration = Duration::from_secs(30);

/// Who shares one load of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SingleFlight {
    /// All callers of all processes that share a remote tier; without one the same as `Local`.
    #[default]
    Cluster,
    /// All callers of this process.
    Local,
    /// Nobody: every caller that finds nothing loads.
    Off,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) ttl: Duration,
    pub(crate) jitter: Jitter,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) windows: Windows,
    pub(crate) early: Option<Early>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) load_timeout: Option<Duration>,
    pub(crate) single_flight: SingleFlight,
    /// Not below [`SHORTEST_LEASE`].
    pub(crate) lease: Duration,
    pub(crate) lease_wait: Duration,
    pub(crate) local: Local,
    /// Kept in the remote tier, too, where there is one.
    pub(crate) remote: bool,
    /// Payloads with more bytes are compressed; `None`: none is.
    pub(crate) compress_above: Option<usize>,
    /// Payloads with more bytes are stored in no tier.
    pub(crate) max_size: usize,
    pub(crate) tags: Vec<Tag>,
    /// Closer than the cache's own, if at all.
    pub(crate) coherence: Option<Coherence>,
}

/// What is kept in the process: a `bool`, or for how long at most.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Policy;
/// use std::time::Duration;
///
/// let policy = Policy::ttl(Duration::from_secs(60));
/// let briefly = policy.clone().local(Duration::from_secs(5));
/// let nowhere = policy.local(false);
/// # drop((briefly, nowhere));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locally(pub(crate) Local);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Kept,
    KeptFor(Duration),
    NotKept,
}

impl From<bool> for Locally {
    fn from(kept: bool) -> Self {
        Self(if kept { Local::Kept } else { Local::NotKept })
    }
}

impl From<Duration> for Locally {
    /// Bounds the whole life in this process, stale windows included.
    fn from(life: Duration) -> Self {
        Self(Local::KeptFor(life))
    }
}

impl Options {
    /// Whether an answer that is found may be given later, in place of what a load would bring.
    pub(crate) fn may_fall_back(&self) -> bool {
        !self.windows.longest().is_zero() || self.early.is_some() || self.soft_timeout.is_some()
    }

    /// How far copies are trusted at most, as far as the function is concerned.
    pub(crate) fn trust(&self) -> Trust {
        self.coherence.map_or(Trust::FOREVER, Coherence::trust)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: Duration::ZERO,
            jitter: Jitter::default(),
            negative_ttl: None,
            windows: Windows::default(),
            early: None,
            soft_timeout: None,
            load_timeout: None,
            single_flight: SingleFlight::default(),
            lease: LEASE,
            lease_wait: LEASE_WAIT,
            local: Local::Kept,
            remote: true,
            compress_above: None,
            max_size: MAX_SIZE,
            tags: Vec::new(),
            coherence: None,
        }
    }
}
