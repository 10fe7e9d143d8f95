//! Which part of a return value is stored.
//!
//! | returns | stored | `None` | `Err` |
//! |---|---|---|---|
//! | `T` | `T` | – | – |
//! | `Option<T>` | `T` | negative answer | – |
//! | `Result<T, E>` | `T` | – | never stored |
//! | `Result<Option<T>, E>` | `T` | negative answer | never stored |
//!
//! The type system decides, not the spelling, so aliases work. In bodies this is done by method
//! look-up: each shape implements its trait for one more reference level than the next weaker one,
//! so the most specific is found first. (The other way round everything compiles and whole
//! `Result`s are stored.) Signatures cannot probe by method: [`Probe`] does it there by a constant.

mod any_codec;
mod batch;
mod codec;
mod errors;
mod kind;
mod layer;
mod shape;
pub mod shapes;
#[cfg(test)]
mod tests;

pub(crate) use self::any_codec::AnyCodec;
pub use self::batch::{BatchCodec, BatchShape, batch_codec};
pub use self::codec::{Codec, HasValue, codec};
pub(crate) use self::errors::SharedError;
pub use self::errors::{HoldsErrors, HoldsInvalidationFailure, HoldsTimeout, NotAResult};
pub(crate) use self::kind::Kind;
pub use self::layer::{Layer, Plain, Probe};
pub(crate) use self::shape::Answer;
pub use self::shape::{Returns, Shape, Wraps, returns};
