//! From a payload to the value.

use super::read::{Corrupt, Header};
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
    #[error("the payload cannot be decoded")]
    Undecodable,
}

impl Header {
    /// The value in the payload; `None` is "not found".
    pub(crate) fn open<T>(
        &self,
        payload: &[u8],
        schema: u16,
        codec: &ValueCodec<T>,
    ) -> Result<Option<T>, Unreadable> {
        if self.schema != schema {
            return Err(Unreadable::Schema);
        }
        if self.negative {
            return Ok(None);
        }
        if self.codec != codec.id {
            return Err(Unreadable::Codec);
        }
        let compression = Compression::from_id(self.compression).ok_or(Unreadable::Compression)?;
        let raw_len = usize::try_from(self.raw_len).map_err(|_| Unreadable::Compression)?;
        let raw = decompress(compression, payload, raw_len).map_err(|_| Unreadable::Compression)?;
        (codec.decode)(&raw)
            .map(Some)
            .map_err(|_| Unreadable::Undecodable)
    }
}
