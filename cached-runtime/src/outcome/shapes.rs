//! The traits of the probe, to be imported where it runs.
#![allow(missing_docs, reason = "named by generated code only")]

use std::any::TypeId;
use std::sync::Arc;

use super::{
    Answer, BatchShape, HoldsErrors, HoldsInvalidationFailure, HoldsTimeout, NotAResult, Returns,
    Shape, SharedError,
};
use crate::error::LoadTimeout;

pub trait ByResultOption<R, T, E> {
    fn shape(&self) -> Shape<R, T, E>;
}

impl<T, E> ByResultOption<Result<Option<T>, E>, T, E> for &&&Returns<Result<Option<T>, E>> {
    #[inline]
    fn shape(&self) -> Shape<Result<Option<T>, E>, T, E> {
        Shape::new(
            |outcome| match outcome {
                Ok(Some(value)) => Answer::Value(value),
                Ok(None) => Answer::NotFound,
                Err(_) => Answer::Failed,
            },
            (|outcome| outcome.map_err(Err), |value| Ok(Some(value))),
            Some(|| Ok(None)),
            |outcome| outcome.as_ref().err(),
            Err,
        )
    }
}

pub trait ByResult<R, T, E> {
    fn shape(&self) -> Shape<R, T, E>;
}

impl<T, E> ByResult<Result<T, E>, T, E> for &&Returns<Result<T, E>> {
    #[inline]
    fn shape(&self) -> Shape<Result<T, E>, T, E> {
        Shape::of_result()
    }
}

pub trait ByOption<R, T, E> {
    fn shape(&self) -> Shape<R, T, E>;
}

impl<T> ByOption<Option<T>, T, NotAResult<Option<T>>> for &Returns<Option<T>> {
    #[inline]
    fn shape(&self) -> Shape<Option<T>, T, NotAResult<Option<T>>> {
        Shape::of_option()
    }
}

pub trait ByValue<R, T, E> {
    fn shape(&self) -> Shape<R, T, E>;
}

impl<T> ByValue<T, T, NotAResult<T>> for Returns<T> {
    #[inline]
    fn shape(&self) -> Shape<T, T, NotAResult<T>> {
        Shape::of_value()
    }
}

/// Waiters get the leader's error where it can be cloned.
pub trait SharedErrors<R, T, E> {
    fn errors(&self) -> Shape<R, T, E>;
}

impl<R, T, E: Clone + Send + Sync + 'static> SharedErrors<R, T, E> for &Shape<R, T, E> {
    #[inline]
    fn errors(&self) -> Shape<R, T, E> {
        let mut shape = **self;
        shape.share = Some(|error| -> SharedError { Arc::new(error.clone()) });
        shape.revive = Some(|error| error.downcast_ref::<E>().cloned());
        shape.error_type = Some(TypeId::of::<E>);
        shape
    }
}

pub trait OwnErrors<R, T, E> {
    fn errors(&self) -> Shape<R, T, E>;
}

impl<R, T, E> OwnErrors<R, T, E> for Shape<R, T, E> {
    #[inline]
    fn errors(&self) -> Shape<R, T, E> {
        *self
    }
}

/// A cut load is an error of the function where its error type can hold one.
pub trait TimeoutsHeld<R, T, E> {
    fn timeouts_if_any(&self) -> Shape<R, T, E>;
}

impl<R, T, E: From<LoadTimeout>> TimeoutsHeld<R, T, E> for &Shape<R, T, E> {
    #[inline]
    fn timeouts_if_any(&self) -> Shape<R, T, E> {
        let mut shape = **self;
        shape.timed_out = Some(E::from);
        shape
    }
}

pub trait TimeoutsNotHeld<R, T, E> {
    fn timeouts_if_any(&self) -> Shape<R, T, E>;
}

impl<R, T, E> TimeoutsNotHeld<R, T, E> for Shape<R, T, E> {
    #[inline]
    fn timeouts_if_any(&self) -> Shape<R, T, E> {
        *self
    }
}

