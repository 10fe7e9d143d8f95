//! `MessagePack`, structs as maps.

use rmp_serde::decode::Error;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use super::limited::{Limited, Limits};
use super::{Codec, CodecError, lossless};

const NAME: &str = "MessagePack";

/// Most values fit, so that the buffer does not grow piece by piece; it is gone once the value is stored.
const ROOM: usize = 256;

/// `MessagePack` with the names of fields and variants: the default.
///
/// Bytes of an older form of a struct are a miss, unless serde's attributes say otherwise
/// (`default`, `alias`). A value nested more than 128 levels deep is not decoded. `Some` of what is
/// written as nil (`Some(None)`, `Some(())`) is not encoded, for it would come back as `None`.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Codec, codec::MessagePack};
///
/// let bytes = MessagePack::encode("Ada")?;
/// assert_eq!(MessagePack::decode::<String>(&bytes)?, "Ada");
/// # Ok::<(), cache_aside::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

#[diagnostic::do_not_recommend]
impl Codec for MessagePack {
    const ID: u8 = 2;
    const BUILT_IN: bool = true;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        lossless::check(value, lossless::Format::MessagePack)
            .map_err(|_| CodecError::lossy(NAME))?;
        let mut bytes = Vec::with_capacity(ROOM);
        rmp_serde::encode::write_named(&mut bytes, value).map_err(|_| CodecError::encode(NAME))?;
        Ok(bytes)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut source = rmp_serde::Deserializer::from_read_ref(bytes);
        let value = Limits::of(bytes)
            .run(|limits| T::deserialize(Limited::new(&mut source, limits)))
            .map_err(|_| CodecError::decode(NAME))?;
        // The reader is not accessible. Only at the end there is no marker to read.
        match <()>::deserialize(&mut source) {
            Err(Error::InvalidMarkerRead(_)) => Ok(value),
            _ => Err(CodecError::left_over(NAME)),
        }
    }
}
