//! Postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limited::{Limited, Limits};
use super::{Codec, CodecError};

const NAME: &str = "postcard";

/// Postcard: the smallest and the fastest, but the bytes do not say which field is which.
///
/// A changed struct may read bytes of the old one as *wrong values, without an error*. Hence a
/// function with this codec needs a `version`, to be changed together with the type.
///
/// It has no answer to types whose form depends on the data (`#[serde(untagged)]`, `flatten`,
/// `skip_serializing_if`): they are not stored, or not decoded. Nor is a value decoded that is
/// nested more than 128 levels deep.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Codec, codec::Postcard};
///
/// let bytes = Postcard::encode(&(1_u32, true))?;
/// assert_eq!(bytes, [1, 1]);
/// assert_eq!(Postcard::decode::<(u32, bool)>(&bytes)?, (1, true));
/// assert!(!Postcard::SELF_DESCRIBING);
/// # Ok::<(), cache_aside::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

#[diagnostic::do_not_recommend]
impl Codec for Postcard {
    const ID: u8 = 1;
    const SELF_DESCRIBING: bool = false;
    const BUILT_IN: bool = true;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        postcard::to_stdvec(value).map_err(|_| CodecError::encode(NAME))
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut source = postcard::Deserializer::from_bytes(bytes);
        let value = Limits::of(bytes)
            .run(|limits| T::deserialize(Limited::new(&mut source, limits)))
            .map_err(|_| CodecError::decode(NAME))?;
        match source.finalize() {
            Ok([]) => Ok(value),
            _ => Err(CodecError::left_over(NAME)),
        }
    }
}
