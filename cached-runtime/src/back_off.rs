//! Answers that nobody tries to replace for a while, because the last try failed.
//!
//! While something older can be given, a source that fails or hangs is tried by one caller at a time,
//! and no more often than this. Whoever has nothing else to give tries all the same.

use std::collections::HashMap;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Release},
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::key::RawKey;
use crate::local::AnyEntry;
use crate::remote::LeaseId;

/// More answers than this do not rest at the same time: the others are tried.
const MOST: usize = 10_000;

/// What rests in one cache.
#[derive(Debug)]
pub(crate) struct BackOff {
    time: Duration,
    rests: Mutex<Rests>,
    /// How many there are; written under their lock. Mostly none, and then nobody takes it.
    count: AtomicUsize,
}

#[derive(Debug)]
struct Rests {
    of: HashMap<RawKey, Rest>,
    /// Before this moment none ends, of as many as there may be: it need not be looked for one.
    full_until: Moment,
}

/// Which answer of a key: a later one does not rest for the failures before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerId(u64);

impl AnswerId {
    /// That of the store, which each look makes another entry of; or that of this process.
    pub(crate) fn of(entry: &AnyEntry) -> Self {
        let stored = entry.behind().and_then(|behind| behind.stored);
        Self(stored.map_or(entry.start, |(LeaseId(id), _)| u64::from_le_bytes(id)))
    }
}

#[derive(Debug)]
struct Rest {
    answer: AnswerId,
    until: Moment,
}

