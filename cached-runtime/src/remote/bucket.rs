//! Token buckets, as a store keeps them: whole numbers, and one rule for all stores.

use super::EntryName;

/// Whole numbers up to here are exact where a server counts in floating point.
pub(crate) const MOST_PARTS: u64 = 1 << 53;

/// A question to a bucket; see [`Remote::draw`](super::Remote::draw).
#[derive(Clone, Debug)]
pub struct Draw {
    /// Which bucket. One that is not there is full.
    pub bucket: EntryName,
    /// How it fills.
    pub pace: Pace,
    /// How many parts are wanted; with none, nothing changes.
    pub parts: u64,
}

/// How a bucket fills. Its tokens are counted in parts, so that every microsecond adds a whole number
/// of them, and none is lost to rounding. No number here is zero, or above 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The parts of one token.
    pub token: u64,
    /// The parts that come back in one microsecond.
    pub speed: u64,
    /// The parts of a full bucket.
    pub capacity: u64,
}

/// The answer of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Whether the parts were there, and are taken.
    pub allowed: bool,
    /// The parts that are missing now.
    pub missing: u64,
}

/// What is kept of a bucket that is not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// The parts of one token, as they were counted then.
    pub(crate) token: u64,
    /// The parts that were missing.
    pub(crate) missing: u64,
    /// When, in microseconds of the clock of whoever keeps it.
    pub(crate) at: u64,
}

impl Pace {
    /// The parts missing in a bucket at a moment.
    pub(crate) fn missing(self, level: Option<Level>, now: u64) -> u64 {
        let Some(level) = level else {
            return 0;
        };
        let missing = if level.token == self.token {
            level.missing
        } else {
            // Of other settings: tokens are what they have in common.
            let tokens = level.missing.div_ceil(level.token.max(1));
            tokens.saturating_mul(self.token)
        };
        let missing = missing.min(self.capacity);
        let added = now.saturating_sub(level.at).saturating_mul(self.speed);
        missing.saturating_sub(added)
    }

    /// What a bucket answers at a moment, and what is to be kept of it; nothing where that stays as it is.
    pub(crate) fn draw(self, level: Option<Level>, parts: u64, now: u64) -> (Drawn, Option<Level>) {
        let mut missing = self.missing(level, now);
        let allowed = parts <= self.capacity - missing;
        if allowed {
            missing += parts;
        }
        // A clock that was set back would let nothing come back until it is where it was.
        let set_back = level.is_some_and(|level| now < level.at);
        let level = Level {
            token: self.token,
            missing,
            at: now,
        };
        let changed = (allowed && parts > 0) || set_back;
        (Drawn { allowed, missing }, changed.then_some(level))
    }

    /// The microseconds until so many parts have come back.
    pub(crate) fn time_for(self, parts: u64) -> u64 {
        parts.div_ceil(self.speed)
    }
}
