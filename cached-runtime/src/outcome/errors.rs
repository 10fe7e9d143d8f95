//! The error side of a return type.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, LoadTimeout};

/// An error that several callers share.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// Stands where a function without `Result` has no error type.
pub struct NotAResult<R>(std::convert::Infallible, PhantomData<fn() -> R>);

impl<R> fmt::Debug for NotAResult<R> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl<R> NotAResult<R> {
    pub(super) fn never<X>(self) -> X {
        match self.0 {}
    }
}

/// An error type that can say "the load was cut".
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a time-out; implement `From<cache_aside::LoadTimeout>`",
    note = "or give `stale_if_error`: then a load is cut only where an old value can be given instead"
)]
pub trait HoldsTimeout {
    #[doc(hidden)]
    fn hold(timeout: LoadTimeout) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<LoadTimeout>> HoldsTimeout for E {
    fn hold(timeout: LoadTimeout) -> Self {
        timeout.into()
    }
}

/// An error type that can say "the write is done, its invalidation is not".
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold an invalidation failure; implement `From<cache_aside::Error>` or drop `on_failure`"
)]
pub trait HoldsInvalidationFailure {
    #[doc(hidden)]
    fn hold(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> HoldsInvalidationFailure for E {
    fn hold(error: Error) -> Self {
        error.into()
    }
}

/// What a function without `Result` would have to return instead. Nothing implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold an error: only a `Result` can",
    note = "for `load_timeout`, return a `Result` whose error implements `From<cache_aside::LoadTimeout>`, or give `stale_if_error`",
    note = "for `on_failure = propagate`, return a `Result` whose error implements `From<cache_aside::Error>`"
)]
pub trait HoldsErrors {}
