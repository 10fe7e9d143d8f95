//! The return value of a batch.

use std::fmt;

use super::{Codec, HasValue, NotAResult, Shape, codec};
use crate::batch::Answers;
use crate::error::LoadTimeout;
use crate::value::Cacheable;

/// How to take apart and put together what a batch returns: a map, or a `Result` of one.
pub struct BatchShape<R, M, E> {
    pub(crate) open: fn(R) -> Result<M, R>,
    pub(crate) answers: fn(M) -> R,
    pub(super) failed: fn(E) -> R,
    pub(super) timed_out: Option<fn(LoadTimeout) -> E>,
}

impl<R, M, E> Clone for BatchShape<R, M, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, M, E> Copy for BatchShape<R, M, E> {}

impl<R, M, E> BatchShape<R, M, E> {
    pub(crate) fn timed_out(&self, timeout: LoadTimeout) -> Option<R> {
        Some((self.failed)(self.timed_out?(timeout)))
    }
}

impl<R, M, E> fmt::Debug for BatchShape<R, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchShape").finish_non_exhaustive()
    }
}

/// Each element is read and kept like the answer of a function that may find nothing.
type ElementCodec<T> = Codec<Option<T>, T, NotAResult<Option<T>>>;

/// A [`BatchShape`] whose values can be stored.
pub struct BatchCodec<R, M: Answers, E> {
    pub(crate) shape: BatchShape<R, M, E>,
    pub(crate) element: ElementCodec<M::Value>,
}

impl<R, M: Answers, E> Clone for BatchCodec<R, M, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, M: Answers, E> Copy for BatchCodec<R, M, E> {}

impl<R, M: Answers, E> fmt::Debug for BatchCodec<R, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchCodec").finish_non_exhaustive()
    }
}

/// The one place where a batch's values are asked to be cacheable.
pub fn batch_codec<R, M, E>(shape: BatchShape<R, M, E>) -> BatchCodec<R, M, E>
where
    M: Answers<Value: Cacheable>,
{
    BatchCodec {
        shape,
        element: codec(Shape::of_option()),
    }
}

impl<R, M: Answers, E> HasValue for BatchCodec<R, M, E> {
    type Value = M::Value;
}
