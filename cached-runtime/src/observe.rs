//! Counters per prefix, and the events a cache logs.
//!
//! Invariant: a hit writes no memory that another thread writes. Each thread counts for itself;
//! [`Stats`] adds up when somebody asks.

mod prefix;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::AuditCounts;
use crate::breaker::BreakerState;
use serde::Serialize;

use self::prefix::Counters;
pub(crate) use self::prefix::PrefixStats;

/// Prefixes beyond this many are counted together, so that a prefix made from data cannot grow
/// the counters without bound.
const MAX_PREFIXES: usize = 1_000;
const OVERFLOW: &str = "(other)";

macro_rules! counters {
    ($($(#[$doc:meta])* $event:ident $field:ident,)*) => {
        /// What can be counted.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Event { $($event),* }

        /// What happened since the cache was built, for one prefix or in total.
        ///
        /// Serialized it has the [`hit_rate`](Self::hit_rate) besides.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        #[serde(into = "Written")]
        #[non_exhaustive]
        pub struct Counts { $($(#[$doc])* pub $field: u64),* }

        const EVENTS: usize = [$(Event::$event),*].len();

        impl Counts {
            fn add(&mut self, counters: &Counters) {
                $(self.$field += counters.0[Event::$event as usize].load(Relaxed);)*
            }

            fn add_counts(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }

        /// Counts as they are serialized.
        #[derive(Serialize)]
        struct Written {
            hit_rate: f64,
            $($field: u64),*
        }

        impl From<Counts> for Written {
            fn from(counts: Counts) -> Self {
                Self {
                    hit_rate: counts.hit_rate(),
                    $($field: counts.$field),*
                }
            }
        }
    };
}

counters! {
    /// Answered with a fresh value, without a load.
    Hit hits,
    /// Answered "not found" from a stored negative answer.
    Negative negatives,
    /// Answered with a value past its ttl, where the function allows it.
    Stale stale,
    /// Of these answers, the ones that lay in the shared store and not in this process.
    RemoteHit remote_hits,
    /// Nothing usable was stored.
    Miss misses,
    /// Calls that loaded by themselves because the shared store could not be used.
    Unshared unshared,
    /// Loads that waited for a place, because the store could not be used and as many ran as may.
    Queued queued,
    /// Answered by a load that another caller ran.
    Joined joined,
    /// Past the cache, because the caller or the settings said so, or because there was no key. Their
    /// bodies are not counted among the loads.
    Bypassed bypassed,
    /// Bodies that ran to their end, in calls that used the cache; of a batch, one for each element.
    Load loads,
    /// Of these, the ones that returned an error.
    LoadError load_errors,
    /// Calls over their `load_timeout`: their load was cut, or the wait for another's, or for a place.
    LoadTimeout load_timeouts,
    /// Answers stored.
    Stored stored,
    /// Answers not stored because an invalidation came while they were loaded.
    Overtaken overtaken,
    /// Answers not stored because of `cache_if`, a zero ttl, or their size.
    NotStored not_stored,
    /// Old answers given, and early refreshes left, without a try, because the last one had failed a
    /// moment ago.
    HeldBack held_back,
    /// Refreshes started behind an answer.
    Refresh refreshes,
    /// Entries in the shared store that could not be read: damaged, foreign, of another version or
    /// codec. Each is a miss.
    Corrupt corrupt,
    /// Calls whose key could not be made.
    KeyError key_errors,
    /// Stored values of another type than the caller's under the same key.
    TypeMismatch type_mismatches,
}

impl Counts {
    /// Answers that came out of the cache.
    pub fn answered(&self) -> u64 {
        self.hits + self.negatives + self.stale
    }

    /// Share of look-ups answered out of the cache; 0 where there was none. Callers who were given what
    /// another one loaded are misses, and calls past the cache are none of it.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    ///
    /// assert_eq!(Cache::in_process().stats().total.hit_rate(), 0.0);
    /// ```
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 52 bits"
    )]
    pub fn hit_rate(&self) -> f64 {
        let lookups = self.answered() + self.misses;
        if lookups == 0 {
            0.0
        } else {
            self.answered() as f64 / lookups as f64
        }
    }
}

/// What a cache did so far, in total and per prefix.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Key, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let key = Key::<u32>::new("answer", &());
/// cache.put(&key, &42, &Policy::ttl(Duration::from_secs(60))).await?;
/// cache.get(&key).await;
/// let stats = cache.stats();
/// assert_eq!((stats.entries, stats.total.hits), (1, 1));
/// assert_eq!(stats.prefixes["answer"].stored, 1);
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// The cache's namespace.
    pub namespace: String,
    /// Entries in this process now, invalidated ones that were not yet replaced among them.
    pub entries: u64,
    /// Their weight in bytes; 0 where `local_capacity_bytes` is not set.
    pub bytes: u64,
    /// Entries pushed out because the cache was full.
    pub evictions: u64,
    /// Explicit invalidations: keys, tags, prefixes and the namespace.
    pub invalidations: u64,
    /// Those that the shared store did not take at once, of kind [`Pending`](crate::ErrorKind::Pending):
    /// they are repeated until it has them. How many wait now, [`health`](crate::Cache::health) says.
    pub invalidations_pending: u64,
    /// Bracketed writes that were not covered until their end.
    pub weakened_brackets: u64,
    /// How often the connection on which the store pushes was lost.
    pub pushes_lost: u64,
    /// How often it was found that pushes do not arrive although the store had agreed to send them.
    pub pushes_withheld: u64,
    /// Whether the shared store is used; `None` without one.
    pub breaker: Option<BreakerState>,
    /// How often the breaker opened: the store was lost, or an operation got no answer.
    pub breaker_opened: u64,
    /// What the audit found.
    pub audit: AuditCounts,
    /// Sum over all prefixes.
    pub total: Counts,
    /// Per prefix. At most 1,000 of them: later ones are counted under `(other)`.
    pub prefixes: BTreeMap<String, Counts>,
}

/// All counters of one cache.
#[derive(Debug, Default)]
pub(crate) struct Observatory {
    /// Read without a lock: each call that is no plain hit looks its prefix up.
    prefixes: papaya::HashMap<Box<str>, Arc<PrefixStats>, foldhash::quality::RandomState>,
    /// Held by who adds a prefix, so that there are never too many.
    adds: Mutex<()>,
    evictions: AtomicU64,
    invalidations: AtomicU64,
    weakened: AtomicU64,
    unkeyable_reported: Once,
    kept_nowhere_reported: Once,
}

impl Observatory {
    pub(crate) fn prefix(&self, name: &str) -> Arc<PrefixStats> {
        let prefixes = self.prefixes.pin();
        let known = prefixes.get(name).or_else(|| {
            let full = prefixes.len() > MAX_PREFIXES;
            prefixes.get(OVERFLOW).filter(|_| full)
        });
        if let Some(stats) = known {
            return Arc::clone(stats);
        }
        let _adds = self.adds.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have added it.
        if let Some(stats) = prefixes.get(name) {
            return Arc::clone(stats);
        }
        let name = if prefixes.len() < MAX_PREFIXES {
            name
        } else {
            OVERFLOW
        };
        let stats = prefixes.get_or_insert_with(name.into(), || Arc::new(PrefixStats::new(name)));
        Arc::clone(stats)
    }

    /// A call whose arguments could not be serialized.
    #[cold]
    pub(crate) fn unkeyable(&self, stats: &PrefixStats, prefix: &str) {
        stats.count(Event::KeyError);
        if self.unkeyable_reported.first() {
            tracing::error!(
                prefix,
                "the arguments of a call cannot be serialized, or its type parameters are closures, which have no names of their own; it is not cached"
            );
        }
    }

    /// A function with `local = false`, and no other tier to keep its answers.
    pub(crate) fn kept_nowhere(&self, prefix: &str) {
        if self.kept_nowhere_reported.first() {
            tracing::warn!(
                prefix,
                "`local = false` in a cache of this process alone: nothing is stored, callers at the same time still share one load"
            );
        }
    }

    pub(crate) fn evicted(&self, count: u64) {
        self.evictions.fetch_add(count, Relaxed);
    }

    pub(crate) fn invalidated(&self) {
        self.invalidations.fetch_add(1, Relaxed);
    }

    pub(crate) fn weakened(&self, tags: usize) {
        self.weakened.fetch_add(1, Relaxed);
        tracing::warn!(
            tags,
            "a bracketed write was not covered until its end: it took over 30 s, or the store lost something"
        );
    }

    pub(crate) fn stats(&self, namespace: &str, entries: u64, bytes: u64) -> Stats {
        let prefixes = self.prefixes.pin();
        let prefixes: BTreeMap<_, _> = prefixes
            .iter()
            .map(|(name, stats)| (name.to_string(), stats.sum()))
            .collect();
        let mut total = Counts::default();
        for counts in prefixes.values() {
            total.add_counts(counts);
        }
        Stats {
            namespace: namespace.to_owned(),
            entries,
            bytes,
            evictions: self.evictions.load(Relaxed),
            invalidations: self.invalidations.load(Relaxed),
            weakened_brackets: self.weakened.load(Relaxed),
            pushes_lost: 0,
            pushes_withheld: 0,
            breaker: None,
            breaker_opened: 0,
            invalidations_pending: 0,
            audit: AuditCounts::default(),
            total,
            prefixes,
        }
    }
}

/// Reports a state once, however often it is met.
#[derive(Debug, Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(crate) fn first(&self) -> bool {
        !self.0.swap(true, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_threads_are_added_up() {
        let observatory = Observatory::default();
        let count = || (0..1_000).for_each(|_| observatory.prefix("p").count(Event::Hit));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(count);
            }
        });
        assert_eq!(observatory.stats("", 0, 0).prefixes["p"].hits, 4_000);
    }

    #[test]
    fn labels_are_bounded() {
        let observatory = Observatory::default();
        for i in 0..5_000 {
            observatory.prefix(&format!("p{i}")).count(Event::Miss);
        }
        let stats = observatory.stats("", 0, 0);
        assert_eq!(stats.prefixes.len(), MAX_PREFIXES + 1);
        assert_eq!(stats.prefixes[OVERFLOW].misses, 4_000);
        assert_eq!(stats.total.misses, 5_000);
    }
}
