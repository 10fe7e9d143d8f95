//! What was counted, as it is shown to those who ask.

use std::collections::BTreeMap;

use cache_aside::{Counts, Stats};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Counters {
    #[serde(flatten)]
    total: Answers,
    per_prefix: BTreeMap<String, Answers>,
    /// Entries in this process.
    keys: u64,
    /// What they are estimated to take in this process.
    memory_bytes: u64,
    /// How often this process asked the source, by what it asked.
    source: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Answers {
    /// Given out of the cache: articles, and that there is no such article.
    hits: u64,
    misses: u64,
    /// The share of hits in both.
    hit_rate: f64,
    /// Of the misses, those for which another caller's load was good.
    joined: u64,
    /// The baseline: the cache was not asked.
    bypassed: u64,
}

impl Counters {
    pub(crate) fn new(cache: &Stats, source: BTreeMap<&'static str, u64>) -> Self {
        let per_prefix = cache.prefixes.iter();
        Self {
            total: Answers::from(&cache.total),
            per_prefix: per_prefix
                .map(|(prefix, counts)| (prefix.clone(), counts.into()))
                .collect(),
            keys: cache.entries,
            memory_bytes: cache.bytes,
            source,
        }
    }
}

impl From<&Counts> for Answers {
    fn from(counts: &Counts) -> Self {
        Self {
            hits: counts.answered(),
            misses: counts.misses,
            hit_rate: counts.hit_rate(),
            joined: counts.joined,
            bypassed: counts.bypassed,
        }
    }
}
