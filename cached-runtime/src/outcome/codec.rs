//! Where a function's value is asked to be storable.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use super::{Shape, Wraps};
use crate::codec::ValueCodec;
use crate::local::{AnyEntry, EntryHead};
use crate::value::{Cacheable, weight};

/// A [`Shape`] whose value can be stored.
///
/// What needs to know the value's abilities is a function pointer made in [`codec`], so that an
/// unmet bound is reported there, once, and the rest of a call is bounded by nothing.
pub struct Codec<R, T, E> {
    pub(crate) shape: Shape<R, T, E>,
    /// The value of an entry, if it is of this type.
    pub(crate) read: fn(&AnyEntry) -> Option<&T>,
    /// An answer that is a clone of it.
    pub(crate) answer: fn(&T) -> R,
    pub(crate) type_id: TypeId,
    /// An entry of its own for a value that goes to the caller.
    pub(crate) keep: fn(EntryHead, &T) -> Arc<AnyEntry>,
    /// The same for a value of its own.
    pub(crate) adopt: fn(EntryHead, T) -> Arc<AnyEntry>,
    /// How values become bytes where the function does not say; `None`: this build knows no way.
    pub(crate) stored: fn() -> Option<ValueCodec<T>>,
    /// The codec that wrote bytes with this id.
    pub(crate) stored_as: fn(u8) -> Option<ValueCodec<T>>,
    pub(crate) weigh: fn(&T) -> usize,
    pub(crate) type_name: fn() -> &'static str,
}

impl<R, T, E> Clone for Codec<R, T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T, E> Copy for Codec<R, T, E> {}

impl<R, T, E> fmt::Debug for Codec<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}

/// The one place where a function's value is asked to be cacheable.
#[inline]
pub fn codec<R: Wraps<T, E>, T: Cacheable, E>(shape: Shape<R, T, E>) -> Codec<R, T, E> {
    Codec {
        shape,
        read: AnyEntry::value::<T>,
        answer: |value| R::wrap(value.clone()),
        type_id: TypeId::of::<T>(),
        keep: |head, value| Arc::new(head.with(value.clone())),
        adopt: |head, value| Arc::new(head.with(value)),
        stored: ValueCodec::default_codec,
        stored_as: ValueCodec::built_in,
        weigh: weight::<T>,
        type_name: std::any::type_name::<T>,
    }
}

/// Something that knows which value is stored.
pub trait HasValue {
    /// The stored type.
    type Value;
}

impl<R, T, E> HasValue for Codec<R, T, E> {
    type Value = T;
}
