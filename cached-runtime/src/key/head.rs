//! What comes before the arguments in a key: the same for all calls of one function.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::canonical::Unkeyable;
use super::hash::{HashSink, hasher};
use super::sink::{EqualSink, Sink, tag, text};

thread_local! {
    /// How often a head was learned, or could have been.
    static MEETINGS: Cell<u8> = const { Cell::new(0) };
}

/// The prefix and the version, as they are encoded.
#[derive(Debug)]
pub(crate) struct Head {
    /// No other head of this process has it: who has once found that a head is its own knows it
    /// again by this.
    id: u64,
    encoded: Box<[u8]>,
}

impl Head {
    pub(crate) fn new(encoded: &[u8]) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: IDS.fetch_add(1, Relaxed),
            encoded: encoded.into(),
        }
    }

    #[inline]
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }
}

/// The head of the keys of one function, as it was given, and what is known of it.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    prefix: &'a str,
    version: Option<&'a str>,
    hash: u64,
    /// The one that calls have met, so that they need not compare it.
    known: AtomicU64,
}

impl<'a> Named<'a> {
    pub(crate) fn new(prefix: &'a str, version: Option<&'a str>) -> Self {
        let mut head = Self {
            prefix,
            version,
            hash: 0,
            known: AtomicU64::new(0),
        };
        let mut sink = HashSink::new(hasher(0));
        // What cannot be hashed is no key, which is found when the rest is.
        let _ = head.feed(&mut sink);
        head.hash = sink.finish();
        head
    }

    /// The hash of a key begins with this.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    pub(super) fn prefix(&self) -> &'a str {
        self.prefix
    }

    #[inline]
    pub(super) fn is(&self, head: &Head) -> bool {
        self.known.load(Relaxed) == head.id || self.compare(head)
    }

    #[cold]
    fn compare(&self, head: &Head) -> bool {
        let mut sink = EqualSink::new(head.encoded());
        let equal = self.feed(&mut sink).is_ok() && sink.finished();
        if equal {
            self.learn(head);
        }
        equal
    }

    /// Not each time: the calls of a function that go to several caches meet several heads, and
    /// would write all the while.
    fn learn(&self, head: &Head) {
        let meetings = MEETINGS.get();
        MEETINGS.set(meetings.wrapping_add(1));
        if self.known.load(Relaxed) == 0 || meetings == 0 {
            self.known.store(head.id, Relaxed);
        }
    }

    pub(super) fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), Unkeyable> {
        text(sink, tag::STR, self.prefix.as_bytes())?;
        match self.version {
            Some(version) => text(sink, tag::VERSION, version.as_bytes()),
            None => Ok(()),
        }
    }
}
