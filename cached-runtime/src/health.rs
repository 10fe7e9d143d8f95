//! Whether a cache does its work.

use serde::Serialize;

use crate::breaker::BreakerState;
use crate::cache::Cache;
use crate::remote::Status;

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
        let mut reasons = Vec::new();
        if cache.background().is_busy() {
            reasons.push(
                "as many background loads run as may; stale answers wait for a refresh".to_owned(),
            );
        }
        if cache.limiter().is_full() {
            reasons
                .push("the limit of loads without the shared store (`unshared_loads`) is reached; others wait".to_owned());
        }
        if let Some(shared) = cache.shared() {
            let (status, state) = (shared.status(), shared.breaker());
            let breaker = state.in_words();
            if status.is_usable() {
                let alone = |why| format!("copies in this process are confirmed one by one: {why}");
                reasons.extend(shared.watch().shortcoming().map(alone));
            }
            match status {
                Status::Up => {}
                Status::Degraded(why) => {
                    reasons.push(format!("the shared store: {why}{breaker}"));
                }
                Status::Down(why) => {
                    reasons.push(format!("the shared store cannot be used: {why}{breaker}"));
                }
            }
            let owed = shared.owes();
            if owed > 0 {
                let half_open = match state {
                    BreakerState::HalfOpen => breaker,
                    _ => "",
                };
                reasons.push(format!(
                    "invalidations that wait for the shared store: {owed}; until they are done it is not used{half_open}"
                ));
            }
        }
        let status = if reasons.is_empty() {
            HealthStatus::Healthy
        } else {
            HealthStatus::Degraded
        };
        Self { status, reasons }
    }
}