impl BackOff {
    /// For zero nothing rests.
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            time,
            rests: Mutex::new(Rests {
                of: HashMap::new(),
                full_until: Moment::FIRST,
            }),
            count: AtomicUsize::new(0),
        }
    }

    /// How long an answer rests; `None` if none does.
    pub(crate) fn time(&self) -> Option<Duration> {
        Some(self.time).filter(|time| !time.is_zero())
    }

    /// Whether this caller may try to replace the answer. If the last try failed, nobody else may
    /// until as much time has passed again.
    pub(crate) fn may_try(&self, key: &RawKey, answer: AnswerId, now: Moment) -> bool {
        if self.count.load(Acquire) == 0 {
            return true;
        }
        let mut rests = self.rests();
        let Some(rest) = rests.of.get_mut(key) else {
            return true;
        };
        if rest.answer != answer {
            rests.of.remove(key);
            self.count.store(rests.of.len(), Release);
            return true;
        }
        let over = now >= rest.until;
        if over {
            rest.until = now.after(self.time);
        }
        over
    }

    /// Who was to try did not: the next caller may.
    pub(crate) fn give_back(&self, key: &RawKey, answer: AnswerId, now: Moment) {
        if self.count.load(Acquire) == 0 {
            return;
        }
        if let Some(rest) = self.rests().of.get_mut(key)
            && rest.answer == answer
        {
            rest.until = now;
        }
    }

    /// A try has come to something, whether that is stored or not.
    pub(crate) fn end(&self, key: &RawKey) {
        if self.count.load(Acquire) == 0 {
            return;
        }
        let mut rests = self.rests();
        if rests.of.remove(key).is_some() {
            self.count.store(rests.of.len(), Release);
        }
    }

    /// A try has failed, or takes too long to be waited for.
    pub(crate) fn rest(&self, key: &RawKey, answer: AnswerId, now: Moment) {
        self.rest_for(self.time, key, answer, now);
    }

    /// The same where another process has failed, a while ago.
    pub(crate) fn rest_for(&self, left: Duration, key: &RawKey, answer: AnswerId, now: Moment) {
        let left = left.min(self.time);
        if left.is_zero() {
            return;
        }
        let until = now.after(left);
        let mut rests = self.rests();
        if rests.of.len() >= MOST && !rests.of.contains_key(key) {
            if now < rests.full_until {
                return;
            }
            rests.of.retain(|_, rest| now < rest.until);
            if rests.of.len() >= MOST {
                let ends = rests.of.values().map(|rest| rest.until);
                rests.full_until = ends.min().unwrap_or(now);
                return;
            }
        }
        rests.of.insert(key.clone(), Rest { answer, until });
        self.count.store(rests.of.len(), Release);
    }

    fn rests(&self) -> MutexGuard<'_, Rests> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const TIME: Duration = Duration::from_secs(10);
    const FIRST: AnswerId = AnswerId(1);

    fn key(n: u64) -> RawKey {
        RawKey::of_prefix(&format!("k{n}"))
    }

    #[test]
    fn one_caller_tries_after_each_rest() {
        let (clock, rests) = (Clock::manual(), BackOff::new(TIME));
        let may_try = |n| rests.may_try(&key(n), FIRST, clock.now());
        assert!(may_try(1) && may_try(1), "nothing failed");
        rests.rest(&key(1), FIRST, clock.now());
        assert!(!may_try(1));
        assert!(may_try(2), "another key");
        for _ in 0..3 {
            clock.advance(TIME.saturating_sub(Duration::from_nanos(1)));
            assert!(!may_try(1));
            clock.advance(Duration::from_nanos(1));
            assert!(may_try(1));
            assert!(!may_try(1), "one at a time");
        }
    }

    #[test]
    fn a_later_answer_does_not_rest() {
        let (clock, rests) = (Clock::manual(), BackOff::new(TIME));
        rests.rest(&key(1), FIRST, clock.now());
        assert!(rests.may_try(&key(1), AnswerId(2), clock.now()));
        assert_eq!(rests.count.load(Acquire), 0);
    }

    #[test]
    fn a_try_that_was_not_made_is_the_next_callers_and_one_that_succeeded_ends_the_rest() {
        let (clock, rests) = (Clock::manual(), BackOff::new(TIME));
        let may_try = |answer| rests.may_try(&key(1), answer, clock.now());
        rests.rest(&key(1), FIRST, clock.now());
        clock.advance(TIME);
        assert!(may_try(FIRST) && !may_try(FIRST));
        rests.give_back(&key(1), AnswerId(2), clock.now());
        assert!(!may_try(FIRST), "another answer");
        rests.give_back(&key(1), FIRST, clock.now());
        assert!(may_try(FIRST) && !may_try(FIRST));
        rests.end(&key(2));
        assert!(!may_try(FIRST), "another key");
        rests.end(&key(1));
        assert!(may_try(FIRST) && may_try(FIRST));
        assert_eq!(rests.count.load(Acquire), 0);
    }

    #[test]
    fn what_another_process_says_counts_for_no_longer_than_ones_own() {
        let (clock, rests) = (Clock::manual(), BackOff::new(TIME));
        rests.rest_for(TIME / 2, &key(1), FIRST, clock.now());
        rests.rest_for(TIME * 100, &key(2), FIRST, clock.now());
        clock.advance(TIME / 2);
        assert!(rests.may_try(&key(1), FIRST, clock.now()));
        assert!(!rests.may_try(&key(2), FIRST, clock.now()));
        clock.advance(TIME / 2);
        assert!(rests.may_try(&key(2), FIRST, clock.now()));
    }

    #[test]
    fn it_can_be_turned_off_and_is_bounded() {
        let clock = Clock::manual();
        let off = BackOff::new(Duration::ZERO);
        off.rest(&key(1), FIRST, clock.now());
        assert!(off.may_try(&key(1), FIRST, clock.now()));
        assert_eq!(off.time(), None);

        let rests = BackOff::new(TIME);
        let most = MOST as u64;
        (0..=most).for_each(|n| rests.rest(&key(n), FIRST, clock.now()));
        assert!(!rests.may_try(&key(0), FIRST, clock.now()));
        assert!(rests.may_try(&key(most), FIRST, clock.now()), "no room");
        clock.advance(TIME);
        rests.rest(&key(most), FIRST, clock.now());
        assert!(!rests.may_try(&key(most), FIRST, clock.now()));
        assert_eq!(rests.count.load(Acquire), 1);
    }
}
