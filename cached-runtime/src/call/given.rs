//! What a caller is given who does not load, before it has the function's type.

use std::fmt;
use std::sync::Arc;

use crate::clock::Moment;
use crate::error::LoadTimeout;
use crate::local::AnyEntry;
use crate::outcome::{AnyCodec, Codec, SharedError};
use crate::shared::Legible;

/// An answer that the function can return.
pub(super) enum Given {
    /// One that is stored, or was loaded by another caller.
    Entry(Arc<AnyEntry>),
    /// The error of another caller's load.
    Failed(SharedError),
    TimedOut(LoadTimeout),
}

/// What a call is given at the end of its second look, if anything.
pub(super) enum AtOnce {
    Given(Given),
    /// What the call was told, if it can be read.
    Stored,
}

/// An answer as it is in the store.
pub(crate) struct Stored {
    pub(super) legible: Legible,
    /// What its value was written with, if that is known here.
    pub(super) codec: Option<AnyCodec>,
    /// The type that the caller expects.
    pub(super) schema: u16,
    pub(crate) born: Moment,
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

impl Stored {
    /// `None`: it cannot be read, or it is "not found" and the function cannot say so.
    pub(crate) fn answer<R, T, E>(&self, codec: &Codec<R, T, E>) -> Option<R> {
        let (header, payload) = (&self.legible.header, self.legible.payload());
        let written_with = self.codec?;
        match header.raw(payload, self.schema, written_with.id).ok()? {
            Some(raw) => {
                let value = (codec.decode)(&written_with, &raw)?;
                Some((codec.shape.give)(value))
            }
            None => codec.shape.not_found.map(|not_found| not_found()),
        }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.legible.header.negative
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
