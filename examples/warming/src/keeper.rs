//! Who fills the cache before it is used, and keeps it so.
//!
//! To keep it warm is to warm it again: what is there and far from its end costs a look, what is past
//! half of its life is loaded anew, what is gone is loaded. Of several processes on one Redis all do so, and
//! for each key one of them loads.

use std::io::Write;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cache_aside::{BreakerState, Cache};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::bar::Bar;
use crate::prices::Prices;
use crate::rounds::{Progress, round};

#[cfg(test)]
mod tests;

/// What the keeper has done.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Done {
    /// Whether requests find what they ask for; or there is no use in waiting for that.
    pub(crate) ready: bool,
    /// How far the first round is, or was.
    pub(crate) first: Progress,
    /// Rounds after the first one.
    pub(crate) rounds: u64,
    /// What these rounds have loaded, and where they failed.
    pub(crate) refreshed: usize,
    pub(crate) failed: usize,
    /// Rounds that were left because nothing would have been stored.
    pub(crate) skipped: u64,
}

#[derive(Clone)]
pub(crate) struct Keeper {
    cache: Cache,
    prices: Prices,
    at_once: NonZeroUsize,
    done: watch::Sender<Done>,
}

impl Keeper {
    pub(crate) fn new(cache: &Cache, prices: &Prices, at_once: NonZeroUsize) -> Self {
        Self {
            cache: cache.clone(),
            prices: prices.clone(),
            at_once,
            done: watch::Sender::default(),
        }
    }

    pub(crate) fn done(&self) -> Done {
        self.done.borrow().clone()
    }

    /// Loads the articles from 1 on that nobody has loaded yet, and shows how far it is.
    pub(crate) async fn warm(&self, articles: u64, bar: &mut Bar<impl Write>) {
        if self.stores() {
            let start = Instant::now();
            let show = |progress: &Progress| {
                bar.show(progress);
                let first = progress.clone();
                self.done.send_modify(|done| done.first = first);
            };
            let Progress {
                found,
                loaded,
                failed,
                last_error,
                ..
            } = self.round(articles, show).await;
            let took = start.elapsed();
            bar.tell(&format!(
                "warm after {took:.1?}: {loaded} loaded, {found} found, {failed} failed"
            ));
            if let Some(error) = last_error {
                bar.tell(&format!("the last failure: {error}"));
            }
        } else {
            bar.tell("not warmed: nothing would be stored now");
        }
        self.done.send_modify(|done| done.ready = true);
    }

    /// Goes around for ever.
    pub(crate) async fn keep(&self, articles: u64, every: Duration) {
        // An interval of nothing is none.
        let every = every.max(Duration::from_millis(1));
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.go_around(articles).await;
        }
    }

    /// One round after the first. It is left where nothing would be stored: then each of them would load
    /// everything, from a source that has to carry all requests already.
    pub(crate) async fn go_around(&self, articles: u64) {
        if !self.stores() {
            self.done.send_modify(|done| done.skipped += 1);
            return;
        }
        let progress = self.round(articles, |_| {}).await;
        self.done.send_modify(|done| {
            done.rounds += 1;
            done.refreshed += progress.loaded;
            done.failed += progress.failed;
        });
    }

    async fn round(&self, articles: u64, show: impl FnMut(&Progress)) -> Progress {
        let touch = |article| {
            let prices = self.prices.clone();
            async move { prices.touch(article).await }
        };
        round((1..=articles).collect(), self.at_once, touch, show).await
    }

    /// Whether what is loaded is kept. Without Redis it always is.
    fn stores(&self) -> bool {
        let breaker = self.cache.stats().breaker;
        breaker.is_none_or(|state| state == BreakerState::Closed)
    }
}
