//! How values become bytes, and bytes values.
//!
//! A [`Codec`] is named by `codec = path::To` in the attribute; `MessagePack` is the default.
//! The codecs here refuse whatever they could not give back as it was: bytes that are left over,
//! input that is nested deeper than a stack is long, a value whose encoding would lose something.
//!
//! | codec | feature | a field was renamed, added or removed |
//! |---|---|---|
//! | `MessagePack` | `messagepack` | a miss, or what serde's attributes say |
//! | `Json` | `json` | a miss, or what serde's attributes say |
//! | `Postcard` | `postcard` | *not noticed*: needs a `version` that changes with the type |

pub(crate) mod compress;
mod contract;
mod error;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
mod limited;
#[cfg(any(feature = "json", feature = "messagepack"))]
mod lossless;
#[cfg(feature = "messagepack")]
mod message_pack;
#[cfg(feature = "postcard")]
mod postcard;
mod value_codec;

#[cfg(test)]
mod tests;

pub use self::contract::Codec;
pub use self::error::CodecError;
#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "messagepack")]
pub use self::message_pack::MessagePack;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;
pub(crate) use self::value_codec::ValueCodec;

/// The name of a codec by its id.
pub(crate) fn name(id: u8) -> &'static str {
    match id {
        0 => "raw",
        1 => "postcard",
        2 => "messagepack",
        3 => "json",
        128.. => "user",
        _ => "unknown",
    }
}
