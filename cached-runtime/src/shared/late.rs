//! Entries of which all was asked for, and no answer came in time.
//!
//! It may have been the entry: of one that is larger than what the network carries in that time
//! nobody hears in time, so nobody replaces it, and each try makes the store look as if it were
//! gone. So the next look asks for no more than is of use to its caller, and learns at least what
//! it has to know to replace the entry.

use std::collections::HashMap;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::envelope::LONGEST_HEADER;
use crate::policy::MAX_SIZE;
use crate::remote::{EntryName, Part};

/// Per generation; two are kept. More than that are late together only if it was not the entries.
const NAMES: usize = 512;
/// After this time all of an entry is asked for again.
const KEPT: Duration = Duration::from_secs(60);

/// Names only, the last 512 to 1,024: what is marked wrongly costs a command in the same trip, as
/// long as it is no larger than it may be.
///
/// Nothing is waited for under the lock, and no other is taken. While nothing is marked it is not
/// taken.
#[derive(Debug, Default)]
pub(super) struct Late {
    marks: Mutex<Marks>,
    /// Whether there may be marks; written under their lock.
    any: AtomicBool,
}

#[derive(Debug)]
struct Marks {
    young: HashMap<EntryName, Mark>,
    old: HashMap<EntryName, Mark>,
    /// When the last of them is over.
    over: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    bound: Bound,
    until: Moment,
}

/// How much is read of an entry that was late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    /// What the caller takes.
    Largest,
    /// That was too much, too: what it takes, or what is taken unless a function says otherwise.
    Modest,
}

impl Late {
    /// How much to ask for where all of an entry is wanted, by a caller that takes payloads of
    /// `largest` bytes.
    pub(super) fn part(&self, entry: &EntryName, largest: usize, clock: &Clock) -> Part {
        if !self.any.load(Acquire) {
            return Part::Whole;
        }
        let now = clock.now();
        let mut marks = self.marks();
        if now >= marks.over {
            *marks = Marks::default();
            self.any.store(false, Release);
            return Part::Whole;
        }
        let payload = match marks.bound(entry, now) {
            None => return Part::Whole,
            Some(Bound::Largest) => largest,
            Some(Bound::Modest) => largest.min(MAX_SIZE),
        };
        // One more than may be there shows that there is more.
        Part::AtMost(payload.saturating_add(LONGEST_HEADER + 1))
    }

    /// No answer came to the question for this part of an entry.
    pub(super) fn was_late(&self, entry: &EntryName, asked: Part, clock: &Clock) {
        let now = clock.now();
        let bound = match asked {
            Part::Whole | Part::Identity => Bound::Largest,
            Part::AtMost(_) => Bound::Modest,
        };
        let mut marks = self.marks();
        marks.keep(entry, bound, now);
        self.any.store(true, Release);
    }

    /// All of an entry came, although no more was asked for than [`part`](Self::part) says.
    pub(super) fn came(&self, entry: &EntryName) {
        let mut marks = self.marks();
        marks.young.remove(entry);
        marks.old.remove(entry);
        if marks.young.is_empty() && marks.old.is_empty() {
            self.any.store(false, Release);
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Marks {
    fn bound(&self, entry: &EntryName, now: Moment) -> Option<Bound> {
        let mark = self.young.get(entry).or_else(|| self.old.get(entry))?;
        (now < mark.until).then_some(mark.bound)
    }

    /// A mark that is there and says less is not taken back by a question that was asked before.
    fn keep(&mut self, entry: &EntryName, bound: Bound, now: Moment) {
        let mark = Mark {
            bound: self.bound(entry, now).map_or(bound, |old| old.max(bound)),
            until: now.after(KEPT),
        };
        if self.young.len() >= NAMES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(entry.clone(), mark);
        self.over = self.over.max(mark.until);
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            over: Moment::FIRST,
        }
    }
}

/// Whether there is more of an entry than was asked for, if so many bytes came.
pub(super) fn is_cut(asked: Part, bytes: usize) -> bool {
    matches!(asked, Part::AtMost(most) if bytes >= most)
}

#[cfg(test)]
mod tests;
