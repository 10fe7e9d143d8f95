//! A function's types without the types: what the algorithm of a call works with.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use super::{AnyCodec, SharedError};
use crate::local::{AnyEntry, EntryHead};
use crate::value::Value;

/// What a [`Codec`](super::Codec) knows that does not name its types. What is written for this is
/// compiled once, in this crate.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Of the value.
    pub(crate) type_id: TypeId,
    pub(crate) type_name: fn() -> &'static str,
    /// An entry of its own for a value that goes to the caller.
    pub(crate) keep: fn(EntryHead, &Value) -> Arc<AnyEntry>,
    /// How values become bytes where the function does not say; `None`: this build knows no way.
    pub(crate) stored: fn() -> Option<AnyCodec>,
    /// The codec that wrote bytes with this id.
    pub(crate) stored_as: fn(u8) -> Option<AnyCodec>,
    pub(crate) weigh: fn(&Value) -> usize,
    /// Whether the function can say "not found".
    pub(crate) has_not_found: bool,
    /// Whether everything that can come of a load can be given to others.
    pub(crate) can_share: bool,
    pub(crate) can_time_out: bool,
    /// The type of the errors that can be shared.
    pub(super) error_type: Option<fn() -> TypeId>,
}

impl Kind {
    /// Whether an entry is of the caller's type, or a "not found" that its function can return.
    pub(crate) fn can_read(&self, entry: &AnyEntry) -> bool {
        if entry.is_negative() {
            self.has_not_found
        } else {
            entry.holds(self.type_id)
        }
    }

    /// Whether an error of another caller can be this one's.
    pub(crate) fn can_revive(&self, error: &SharedError) -> bool {
        self.error_type
            .is_some_and(|wanted| (**error).type_id() == wanted())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").finish_non_exhaustive()
    }
}
