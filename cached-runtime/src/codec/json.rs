//! JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limited::{Limited, Limits};
use super::{Codec, CodecError, lossless};

const NAME: &str = "JSON";

/// JSON: larger and slower than `MessagePack`, readable with the tools of the store.
///
/// A value nested more than 128 levels deep is not decoded. What JSON writes as `null` but reads
/// as something else (`Some(None)`, `Some(())`, a float that is not finite) is not encoded.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Codec, codec::Json};
///
/// let bytes = Json::encode(&vec![1, 2])?;
/// assert_eq!(bytes, b"[1,2]");
/// assert_eq!(Json::decode::<Vec<u8>>(&bytes)?, [1, 2]);
/// # Ok::<(), cache_aside::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

#[diagnostic::do_not_recommend]
impl Codec for Json {
    const ID: u8 = 3;
    const BUILT_IN: bool = true;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        lossless::check(value, lossless::Format::Json).map_err(|_| CodecError::lossy(NAME))?;
        serde_json::to_vec(value).map_err(|_| CodecError::encode(NAME))
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut source = serde_json::Deserializer::from_slice(bytes);
        let value = Limits::of(bytes)
            .run(|limits| T::deserialize(Limited::new(&mut source, limits)))
            .map_err(|_| CodecError::decode(NAME))?;
        // `end` lets white space pass, which `encode` does not write.
        let ends_here = source.end().is_ok() && !bytes.last().is_some_and(u8::is_ascii_whitespace);
        if ends_here {
            Ok(value)
        } else {
            Err(CodecError::left_over(NAME))
        }
    }
}
