//! What is counted and said of one prefix.

use std::any::TypeId;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use thread_local::ThreadLocal;

use super::{Counts, EVENTS, Event, Once};
use crate::clock::Moment;
use crate::codec::CodecError;
use crate::tags::{TagCell, TagTable};

/// What goes on is said again after this time.
const REPEATED: Duration = Duration::from_secs(60);

/// So many of the last look-ups weigh, more or less. After two that found nothing the next one is
/// expected to find nothing, too; it takes two that found something to change that. Where few do, one
/// by chance, the store is not asked in vain.
const LOOKS: u8 = 4;
const OFTEN: u8 = 104;

#[derive(Debug, Default)]
pub(super) struct Counters(pub(super) [AtomicU64; EVENTS]);

/// The counters of one prefix.
#[derive(Debug)]
pub(crate) struct PrefixStats {
    name: Box<str>,
    per_thread: ThreadLocal<Counters>,
    mismatch_reported: Once,
    codec_reported: Once,
    tags_reported: Once,
    fallback_reported: Mutex<Option<Moment>>,
    /// That of the first type of value seen here: mostly there is no other.
    schema: OnceLock<(TypeId, u16)>,
    /// How often look-ups of this process have found nothing in the store lately, of 255.
    misses: AtomicU8,
    /// The tag of the prefix: kept here, each call finds it at once.
    cell: OnceLock<Arc<TagCell>>,
}

impl PrefixStats {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            per_thread: ThreadLocal::new(),
            mismatch_reported: Once::default(),
            codec_reported: Once::default(),
            tags_reported: Once::default(),
            fallback_reported: Mutex::default(),
            schema: OnceLock::new(),
            misses: AtomicU8::new(0),
            cell: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        let counter = &self.per_thread.get_or_default().0[event as usize];
        // Not fetch_add: this thread is the only writer.
        counter.store(counter.load(Relaxed) + 1, Relaxed);
        if tracing::Level::DEBUG <= tracing::level_filters::LevelFilter::current() {
            self.log(event);
        }
    }

    /// The id of a value's type, of which its name is hashed once.
    pub(crate) fn schema(&self, value: TypeId, id: impl Fn() -> u16) -> u16 {
        match self.schema.get_or_init(|| (value, id())) {
            (known, id) if *known == value => *id,
            _ => id(),
        }
    }

    /// What came of a look-up where this process had nothing.
    pub(crate) fn looked(&self, found: bool) {
        let before = self.misses.load(Relaxed);
        let share = (if found { before } else { u8::MAX - before }) / LOOKS;
        let after = if found {
            before - share
        } else {
            before + share
        };
        if after != before {
            // One that is lost to another thread hardly matters.
            self.misses.store(after, Relaxed);
        }
    }

    /// Whether the next look-up may well find nothing: then it is asked for the lease at once.
    pub(crate) fn expects_nothing(&self) -> bool {
        self.misses.load(Relaxed) >= OFTEN
    }

    /// The tag of a prefix that is counted here; more than one is, where there are too many.
    pub(crate) fn cell(&self, prefix: &str, tags: &TagTable) -> Arc<TagCell> {
        if *self.name != *prefix {
            return tags.prefix_cell(prefix);
        }
        Arc::clone(self.cell.get_or_init(|| tags.prefix_cell(prefix)))
    }

    #[cold]
    fn log(&self, event: Event) {
        tracing::debug!(prefix = &*self.name, ?event);
    }

    /// Another value type under this prefix: reported once, counted always.
    #[cold]
    pub(crate) fn type_mismatch(&self, prefix: &str, wanted: &'static str) {
        self.count(Event::TypeMismatch);
        if self.mismatch_reported.first() {
            tracing::error!(
                prefix,
                wanted,
                "a value of another type is stored under this prefix: two functions share it, or the type is in another module in another program; give one another `prefix`, or share the type"
            );
        }
    }

    /// A codec that does not notice when the type changes, and a key without a version: said once,
    /// not stored.
    #[cold]
    pub(crate) fn version_missing(&self, prefix: &str) {
        if self.codec_reported.first() {
            tracing::error!(
                prefix,
                "this codec decodes a changed type without noticing; give the key a version, or its values stay in the process"
            );
        }
    }

    /// More tags, or longer ones, than an entry can have: said once, not stored.
    #[cold]
    pub(crate) fn too_many_tags(&self, prefix: &str) {
        if self.tags_reported.first() {
            tracing::error!(
                prefix,
                "an answer has more than 62 tags, or very long ones; it is not stored"
            );
        }
    }

    /// An older answer is given in the place of one that could not be loaded: said once in a while.
    pub(crate) fn falls_back(&self, prefix: &str, now: Moment) {
        let mut last = self
            .fallback_reported
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.since(last) >= REPEATED) {
            *last = Some(now);
            tracing::warn!(
                prefix,
                "a load failed or took too long; the older answer is given in its place"
            );
        }
    }

    /// A value that its codec cannot write: said once, not stored.
    #[cold]
    pub(crate) fn not_encoded(&self, prefix: &str, error: &CodecError) {
        if self.codec_reported.first() {
            tracing::error!(prefix, %error, "a value cannot be stored");
        }
    }

    /// A function whose value turned out to be a `Result`: said once, never stored.
    #[cold]
    pub(crate) fn result_as_value(&self, prefix: &str) {
        if self.mismatch_reported.first() {
            tracing::error!(
                prefix,
                "the value of a cached function is a `Result`, hidden by a type parameter; it is not stored, since errors never are"
            );
        }
    }

    pub(super) fn sum(&self) -> Counts {
        let mut counts = Counts::default();
        self.per_thread
            .iter()
            .for_each(|counters| counts.add(counters));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_expected_after_two_look_ups_that_found_nothing() {
        let stats = PrefixStats::new("p");
        for found in [false, true, false, false] {
            assert!(!stats.expects_nothing());
            stats.looked(found);
        }
        assert!(stats.expects_nothing());
        (0..100).for_each(|_| stats.looked(false));
        let hits = (1..100).find(|_| {
            stats.looked(true);
            !stats.expects_nothing()
        });
        assert_eq!(hits, Some(4), "it takes some to expect something again");
        // One in twenty that finds nothing is never followed by a wish for a lease.
        let wishes = (0..2_000).filter(|call| {
            stats.looked(call % 20 != 0);
            *call > 20 && stats.expects_nothing()
        });
        assert_eq!(wishes.count(), 0);
    }
}
