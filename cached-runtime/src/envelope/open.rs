//! From a payload to the value.

use std::borrow::Cow;

use super::read::{Corrupt, Header};
#[cfg(any(test, fuzzing))]
use crate::codec::ValueCodec;
use crate::codec::compress::{Compression, decompress};

/// Why stored bytes are a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// Another type, or another `version` of it.
    #[error("a value of another type or version")]
    Schema,
    #[error("a value in another codec")]
    Codec,
    /// This build cannot undo it, or it is not what the header says.
    #[error("the payload cannot be decompressed")]
    Compression,
    #[cfg(any(test, fuzzing))]
    #[error("the payload cannot be decoded")]
    Undecodable,
}

impl Header {
    /// The value in the payload; `None` is "not found".
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open<T>(
        &self,
        payload: &[u8],
        schema: u16,
        codec: &ValueCodec<T>,
    ) -> Result<Option<T>, Unreadable> {
        let raw = self.raw(payload, schema, codec.id)?;
        let value = raw.map(|raw| (codec.decode)(&raw)).transpose();
        value.map_err(|_| Unreadable::Undecodable)
    }

    /// The bytes of the value as the codec with this id wrote them; `None` is "not found".
    pub(crate) fn raw<'a>(
        &self,
        payload: &'a [u8],
        schema: u16,
        codec: u8,
    ) -> Result<Option<Cow<'a, [u8]>>, Unreadable> {
        if self.schema != schema {
            return Err(Unreadable::Schema);
        }
        if self.negative {
            return Ok(None);
        }
        if self.codec != codec {
            return Err(Unreadable::Codec);
        }
        let compression = Compression::from_id(self.compression).ok_or(Unreadable::Compression)?;
        let raw_len = usize::try_from(self.raw_len).map_err(|_| Unreadable::Compression)?;
        let raw = decompress(compression, payload, raw_len).map_err(|_| Unreadable::Compression)?;
        Ok(Some(raw))
    }
}
