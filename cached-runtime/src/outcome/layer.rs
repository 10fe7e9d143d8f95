//! The shape of a return type as constants, for signatures: what `key_fn` needs.

use std::fmt;
use std::marker::PhantomData;

/// The shape of a return type as a constant, for signatures.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> fmt::Debug for Probe<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl<T, E> Probe<Result<T, E>> {
    #[doc(hidden)]
    pub const CACHE_ASIDE_KIND: u8 = 1;
}

impl<T> Probe<Option<T>> {
    #[doc(hidden)]
    pub const CACHE_ASIDE_KIND: u8 = 2;
}

/// Found where no inherent constant shadows it: the type is neither `Result` nor `Option`.
pub trait Plain {
    #[doc(hidden)]
    const CACHE_ASIDE_KIND: u8 = 0;
}

impl<R> Plain for Probe<R> {}

/// What a type of kind `K` holds.
pub trait Layer<const K: u8> {
    #[doc(hidden)]
    type Inner;
}

impl<T> Layer<0> for T {
    type Inner = T;
}

impl<T, E> Layer<1> for Result<T, E> {
    type Inner = T;
}

impl<T> Layer<2> for Option<T> {
    type Inner = T;
}
