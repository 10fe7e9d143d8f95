//! Mistakes that can be switched on, to see whether a test would notice them.
//!
//! Each is a design that looks right and is not. Without the feature `test-util` none can be on,
//! and nothing is left of the questions.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[repr(u8)]
pub enum Defect {
    /// Tokens are read after the load and not before it.
    TokensAfterLoad = 1,
    /// An answer is stored whoever has the lease by then.
    UnfencedFill = 2,
    /// Those who joined a load are given its answer without proof.
    BlindJoin = 3,
    /// An invalidation rotates the tag first and its family after it.
    TagBeforeFamily = 4,
    /// A copy in the process is given out without asking the store.
    UnverifiedCopy = 5,
    /// The store is used although it is owed invalidations.
    UsedWhileOwing = 6,
    /// Copies are trusted without a sign of life of the pushes.
    NoHorizon = 7,
    /// What a question confirmed counts although a push came before the answer.
    ReplyOverPush = 8,
    /// Copies from before a break of the pushes are trusted after it.
    OldViewsKept = 9,
    /// A copy is confirmed by its tokens alone, whatever became of its key.
    TokensOnly = 10,
    /// One answer of the server counts as a sign of life.
    OnePing = 11,
    /// An invalidation ends a write that is under way.
    IntentReplaced = 12,
    /// An invalidation that waits for everybody returns as soon as the store knows of it.
    SettledAtOnce = 13,
}

#[cfg(feature = "test-util")]
mod switch {
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    use super::Defect;

    static ON: AtomicU8 = AtomicU8::new(0);

    impl Defect {
        /// Switches it on for this process, and every other one off.
        pub fn switch_on(self) {
            ON.store(self as u8, Relaxed);
        }

        /// From now on what this thread draws by chance follows from `seed`: a run that found a
        /// mistake can be repeated.
        pub fn draw_from(seed: u64) {
            fastrand::seed(seed);
        }

        pub(crate) fn is_on(self) -> bool {
            ON.load(Relaxed) == self as u8
        }
    }
}

#[cfg(not(feature = "test-util"))]
impl Defect {
    #[inline]
    #[expect(clippy::unused_self, reason = "the same question as with the switch")]
    pub(crate) const fn is_on(self) -> bool {
        false
    }
}
