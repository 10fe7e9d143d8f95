//! A codec for values of a type that the algorithm of a call does not know, as data.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::codec::typed;
use crate::codec::{Codec, CodecError, ValueCodec};
use crate::local::{AnyEntry, EntryHead};
use crate::value::{Cacheable, Value};

/// Makes the head of the entry of a value.
type MakeHead<'a> = &'a mut dyn FnMut(&Value) -> EntryHead;

/// A [`ValueCodec`] without the type of its values.
#[derive(Clone, Copy)]
pub(crate) struct AnyCodec {
    pub(crate) id: u8,
    /// See [`Codec::SELF_DESCRIBING`].
    pub(crate) self_describing: bool,
    pub(crate) encode: fn(&Value) -> Result<Vec<u8>, CodecError>,
    /// As an entry at once: by itself a value of any type would need the heap.
    pub(crate) decode: fn(&[u8], MakeHead<'_>) -> Result<Arc<AnyEntry>, CodecError>,
    /// Into an `Option` of the values' type, which stays empty where they cannot be read.
    pub(crate) decode_into: fn(&[u8], &mut dyn Any),
}

impl AnyCodec {
    pub(crate) fn of<C: Codec, T: Cacheable>() -> Self {
        let ValueCodec {
            id,
            self_describing,
            ..
        } = ValueCodec::<T>::of::<C>();
        Self {
            id,
            self_describing,
            encode: |value| (ValueCodec::of::<C>().encode)(typed::<T>(value)),
            decode: |bytes, head| {
                let value = (ValueCodec::<T>::of::<C>().decode)(bytes)?;
                let head = head(&value);
                Ok(Arc::new(head.with(value)))
            },
            decode_into: |bytes, to| {
                if let Some(to) = to.downcast_mut() {
                    *to = (ValueCodec::<T>::of::<C>().decode)(bytes).ok();
                }
            },
        }
    }

    /// What a function without `codec` uses; none in a build without it.
    #[cfg_attr(
        not(feature = "messagepack"),
        expect(
            clippy::extra_unused_type_parameters,
            reason = "this build knows no codec"
        )
    )]
    pub(crate) fn default_for<T: Cacheable>() -> Option<Self> {
        #[cfg(feature = "messagepack")]
        let codec = Some(Self::of::<crate::codec::MessagePack, T>());
        #[cfg(not(feature = "messagepack"))]
        let codec = None;
        codec
    }

    /// The codec of this crate that has an id, if this build has it.
    #[cfg_attr(
        not(any(feature = "messagepack", feature = "json", feature = "postcard")),
        expect(
            clippy::extra_unused_type_parameters,
            reason = "this build knows no codec"
        )
    )]
    pub(crate) fn built_in<T: Cacheable>(id: u8) -> Option<Self> {
        match id {
            #[cfg(feature = "messagepack")]
            id if id == <crate::codec::MessagePack as Codec>::ID => {
                Some(Self::of::<crate::codec::MessagePack, T>())
            }
            #[cfg(feature = "json")]
            id if id == <crate::codec::Json as Codec>::ID => {
                Some(Self::of::<crate::codec::Json, T>())
            }
            #[cfg(feature = "postcard")]
            id if id == <crate::codec::Postcard as Codec>::ID => {
                Some(Self::of::<crate::codec::Postcard, T>())
            }
            _ => None,
        }
    }
}

impl fmt::Debug for AnyCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyCodec")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
