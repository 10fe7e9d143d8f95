//! Keys: from arguments to the bytes that name an entry.
//!
//! Every key has one canonical encoding, a flat run of tokens. A token is a tag byte, for some
//! tags followed by a content of known length, so that no two different keys have equal bytes:
//!
//! | token | content | stands for |
//! |---|---|---|
//! | `UINT`, `NEG` | 8 bytes | an integer by value, its magnitude if negative |
//! | `BIG`, `BIGNEG` | 16 bytes | an integer whose magnitude needs more than 64 bits |
//! | `FLOAT` | 8 bytes | the bits as `f64`; `-0.0` as `0.0`, every NaN as one |
//! | `CHAR` | 8 bytes | the code point |
//! | `STR`, `BYTES` | length (4 bytes), bytes | text, bytes, the name of a field |
//! | `FALSE`, `TRUE`, `NONE` | | these values |
//! | `SOME` | | a value follows |
//! | `TUPLE`, `SEQ`, `STRUCT`, `MAP` | | elements follow, up to `END` |
//! | `UNIT_VARIANT`, `NEWTYPE_VARIANT`, `TUPLE_VARIANT`, `STRUCT_VARIANT` | length, name | nothing, a value, or elements up to `END` follow |
//!
//! All numbers are little-endian. The elements of a map are sorted by the bytes of their keys.
//! A full key is `STR` prefix, `VERSION` text if there is a version, `TYPES` text if the impl is
//! generic, `TYPES` text and constants if the function is, and then one value: for a function the
//! tuple of its arguments.
//!
//! Prefix and version are the *head* of a key, which has a hash of its own: it is the same for all
//! calls of one function, so a hit neither hashes nor compares it.
//!
//! A local hit writes no bytes. The arguments are walked twice: once into a hash, once in
//! comparison with the bytes of the stored key. A [`Sink`](sink::Sink) is what differs.

mod arg;
mod canonical;
mod compound;
mod digest;
mod hash;
mod head;
mod identity;
mod part;
mod raw;
mod sink;
mod typed;

#[cfg(test)]
mod tests;

pub use self::arg::arg;
pub(crate) use self::head::{Head, Named};
pub(crate) use self::identity::{Ident, Identity};
pub use self::part::{Cons, Element, KeyPart, Nil, Parts, Scoped, types};
pub(crate) use self::raw::RawKey;
pub(crate) use self::sink::encoded_size;
pub use self::typed::{IntoKey, Key};
