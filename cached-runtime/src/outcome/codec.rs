//! Where a function's value is asked to be storable.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use super::{AnyCodec, Kind, Shape, Wraps};
use crate::local::AnyEntry;
use crate::policy::{AnyPolicy, Policy};
use crate::value::{Cacheable, Value, weight};

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
    /// The value and the policy as what the rest of a call works with.
    pub(crate) value: fn(&T) -> &Value,
    pub(crate) policy: fn(Policy<T>) -> Arc<AnyPolicy>,
    /// A value that was written with this codec, if it can be read.
    pub(crate) decode: fn(&AnyCodec, &[u8]) -> Option<T>,
    pub(crate) kind: Kind,
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
        value: |value| value,
        policy: |policy| Arc::new(policy.into()),
        decode: |codec, bytes| {
            let mut value = None::<T>;
            (codec.decode_into)(bytes, &mut value);
            value
        },
        kind: Kind {
            type_id: TypeId::of::<T>(),
            type_name: std::any::type_name::<T>,
            keep: |head, value| Arc::new(head.with(typed::<T>(value).clone())),
            stored: AnyCodec::default_for::<T>,
            stored_as: AnyCodec::built_in::<T>,
            weigh: |value| weight(typed::<T>(value)),
            has_not_found: shape.not_found.is_some(),
            can_share: shape.can_share(),
            can_time_out: shape.can_time_out(),
            error_type: shape.error_type,
        },
    }
}

impl<R, T, E> Codec<R, T, E> {
    /// The answer in an entry, if the caller can read it.
    pub(crate) fn try_open(&self, entry: &AnyEntry) -> Option<R> {
        match (self.read)(entry) {
            Some(value) => Some((self.answer)(value)),
            None if entry.is_negative() => self.shape.not_found.map(|not_found| not_found()),
            None => None,
        }
    }

    /// The same in an entry that [`can_read`](Kind::can_read) accepted.
    pub(crate) fn open(&self, entry: &AnyEntry) -> R {
        match self.try_open(entry) {
            Some(answer) => answer,
            None => unreachable!("an entry of another type was accepted"),
        }
    }
}

/// Values are only handed to what was made for their type.
pub(super) fn typed<T: 'static>(value: &Value) -> &T {
    let Some(value) = value.downcast_ref() else {
        unreachable!("a value of another type");
    };
    value
}

/// Something that knows which value is stored.
pub trait HasValue {
    /// The stored type.
    type Value;
}

impl<R, T, E> HasValue for Codec<R, T, E> {
    type Value = T;
}
