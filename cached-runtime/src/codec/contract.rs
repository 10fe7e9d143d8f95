//! What a codec is.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CodecError;

/// Turns values into the bytes that are stored outside of this process, and back.
///
/// It is a unit type, named by `codec = path::To`. What [`encode`](Self::encode) wrote,
/// [`decode`](Self::decode) either gives back as it was or refuses; a refusal is a miss.
///
#[cfg_attr(feature = "json", doc = "```")]
#[cfg_attr(not(feature = "json"), doc = "```ignore")]
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Codec, CodecError};
/// use serde::{Serialize, de::DeserializeOwned};
///
/// /// JSON that a person can read in the store.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     const ID: u8 = 128;
///
///     fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
///         serde_json::to_vec_pretty(value).map_err(|_| CodecError::encode("pretty JSON"))
///     }
///
///     fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
///         serde_json::from_slice(bytes).map_err(|_| CodecError::decode("pretty JSON"))
///     }
/// }
///
/// let bytes = Pretty::encode(&vec![1, 2])?;
/// assert_eq!(Pretty::decode::<Vec<u8>>(&bytes)?, [1, 2]);
/// # Ok::<(), CodecError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a codec",
    note = "a codec is a unit type that implements `cache_aside::Codec`: an `ID` of 128 or more, `encode` and `decode`",
    note = "those of this crate are in `cache_aside::codec`"
)]
pub trait Codec: 'static {
    /// Stored with each value; bytes with the id of another codec are not decoded.
    ///
    /// From 128 on for codecs of your own; those below are taken.
    const ID: u8;

    /// Whether the bytes say which field is which.
    ///
    /// If not, bytes of an older form of a struct may decode into wrong values without an error, and
    /// a function with this codec needs a `version`.
    const SELF_DESCRIBING: bool = true;

    #[doc(hidden)]
    const BUILT_IN: bool = false;

    /// The bytes of a value.
    ///
    /// # Errors
    ///
    /// When the value has no encoding. It is not stored then.
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value of these bytes, which may be anything: they come from outside.
    ///
    /// # Errors
    ///
    /// When they are not exactly the encoding of a `T`. That is a miss.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}
