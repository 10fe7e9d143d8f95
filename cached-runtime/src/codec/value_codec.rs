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

    /// What a function without `codec` uses; none in a build without it.
    pub(crate) fn default_codec() -> Option<Self>
    where
        T: Cacheable,
    {
        #[cfg(feature = "messagepack")]
        let codec = Some(Self::of::<super::MessagePack>());
        #[cfg(not(feature = "messagepack"))]
        let codec = None;
        codec
    }
}

impl<T: Cacheable> ValueCodec<T> {
    /// The codec of this crate that has an id, if this build has it.
    pub(crate) fn built_in(id: u8) -> Option<Self> {
        match id {
            #[cfg(feature = "messagepack")]
            id if id == <super::MessagePack as Codec>::ID => Some(Self::of::<super::MessagePack>()),
            #[cfg(feature = "json")]
            id if id == <super::Json as Codec>::ID => Some(Self::of::<super::Json>()),
            #[cfg(feature = "postcard")]
            id if id == <super::Postcard as Codec>::ID => Some(Self::of::<super::Postcard>()),
            _ => None,
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
