//! Refreshing before expiry, so that nobody waits when it comes.

use std::time::Duration;

use crate::clock::Moment;

use super::{Life, scale};

/// How one reader decides that it is time to refresh an entry that is still fresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Early {
    /// Past this fraction of the life, always: one caller refreshes behind its answer.
    Ahead(f64),
    /// `XFetch`: the sooner it expires and the longer a load takes, the likelier. The caller that
    /// draws it loads.
    Chance { beta: f64 },
}

/// `-ln` of the smallest chance that is looked at: one in 480 million.
const RAREST: f64 = 20.0;

impl Early {
    /// The first moment at which [`due`](Self::due) can say yes.
    pub(super) fn possible_from(self, life: &Life, cost: Duration) -> Moment {
        match self {
            Self::Ahead(fraction) => life
                .born
                .after(scale(life.fresh_until.since(life.born), fraction)),
            Self::Chance { beta } => life.fresh_until.before(scale(cost, beta * RAREST)),
        }
    }

    /// `chance` lies in `0.0..1.0`.
    pub(crate) fn due(self, life: &Life, cost: Duration, now: Moment, chance: f64) -> bool {
        match self {
            Self::Ahead(_) => now >= self.possible_from(life, cost),
            Self::Chance { beta } => {
                let draw = -(1.0 - chance).ln();
                now.after(scale(cost, beta * draw)) >= life.fresh_until
            }
        }
    }
}
