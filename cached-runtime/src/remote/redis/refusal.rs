//! What the server refuses although it works, until it does not any more.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Moment};

/// So long nothing must have been refused for the log to say that it is over: where memory is full
/// and then not, call by call, that is one line, and not one for each call.
const QUIET: Duration = Duration::from_secs(5);

/// What is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Reads,
    Writes,
}

/// Why operations are refused.
#[derive(Debug)]
pub(super) struct Refusals {
    clock: Clock,
    /// Since the last refusal of reads, and of writes, none has succeeded.
    now: [AtomicBool; 2],
    /// The log has something to take back.
    told: AtomicBool,
    reasons: Mutex<Reasons>,
}

#[derive(Debug)]
struct Reasons {
    last: [String; 2],
    at: Moment,
    /// What the log was told, each once.
    told: Vec<String>,
}

impl Refusals {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            now: Default::default(),
            told: AtomicBool::new(false),
            reasons: Mutex::new(Reasons {
                last: Default::default(),
                at: Moment::FIRST,
                told: Vec::new(),
            }),
        }
    }

    pub(super) fn begin(&self, what: What, why: &str) {
        let mut reasons = self.reasons();
        reasons.at = self.clock.now();
        why.clone_into(&mut reasons.last[what as usize]);
        self.now[what as usize].store(true, Relaxed);
        let news = !reasons.told.iter().any(|told| told == why);
        if news {
            reasons.told.push(why.to_owned());
            self.told.store(true, Relaxed);
        }
        // Who hears of it may call the cache.
        drop(reasons);
        if news {
            tracing::warn!("redis refuses: {why}");
        }
    }

    /// One succeeded that would have been refused.
    pub(super) fn end(&self, what: What) {
        let now = &self.now[what as usize];
        if now.load(Relaxed) {
            now.store(false, Relaxed);
        }
        if !self.told.load(Relaxed) || self.now.iter().any(|now| now.load(Relaxed)) {
            return;
        }
        let mut reasons = self.reasons();
        if self.clock.now().since(reasons.at) >= QUIET && !reasons.told.is_empty() {
            reasons.told.clear();
            self.told.store(false, Relaxed);
            drop(reasons);
            tracing::info!("redis does not refuse any more");
        }
    }

    pub(super) fn why(&self) -> Option<String> {
        let at = self.now.iter().position(|now| now.load(Relaxed))?;
        Some(self.reasons().last[at].clone())
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks what is refused at every event.
    struct Asks(std::sync::Arc<Refusals>, std::sync::atomic::AtomicU64);

    impl tracing::Subscriber for Asks {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            assert!(
                self.0.reasons.try_lock().is_ok(),
                "or this waits for itself"
            );
            self.1.fetch_add(1, Relaxed);
        }

        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn nothing_is_locked_while_it_is_told() {
        let clock = Clock::manual();
        let refusals = std::sync::Arc::new(Refusals::new(clock.clone()));
        let asks = std::sync::Arc::new(Asks(std::sync::Arc::clone(&refusals), 0.into()));
        // While there is but one of them, what another thread reaches first is off for all.
        let other = Asks(std::sync::Arc::clone(&refusals), 0.into());
        let _other = tracing::Dispatch::new(other);
        tracing::subscriber::with_default(std::sync::Arc::clone(&asks), || {
            refusals.begin(What::Writes, "full");
            clock.advance(QUIET);
            refusals.end(What::Writes);
        });
        assert_eq!(asks.1.load(Relaxed), 2);
    }

    #[test]
    fn what_comes_and_goes_is_told_once_until_it_is_quiet() {
        let clock = Clock::manual();
        let refusals = Refusals::new(clock.clone());
        let told = || refusals.reasons().told.clone();
        for _ in 0..3 {
            refusals.begin(What::Writes, "full");
            assert_eq!(refusals.why().as_deref(), Some("full"));
            refusals.begin(What::Writes, "forbidden");
            refusals.begin(What::Reads, "forbidden");
            refusals.end(What::Writes);
            assert_eq!(refusals.why().as_deref(), Some("forbidden"));
            refusals.end(What::Reads);
            assert_eq!(refusals.why(), None);
            assert_eq!(told(), ["full", "forbidden"]);
            clock.advance(QUIET / 2);
        }
        clock.advance(QUIET / 2);
        refusals.end(What::Writes);
        assert!(told().is_empty());
        refusals.begin(What::Writes, "full");
        clock.advance(QUIET);
        refusals.end(What::Reads);
        assert_eq!(told(), ["full"], "writes are refused still");
    }
}
