//! Caches the result of an async function.

pub use cached_runtime::*;

#[cfg(feature = "macros")]
pub use cached_macro::{cache_aside, cache_invalidate};

#[doc(hidden)]
pub use cached_runtime::private as __private;
