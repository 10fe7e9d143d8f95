//! The connection on which a server pushes what changes, so that copies need not ask.
//!
//! - `place` - what this process knows of it, and who looks after it. `follow` - connects, beats,
//!   connects again.
//! - `line` - one such connection: pushes are turned on, and proven to come. `listener` - from a push
//!   to the [`Watch`](crate::remote::Watch).
//!
//! Invariants:
//! - A push is taken in by the driver of its connection before the reply behind it is given to
//!   anybody: there is no queue in which a reply could overtake it.
//! - A beat begins before the first question is written, and counts when the second, asked after the
//!   answer to the first, is answered: a server may answer before it has sent the pushes of the same
//!   round of its loop, but not before those of an earlier one.
//! - No beat counts before a change of our own was seen coming back.

mod follow;
mod line;
mod listener;
mod place;

pub(super) use self::follow::follow;
pub(super) use self::place::Push;
