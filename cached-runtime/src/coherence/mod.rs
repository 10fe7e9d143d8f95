//! How far the copies in this process can be trusted without a question.
//!
//! A store that can push tells this process which cells and keys change. `watch.rs` takes that in,
//! `vouch.rs` says which copies are beyond doubt, `given.rs` whether that is enough for a reader; what is
//! in doubt is confirmed by one small trip.
//!
//! Invariants (`docs/design.md` has their reasons and their tests):
//! - I9: a copy is given without a question only while `now < s + W`, where everything that was
//!   answered to an invalidator before `s` has been taken in.
//! - I10: what a question confirmed counts only if the question was sent while the pushes were
//!   followed, and nothing was pushed about it since.

mod given;
mod mode;
mod record;
mod vouch;
mod watch;

pub use self::mode::Coherence;
pub(crate) use self::mode::{Trust, settled_after};
#[cfg(any(test, feature = "test-util"))]
pub use self::record::Told;
pub(crate) use self::vouch::Vouched;
pub use self::watch::{Beat, Watch};
