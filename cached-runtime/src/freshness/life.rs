//! The deadlines of one entry.

use std::time::Duration;

use crate::clock::{COARSE_LAG, Moment};

use super::Early;

/// How long past its ttl an answer may still be given, and on what occasion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// At once, while one caller refreshes behind it.
    pub(crate) while_revalidate: Duration,
    /// When the load fails, or takes too long.
    pub(crate) if_error: Duration,
}

impl Windows {
    pub(crate) fn longest(self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) born: Moment,
    pub(crate) fresh_until: Moment,
    /// End of the longest stale window: after it the entry is of no use to anybody.
    pub(crate) usable_until: Moment,
    /// Before this moment, even read off the coarse clock, a read has nothing to decide.
    pub(crate) carefree_until: Moment,
}

impl Life {
    /// `ttl` has its jitter taken off already. `cap` bounds the whole life, stale windows included.
    pub(crate) fn new(
        born: Moment,
        ttl: Duration,
        windows: Windows,
        cap: Option<Duration>,
        early: Option<(Early, Duration)>,
    ) -> Self {
        let cap = cap.unwrap_or(Duration::MAX);
        let fresh_until = born.after(ttl.min(cap));
        let usable_until = fresh_until.after(windows.longest()).min(born.after(cap));
        let mut life = Self {
            born,
            fresh_until,
            usable_until,
            carefree_until: born,
        };
        life.carefree_until = life.first_question(early).before(COARSE_LAG);
        life
    }

    /// One that has nothing to decide while it is fresh, and is of no use to anybody afterwards.
    pub(crate) fn plain(born: Moment, fresh_until: Moment) -> Self {
        Self {
            born,
            fresh_until,
            usable_until: fresh_until,
            carefree_until: fresh_until.before(COARSE_LAG),
        }
    }

    /// Whether it is such a life, and one that ends.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::plain(self.born, self.fresh_until) && self.fresh_until < Moment::LAST
    }

    /// That of an answer which was stored elsewhere, `age` ago.
    pub(crate) fn found(
        now: Moment,
        age: Duration,
        (fresh_for, usable_for): (Duration, Duration),
        early: Option<(Early, Duration)>,
    ) -> Self {
        let born = now.before(age);
        let mut life = Self {
            born,
            // In the past, if it is over: the stale windows are counted from there.
            fresh_until: born.after(fresh_for),
            usable_until: born.after(usable_for),
            carefree_until: born,
        };
        life.carefree_until = life.first_question(early).before(COARSE_LAG);
        life
    }

    fn first_question(&self, early: Option<(Early, Duration)>) -> Moment {
        let due = early.map_or(self.fresh_until, |(early, cost)| {
            early.possible_from(self, cost)
        });
        due.min(self.fresh_until)
    }

    /// That of a copy, which from this moment on counts only if it is confirmed.
    pub(crate) fn kept_until(self, end: Moment) -> Self {
        Self {
            carefree_until: self.carefree_until.min(end.before(COARSE_LAG)),
            ..self
        }
    }

    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        now < self.fresh_until
    }

    /// Whether `window`, counted from the end of the ttl, is still open.
    pub(crate) fn within(&self, window: Duration, now: Moment) -> bool {
        now < self.fresh_until.after(window).min(self.usable_until)
    }
}
