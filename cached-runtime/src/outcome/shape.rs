//! How a return value is taken apart and put together.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use super::{NotAResult, SharedError};
use crate::error::{Error, LoadTimeout};

/// What a finished body means for the cache.
#[derive(Debug)]
pub(crate) enum Answer<'a, T> {
    Value(&'a T),
    NotFound,
    Failed,
}

type Take<R, T> = fn(R) -> Result<Option<T>, R>;

/// How to take apart and put together a function's return value. Plain function pointers: nothing
/// here is bounded by what values or errors can do until something asks for it.
pub struct Shape<R, T, E> {
    pub(crate) peek: for<'a> fn(&'a R) -> Answer<'a, T>,
    /// The value, or `None` for "not found"; what failed comes back as it is. A call that waits for
    /// a store holds no more than this: errors need not be `Send`.
    pub(crate) take: Take<R, T>,
    pub(crate) give: fn(T) -> R,
    pub(crate) not_found: Option<fn() -> R>,
    /// Whether the function can fail at all.
    pub(super) fails: bool,
    pub(super) error: for<'a> fn(&'a R) -> Option<&'a E>,
    pub(super) failed: fn(E) -> R,
    pub(super) share: Option<fn(&E) -> SharedError>,
    pub(super) revive: Option<fn(&SharedError) -> Option<E>>,
    /// The type of the errors that can be shared.
    pub(super) error_type: Option<fn() -> TypeId>,
    pub(super) timed_out: Option<fn(LoadTimeout) -> E>,
    pub(super) not_invalidated: Option<fn(Error) -> E>,
}

impl<R, T, E> Clone for Shape<R, T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T, E> Copy for Shape<R, T, E> {}

impl<R, T, E> fmt::Debug for Shape<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").finish_non_exhaustive()
    }
}

impl<R, T, E> Shape<R, T, E> {
    #[inline]
    pub(super) fn new(
        peek: for<'a> fn(&'a R) -> Answer<'a, T>,
        (take, give): (Take<R, T>, fn(T) -> R),
        not_found: Option<fn() -> R>,
        error: for<'a> fn(&'a R) -> Option<&'a E>,
        failed: fn(E) -> R,
    ) -> Self {
        Self {
            peek,
            take,
            give,
            not_found,
            fails: true,
            error,
            failed,
            share: None,
            revive: None,
            error_type: None,
            timed_out: None,
            not_invalidated: None,
        }
    }

    pub(crate) fn share(&self, outcome: &R) -> Option<SharedError> {
        Some(self.share?((self.error)(outcome)?))
    }

    pub(crate) fn revive(&self, error: &SharedError) -> Option<R> {
        Some((self.failed)(self.revive?(error)?))
    }

    /// The return value again that [`take`](Self::take) was given.
    pub(crate) fn put_back(&self, taken: Option<T>) -> R {
        match (taken, self.not_found) {
            (Some(value), _) => (self.give)(value),
            (None, Some(not_found)) => not_found(),
            (None, None) => unreachable!("only a shape with a \"not found\" takes one"),
        }
    }

    /// Whether everything that can come of a load can be given to others.
    pub(crate) fn can_share(&self) -> bool {
        !self.fails || self.share.is_some()
    }

    pub(crate) fn never_fails(mut self) -> Self {
        self.fails = false;
        self
    }

    pub(crate) fn can_time_out(&self) -> bool {
        self.timed_out.is_some()
    }

    pub(crate) fn timed_out(&self, timeout: LoadTimeout) -> Option<R> {
        Some((self.failed)(self.timed_out?(timeout)))
    }

    pub(crate) fn not_invalidated(&self, error: Error) -> Result<R, Error> {
        match self.not_invalidated {
            Some(convert) => Ok((self.failed)(convert(error))),
            None => Err(error),
        }
    }
}

impl<T, E> Shape<Result<T, E>, T, E> {
    /// For callers that know their type: nothing to probe.
    #[inline]
    pub(crate) fn of_result() -> Self {
        Self::new(
            |outcome| match outcome {
                Ok(value) => Answer::Value(value),
                Err(_) => Answer::Failed,
            },
            (|outcome| outcome.map(Some).map_err(Err), Ok),
            None,
            |outcome| outcome.as_ref().err(),
            Err,
        )
    }
}

impl<T> Shape<Option<T>, T, NotAResult<Option<T>>> {
    #[inline]
    pub(crate) fn of_option() -> Self {
        Self::new(
            |outcome| match outcome {
                Some(value) => Answer::Value(value),
                None => Answer::NotFound,
            },
            (Ok, Some),
            Some(|| None),
            |_| None,
            NotAResult::never,
        )
        .never_fails()
    }
}

impl<V> Shape<V, V, NotAResult<V>> {
    #[inline]
    pub(crate) fn of_value() -> Self {
        Self::new(
            |value| Answer::Value(value),
            (|value| Ok(Some(value)), |value| value),
            None,
            |_| None,
            NotAResult::never,
        )
        .never_fails()
    }
}

/// How a value becomes the return value it came out of. A trait and not a pointer like the rest of
/// a [`Shape`], so that a hit builds its answer in place.
pub trait Wraps<T, E> {
    #[doc(hidden)]
    fn wrap(value: T) -> Self;
}

impl<T, E> Wraps<T, E> for Result<Option<T>, E> {
    #[inline]
    fn wrap(value: T) -> Self {
        Ok(Some(value))
    }
}

impl<T, E> Wraps<T, E> for Result<T, E> {
    #[inline]
    fn wrap(value: T) -> Self {
        Ok(value)
    }
}

impl<T> Wraps<T, NotAResult<Self>> for Option<T> {
    #[inline]
    fn wrap(value: T) -> Self {
        Some(value)
    }
}

impl<T> Wraps<Self, NotAResult<Self>> for T {
    #[inline]
    fn wrap(value: T) -> Self {
        value
    }
}

/// Asks for the shape of a return type.
pub struct Returns<R>(PhantomData<fn() -> R>);

impl<R> fmt::Debug for Returns<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returns")
    }
}

/// Starts the probe of a return type.
#[inline]
pub const fn returns<R>() -> Returns<R> {
    Returns(PhantomData)
}
