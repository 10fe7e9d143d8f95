//! What comes before the arguments in a key: the same for all calls of one function.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

/// The head that the calls of one function have met, so that they need not compare it.
#[derive(Debug)]
pub(crate) struct KnownHead(AtomicU64);

impl KnownHead {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn is(&self, head: &Head) -> bool {
        self.0.load(Relaxed) == head.id
    }

    /// Not each time: the calls of a function that go to several caches meet several heads, and
    /// would write all the while.
    #[cold]
    pub(crate) fn learn(&self, head: &Head) {
        let meetings = MEETINGS.get();
        MEETINGS.set(meetings.wrapping_add(1));
        if self.0.load(Relaxed) == 0 || meetings == 0 {
            self.0.store(head.id, Relaxed);
        }
    }
}
