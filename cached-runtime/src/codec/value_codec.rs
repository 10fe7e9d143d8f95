//! A codec for one type of values, as data.

use std::fmt;

use super::{Codec, CodecError};
use crate::value::Cacheable;

/// What the rest of the crate knows about a codec: nothing there is bounded by serde.
pub(crate) struct ValueCodec<T> {
    pub(crate) id: u8,
    /// See [`Codec::SELF_DESCRIBING`].
    pub(crate) self_describing: bool,
    pub(crate) encode: fn(&T) -> Result<Vec<u8>, CodecError>,
    pub(crate) decode: fn(&[u8]) -> Result<T, CodecError>,
}

impl<T> ValueCodec<T> {
    pub(crate) fn of<C: Codec>() -> Self
    where
        T: Cacheable,
    {
        const {
            assert!(
                C::BUILT_IN || C::ID >= 128,
                "the `ID` of a codec of your own is 128 or more"
            );
        }
        Self {
            id: C::ID,
            self_describing: C::SELF_DESCRIBING,
            encode: C::encode::<T>,
            decode: C::decode::<T>,
        }
    }
}

impl<T> Clone for ValueCodec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ValueCodec<T> {}

impl<T> fmt::Debug for ValueCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueCodec")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