/// The shape of a batch: a map, or a `Result` of one.
pub trait BatchByResult<R, M, E> {
    fn batch(&self) -> BatchShape<R, M, E>;
}

impl<M, E> BatchByResult<Result<M, E>, M, E> for &Returns<Result<M, E>> {
    #[inline]
    fn batch(&self) -> BatchShape<Result<M, E>, M, E> {
        let open = |outcome: Result<M, E>| outcome.map_err(Err);
        BatchShape {
            open,
            answers: Ok,
            failed: Err,
            timed_out: None,
        }
    }
}

pub trait BatchByValue<R, M, E> {
    fn batch(&self) -> BatchShape<R, M, E>;
}

impl<M> BatchByValue<M, M, NotAResult<M>> for Returns<M> {
    #[inline]
    fn batch(&self) -> BatchShape<M, M, NotAResult<M>> {
        BatchShape {
            open: Ok,
            answers: |map| map,
            failed: NotAResult::never,
            timed_out: None,
        }
    }
}

impl<R, M, E> BatchShape<R, M, E> {
    /// A batch shares no load, and so no error.
    #[must_use]
    pub fn errors(self) -> Self {
        self
    }
}

impl<R, M, E: From<LoadTimeout>> BatchTimeoutsHeld<R, M, E> for &BatchShape<R, M, E> {
    #[inline]
    fn timeouts_if_any(&self) -> BatchShape<R, M, E> {
        let mut shape = **self;
        shape.timed_out = Some(E::from);
        shape
    }
}

pub trait BatchTimeoutsHeld<R, M, E> {
    fn timeouts_if_any(&self) -> BatchShape<R, M, E>;
}

pub trait BatchTimeoutsNotHeld<R, M, E> {
    fn timeouts_if_any(&self) -> BatchShape<R, M, E>;
}

impl<R, M, E> BatchTimeoutsNotHeld<R, M, E> for BatchShape<R, M, E> {
    #[inline]
    fn timeouts_if_any(&self) -> BatchShape<R, M, E> {
        *self
    }
}

/// A cut load is an error of the function.
pub trait Timeouts<E>: Sized {
    #[must_use]
    fn timeouts(&self) -> Self
    where
        E: HoldsTimeout;
}

/// The same where there is no error type. Found first, since it takes the shape by value, so that
/// the error speaks of the function's type and not of [`NotAResult`].
pub trait NoTimeouts<R>: Sized {
    #[must_use]
    #[inline]
    fn timeouts(self) -> Self
    where
        R: HoldsErrors,
    {
        self
    }
}

impl<R, T, E> Timeouts<E> for Shape<R, T, E> {
    #[inline]
    fn timeouts(&self) -> Self
    where
        E: HoldsTimeout,
    {
        Self {
            timed_out: Some(E::hold),
            ..*self
        }
    }
}

impl<R, M, E> Timeouts<E> for BatchShape<R, M, E> {
    #[inline]
    fn timeouts(&self) -> Self
    where
        E: HoldsTimeout,
    {
        Self {
            timed_out: Some(E::hold),
            ..*self
        }
    }
}

impl<R, T> NoTimeouts<R> for Shape<R, T, NotAResult<R>> {}
impl<R, M> NoTimeouts<R> for BatchShape<R, M, NotAResult<R>> {}

/// An invalidation that failed is an error of the function.
pub trait Propagating<E>: Sized {
    #[must_use]
    fn propagating(&self) -> Self
    where
        E: HoldsInvalidationFailure;
}

/// The same where there is no error type.
pub trait NotPropagating<R>: Sized {
    #[must_use]
    #[inline]
    fn propagating(self) -> Self
    where
        R: HoldsErrors,
    {
        self
    }
}

impl<R, T, E> Propagating<E> for Shape<R, T, E> {
    #[inline]
    fn propagating(&self) -> Self
    where
        E: HoldsInvalidationFailure,
    {
        Self {
            not_invalidated: Some(E::hold),
            ..*self
        }
    }
}

impl<R, T> NotPropagating<R> for Shape<R, T, NotAResult<R>> {}
