//! What a caller is given who does not load, before it has the function's type.

use std::fmt;
use std::sync::Arc;

use crate::error::LoadTimeout;
use crate::local::AnyEntry;
use crate::outcome::{Codec, SharedError};

/// An answer that the function can return.
pub(super) enum Given {
    /// One that is stored, or was loaded by another caller.
    Entry(Arc<AnyEntry>),
    /// The error of another caller's load.
    Failed(SharedError),
    TimedOut(LoadTimeout),
}

impl Given {
    pub(super) fn into_answer<R, T, E>(self, codec: &Codec<R, T, E>) -> R {
        let answer = match self {
            Self::Entry(entry) => Some(codec.open(&entry)),
            Self::Failed(error) => codec.shape.revive(&error),
            Self::TimedOut(timeout) => codec.shape.timed_out(timeout),
        };
        let Some(answer) = answer else {
            unreachable!("only what the function can return is given");
        };
        answer
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry(_) => "Entry",
            Self::Failed(_) => "Failed",
            Self::TimedOut(_) => "TimedOut",
        })
    }
}
