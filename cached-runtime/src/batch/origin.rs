//! Where the answers of a batch came from.

use std::time::Duration;

use crate::mode::{Outcome, Report, Tier};

/// The farthest tier of what was found, and the age of the oldest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin(Option<(Tier, Duration)>);

impl Origin {
    /// One more was found there, and is so old.
    pub(super) fn note(&mut self, tier: Tier, age: Duration) {
        let (farthest, oldest) = self.0.unwrap_or((tier, age));
        let farthest = if farthest == Tier::Remote {
            farthest
        } else {
            tier
        };
        self.0 = Some((farthest, oldest.max(age)));
    }

    /// Of a batch that came to this without a load.
    pub(super) fn report(self, outcome: Outcome) -> Report {
        match self.0 {
            Some((tier, age)) => Report::found(outcome, tier, age),
            None => Report::loaded(outcome),
        }
    }
}
