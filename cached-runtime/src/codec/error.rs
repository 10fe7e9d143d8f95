//! Why a value has no bytes, or bytes no value.

use std::fmt;

/// A value could not be encoded, or bytes not decoded.
///
/// It names the codec and the kind of failure, never the cause: messages of serde may quote what
/// is in the value.
///
/// ```
/// # use cached_runtime as cache_aside;
/// let error = cache_aside::CodecError::decode("my format");
/// assert_eq!(error.to_string(), "my format: the bytes are not a value of this type");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    codec: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Encode,
    #[cfg_attr(
        not(any(feature = "json", feature = "messagepack")),
        expect(dead_code, reason = "only formats with a null can lose something")
    )]
    Lossy,
    Decode,
    #[cfg_attr(
        not(any(feature = "json", feature = "messagepack", feature = "postcard")),
        expect(dead_code, reason = "there is no codec in this build")
    )]
    LeftOver,
}

impl CodecError {
    /// The value has no encoding.
    pub fn encode(codec: &'static str) -> Self {
        let kind = Kind::Encode;
        Self { codec, kind }
    }

    /// The bytes are not the encoding of such a value.
    pub fn decode(codec: &'static str) -> Self {
        let kind = Kind::Decode;
        Self { codec, kind }
    }

    /// The encoding would be that of another value.
    #[cfg(any(feature = "json", feature = "messagepack"))]
    pub(super) fn lossy(codec: &'static str) -> Self {
        let kind = Kind::Lossy;
        Self { codec, kind }
    }

    /// The bytes go on behind the value.
    #[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
    pub(super) fn left_over(codec: &'static str) -> Self {
        let kind = Kind::LeftOver;
        Self { codec, kind }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Encode => "the value cannot be encoded",
            Kind::Lossy => "the value would not be the same after decoding",
            Kind::Decode => "the bytes are not a value of this type",
            Kind::LeftOver => "bytes are left over after the value",
        };
        write!(f, "{}: {what}", self.codec)
    }
}

impl std::error::Error for CodecError {}
