//! Who sees to what is owed: one task on the runtime of whoever needs that, or one on that of the cache.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::Duration;

use super::Shared;
use crate::background;

const FIRST_WAIT: Duration = Duration::from_millis(20);
/// How long what is owed is tried after the last handle of the cache is gone.
const AFTER_THE_CACHE: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

impl Shared {
    /// Has a task repeat the attempt until it succeeds.
    pub(super) fn serve(self: &Arc<Self>) {
        if let Some(served) = Served::begin(self, false) {
            background::spawn_detached(served.go());
        }
    }

    /// The same where the caller's runtime did not do it to the end: it may have none.
    fn serve_at_home(self: &Arc<Self>) {
        if let Some(served) = Served::begin(self, true) {
            self.home.run(served.go());
        }
    }
}

/// The task that sees to what is owed. Says that it does not any more when it ends; if its runtime ends before, the
/// cache's own goes on, and else the next use of the store starts another.
struct Served {
    shared: Arc<Shared>,
    at_home: bool,
    /// Whether the flag that says so is this task's: it gives it away for a moment before it ends.
    holds: bool,
}

impl Served {
    /// `None` if there is one.
    fn begin(shared: &Arc<Shared>, at_home: bool) -> Option<Self> {
        let owed = &shared.owed;
        if owed.is_closed() || owed.serves(at_home).swap(true, AcqRel) {
            return None;
        }
        let shared = Arc::clone(shared);
        Some(Self {
            shared,
            at_home,
            holds: true,
        })
    }

    async fn go(mut self) {
        let (mut wait, mut alone) = (FIRST_WAIT, Duration::ZERO);
        let shared = Arc::clone(&self.shared);
        let owed = &shared.owed;
        // What is owed after the last question is seen by whoever owes it: nobody serves by then.
        while !shared.settle().await || self.goes_on() {
            if owed.is_closed() {
                return;
            }
            // Two for each of these tasks.
            if Arc::strong_count(&shared) <= 2 * owed.servants() {
                // The cache is gone; what it promised is not.
                alone += wait;
            }
            if alone > AFTER_THE_CACHE {
                let left = shared.owes();
                tracing::error!(
                    left,
                    "invalidations are given up that the shared store did not take"
                );
                owed.close();
                return;
            }
            if !background::has_waited(wait).await {
                // Without a timer; that of the cache has one.
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Whether something came in while the task was about to end.
    fn goes_on(&mut self) -> bool {
        let owed = &self.shared.owed;
        let serves = owed.serves(self.at_home);
        serves.store(false, Release);
        self.holds = !owed.is_empty() && !serves.swap(true, AcqRel);
        self.holds
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !self.holds {
            return;
        }
        let owed = &self.shared.owed;
        owed.serves(self.at_home).store(false, Release);
        if !self.at_home && !owed.is_empty() {
            self.shared.serve_at_home();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::HomeRuntime;
    use crate::clock::Clock;
    use crate::remote::{DoubleServer, Watch};

    #[test]
    fn who_has_given_the_flag_away_does_not_take_down_that_of_the_next_one() {
        let remote = Arc::new(DoubleServer::new(5).connect());
        let watch = Arc::new(Watch::recording());
        let home = HomeRuntime::default();
        let shared = Shared::new(remote, watch, Clock::manual(), None, home);
        let begin = || Served::begin(&shared, false);
        let mut first = begin().expect("nobody serves");
        assert!(begin().is_none());
        assert!(!first.goes_on(), "nothing is owed");
        let second = begin().expect("the first one has ended");
        drop(first);
        assert!(begin().is_none(), "the second one serves");
        drop(second);
        assert!(begin().is_some());
    }
}
