//! The codecs and the compression, with friendly and with hostile input.

mod compression;
#[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
mod hostile;
#[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
mod loss;
#[cfg(feature = "messagepack")]
mod promise;
#[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
mod schema;

use super::CodecError;

#[test]
fn an_error_says_the_codec_and_the_kind_only() {
    let error = CodecError::encode("X");
    assert_eq!(error.to_string(), "X: the value cannot be encoded");
    assert!(std::error::Error::source(&error).is_none());
}
