//! Whether a cache does its work.

use serde::Serialize;

use crate::cache::Cache;

/// The answer of [`Cache::health`]. Reasons are plain sentences without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The worst of what was found.
    pub status: HealthStatus,
    /// Why it is not healthy; empty if it is.
    pub reasons: Vec<String>,
}

/// How a cache does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HealthStatus {
    /// Everything works.
    Healthy,
    /// Answers are right, but slower or not shared.
    Degraded,
    /// Nothing is cached.
    Down,
}

impl Health {
    pub(crate) fn of(cache: &Cache) -> Self {
        if !cache.is_enabled() {
            let reason = "the cache is turned off by its settings".to_owned();
            return Self {
                status: HealthStatus::Down,
                reasons: vec![reason],
            };
        }
        if cache.background().is_busy() {
            let reason =
                "as many background loads run as may; stale answers wait for a refresh".to_owned();
            return Self {
                status: HealthStatus::Degraded,
                reasons: vec![reason],
            };
        }
        Self {
            status: HealthStatus::Healthy,
            reasons: Vec::new(),
        }
    }
}
