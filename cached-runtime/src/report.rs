//! What is told of one call, and to whom.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a cached call came by its answer.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Outcome;
///
/// assert_eq!(Outcome::Hit.as_str(), "hit");
/// assert_eq!(Outcome::Joined.to_string(), "joined");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A fresh value was stored.
    Hit,
    /// A value past its ttl was given, because the function allows it.
    Stale,
    /// "Not found" was stored.
    Negative,
    /// The body ran for this call.
    Loaded,
    /// The body ran for another call at the same time.
    Joined,
    /// The cache was neither read nor written.
    Bypassed,
    /// The future made no cached call.
    Uncached,
}

/// Where an answer lay.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Tier;
///
/// assert_eq!((Tier::Local.as_str(), Tier::Remote.as_str()), ("local", "remote"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// In this process.
    Local,
    /// In the store that processes share.
    Remote,
}

/// What happened in one cached call. As a text it is the outcome and the tier, such as `hit, local`:
/// made for a header like `X-Cache`.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, CacheExt, Key, Outcome, Policy};
/// use std::{convert::Infallible, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (sum, report) = async { 1 + 1 }.with_cache_report().await;
/// assert_eq!((sum, report.outcome), (2, Outcome::Uncached));
///
/// let cache = Cache::in_process();
/// let (key, policy) = (Key::<u32>::new("answer", &()), Policy::ttl(Duration::from_secs(60)));
/// let answer = || cache.get_or_load(&key, &policy, || async { Ok::<_, Infallible>(42) });
/// let (_, report) = answer().with_cache_report().await;
/// assert_eq!(report.to_string(), "loaded");
/// let (_, report) = answer().with_cache_report().await;
/// assert_eq!(report.to_string(), "hit, local");
/// # });
/// ```
///
/// Of a batch it says what the call had to do: `Loaded` if its body ran, else `Joined` if it waited for
/// another process, else `Stale` if any element is, else `Hit`, "not found" included. The tier of the latter two is the
/// farthest that an element came from, the age that of the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How the call came by its answer.
    pub outcome: Outcome,
    /// The tier it came from; `None` where it was loaded.
    pub tier: Option<Tier>,
    /// How long ago the answer was stored; `None` where it was loaded.
    pub age: Option<Duration>,
}

impl Outcome {
    /// Its name in lower case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Negative => "negative",
            Self::Loaded => "loaded",
            Self::Joined => "joined",
            Self::Bypassed => "bypassed",
            Self::Uncached => "uncached",
        }
    }
}

impl Tier {
    /// Its name in lower case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        match self.tier {
            Some(tier) => write!(f, ", {tier}"),
            None => Ok(()),
        }
    }
}

impl Report {
    pub(crate) fn loaded(outcome: Outcome) -> Self {
        Self {
            outcome,
            tier: None,
            age: None,
        }
    }

    pub(crate) fn found(outcome: Outcome, tier: Tier, age: Duration) -> Self {
        Self {
            outcome,
            tier: Some(tier),
            age: Some(age),
        }
    }
}

/// Where a report goes, if somebody asked for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter(Vec<Arc<Mutex<Report>>>);

impl Reporter {
    /// Reports go into this slot.
    pub(crate) fn to(slot: &Arc<Mutex<Report>>) -> Self {
        Self(vec![Arc::clone(slot)])
    }

    /// And where the other has them go.
    pub(crate) fn and(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn report(&self, report: impl Fn() -> Report) {
        for slot in &self.0 {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = report();
        }
    }
}
