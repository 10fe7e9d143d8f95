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

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::batch::Answers;
use crate::error::{Error, LoadTimeout};
use crate::local::{AnyEntry, EntryHead};
use crate::value::{Cacheable, weight};

/// An error that several callers share.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// What a finished body means for the cache.
#[derive(Debug)]
pub(crate) enum Answer<'a, T> {
    Value(&'a T),
    NotFound,
    Failed,
}

/// How to take apart and put together a function's return value. Plain function pointers: nothing
/// here is bounded by what values or errors can do until something asks for it.
pub struct Shape<R, T, E> {
    pub(crate) peek: for<'a> fn(&'a R) -> Answer<'a, T>,
    pub(crate) value: fn(T) -> R,
    pub(crate) not_found: Option<fn() -> R>,
    error: for<'a> fn(&'a R) -> Option<&'a E>,
    failed: fn(E) -> R,
    share: Option<fn(&E) -> SharedError>,
    revive: Option<fn(&SharedError) -> Option<E>>,
    timed_out: Option<fn(LoadTimeout) -> E>,
    not_invalidated: Option<fn(Error) -> E>,
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
    fn new(
        peek: for<'a> fn(&'a R) -> Answer<'a, T>,
        value: fn(T) -> R,
        not_found: Option<fn() -> R>,
        error: for<'a> fn(&'a R) -> Option<&'a E>,
        failed: fn(E) -> R,
    ) -> Self {
        Self {
            peek,
            value,
            not_found,
            error,
            failed,
            share: None,
            revive: None,
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
    pub(crate) fn of_result() -> Self {
        Self::new(
            |outcome| match outcome {
                Ok(value) => Answer::Value(value),
                Err(_) => Answer::Failed,
            },
            Ok,
            None,
            |outcome| outcome.as_ref().err(),
            Err,
        )
    }
}

impl<T> Shape<Option<T>, T, NotAResult<Option<T>>> {
    pub(crate) fn of_option() -> Self {
        Self::new(
            |outcome| match outcome {
                Some(value) => Answer::Value(value),
                None => Answer::NotFound,
            },
            Some,
            Some(|| None),
            |_| None,
            NotAResult::never,
        )
    }
}

impl<T> Shape<T, T, NotAResult<T>> {
    pub(crate) fn of_value() -> Self {
        Self::new(
            |value| Answer::Value(value),
            |value| value,
            None,
            |_| None,
            NotAResult::never,
        )
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
pub const fn returns<R>() -> Returns<R> {
    Returns(PhantomData)
}

/// Stands where a function without `Result` has no error type.
pub struct NotAResult<R>(std::convert::Infallible, PhantomData<fn() -> R>);

impl<R> fmt::Debug for NotAResult<R> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl<R> NotAResult<R> {
    fn never<X>(self) -> X {
        match self.0 {}
    }
}

/// The traits of the probe, to be imported where it runs.
pub mod shapes {
    #![allow(missing_docs, reason = "named by generated code only")]
    use super::{
        Answer, BatchShape, Error, HoldsInvalidationFailure, HoldsTimeout, LoadTimeout, NotAResult,
        Returns, Shape, SharedError,
    };
    use std::sync::Arc;

    pub trait ByResultOption<R, T, E> {
        fn shape(&self) -> Shape<R, T, E>;
    }

    impl<T, E> ByResultOption<Result<Option<T>, E>, T, E> for &&&Returns<Result<Option<T>, E>> {
        fn shape(&self) -> Shape<Result<Option<T>, E>, T, E> {
            Shape::new(
                |outcome| match outcome {
                    Ok(Some(value)) => Answer::Value(value),
                    Ok(None) => Answer::NotFound,
                    Err(_) => Answer::Failed,
                },
                |value| Ok(Some(value)),
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
        fn shape(&self) -> Shape<Result<T, E>, T, E> {
            Shape::of_result()
        }
    }

    pub trait ByOption<R, T, E> {
        fn shape(&self) -> Shape<R, T, E>;
    }

    impl<T> ByOption<Option<T>, T, NotAResult<Option<T>>> for &Returns<Option<T>> {
        fn shape(&self) -> Shape<Option<T>, T, NotAResult<Option<T>>> {
            Shape::of_option()
        }
    }

    pub trait ByValue<R, T, E> {
        fn shape(&self) -> Shape<R, T, E>;
    }

    impl<T> ByValue<T, T, NotAResult<T>> for Returns<T> {
        fn shape(&self) -> Shape<T, T, NotAResult<T>> {
            Shape::of_value()
        }
    }

    /// Waiters get the leader's error where it can be cloned.
    pub trait SharedErrors<R, T, E> {
        fn errors(&self) -> Shape<R, T, E>;
    }

    impl<R, T, E: Clone + Send + Sync + 'static> SharedErrors<R, T, E> for &Shape<R, T, E> {
        fn errors(&self) -> Shape<R, T, E> {
            let mut shape = **self;
            shape.share = Some(|error| -> SharedError { Arc::new(error.clone()) });
            shape.revive = Some(|error| error.downcast_ref::<E>().cloned());
            shape
        }
    }

    pub trait OwnErrors<R, T, E> {
        fn errors(&self) -> Shape<R, T, E>;
    }

    impl<R, T, E> OwnErrors<R, T, E> for Shape<R, T, E> {
        fn errors(&self) -> Shape<R, T, E> {
            *self
        }
    }

    /// A cut load is an error of the function where its error type can hold one.
    pub trait TimeoutsHeld<R, T, E> {
        fn timeouts_if_any(&self) -> Shape<R, T, E>;
    }

    impl<R, T, E: From<LoadTimeout>> TimeoutsHeld<R, T, E> for &Shape<R, T, E> {
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
        fn timeouts_if_any(&self) -> Shape<R, T, E> {
            *self
        }
    }

    /// The shape of a batch: a map, or a `Result` of one.
    pub trait BatchByResult<R, M, E> {
        fn batch(&self) -> BatchShape<R, M, E>;
    }

    impl<M, E> BatchByResult<Result<M, E>, M, E> for &Returns<Result<M, E>> {
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
        pub fn errors(self) -> Self {
            self
        }

        /// A cut load is an error of the function.
        pub fn timeouts(mut self) -> Self
        where
            E: HoldsTimeout,
        {
            self.timed_out = Some(E::hold);
            self
        }
    }

    impl<R, M, E: From<LoadTimeout>> BatchTimeoutsHeld<R, M, E> for &BatchShape<R, M, E> {
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
        fn timeouts_if_any(&self) -> BatchShape<R, M, E> {
            *self
        }
    }

    impl<R, T, E> Shape<R, T, E> {
        /// A cut load is an error of the function.
        pub fn timeouts(mut self) -> Self
        where
            E: HoldsTimeout,
        {
            self.timed_out = Some(E::hold);
            self
        }

        /// An invalidation that failed is an error of the function.
        pub fn propagating(mut self) -> Self
        where
            E: HoldsInvalidationFailure,
        {
            self.not_invalidated = Some(<E as HoldsInvalidationFailure>::hold as fn(Error) -> E);
            self
        }
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

/// A [`Shape`] whose value can be stored.
///
/// What needs to know the value's abilities is a function pointer made in [`codec`], so that an
/// unmet bound is reported there, once, and the rest of a call is bounded by nothing.
pub struct Codec<R, T, E> {
    pub(crate) shape: Shape<R, T, E>,
    /// The value of an entry, if it is of this type.
    pub(crate) read: fn(&AnyEntry) -> Option<T>,
    pub(crate) holds: fn(&AnyEntry) -> bool,
    /// An entry of its own for a value that goes to the caller.
    pub(crate) keep: fn(EntryHead, &T) -> Arc<AnyEntry>,
    pub(crate) weigh: fn(&T) -> usize,
    pub(crate) type_name: fn() -> &'static str,
}

impl<R, T, E> Clone for Codec<R, T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T, E> Copy for Codec<R, T, E> {}

impl<R, T, E> fmt::Debug for Codec<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}

/// The one place where a function's value is asked to be cacheable.
#[inline]
pub fn codec<R, T: Cacheable, E>(shape: Shape<R, T, E>) -> Codec<R, T, E> {
    Codec {
        shape,
        read: |entry| entry.value::<T>().cloned(),
        holds: |entry| entry.value::<T>().is_some(),
        keep: |head, value| Arc::new(head.with(value.clone())),
        weigh: weight::<T>,
        type_name: std::any::type_name::<T>,
    }
}

/// Something that knows which value is stored.
pub trait HasValue {
    /// The stored type.
    type Value;
}

impl<R, T, E> HasValue for Codec<R, T, E> {
    type Value = T;
}

/// How to take apart and put together what a batch returns: a map, or a `Result` of one.
pub struct BatchShape<R, M, E> {
    pub(crate) open: fn(R) -> Result<M, R>,
    pub(crate) answers: fn(M) -> R,
    failed: fn(E) -> R,
    timed_out: Option<fn(LoadTimeout) -> E>,
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

/// A [`BatchShape`] whose values can be stored.
pub struct BatchCodec<R, M: Answers, E> {
    pub(crate) shape: BatchShape<R, M, E>,
    pub(crate) element: Codec<Option<M::Value>, M::Value, NotAResult<Option<M::Value>>>,
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

#[cfg(test)]
mod tests {
    use super::shapes::*;
    use super::{Answer, Layer, Plain as _, Probe, codec, returns};

    type Found = Option<u8>;
    type Db<T> = Result<T, String>;

    /// What the probe of a body finds, as the kind the constants speak of: the outer layer, and
    /// the layer below a `Result`.
    macro_rules! probed {
        ($ret:ty) => {{
            let shape = (&&&&returns::<$ret>()).shape();
            fn name<R, T, E>(_: super::Shape<R, T, E>) -> &'static str {
                std::any::type_name::<T>()
            }
            name(shape)
        }};
    }

    macro_rules! named {
        ($ret:ty) => {{
            const OUTER: u8 = Probe::<$ret>::CACHE_ASIDE_KIND;
            type Outer = <$ret as Layer<OUTER>>::Inner;
            const INNER: u8 = if OUTER == 1 && Probe::<Outer>::CACHE_ASIDE_KIND == 2 {
                2
            } else {
                0
            };
            std::any::type_name::<<Outer as Layer<INNER>>::Inner>()
        }};
    }

    #[test]
    fn both_probes_agree_on_what_is_stored() {
        macro_rules! agree {
            ($($ret:ty => $stored:ty),* $(,)?) => {$(
                assert_eq!(probed!($ret), std::any::type_name::<$stored>(), stringify!($ret));
                assert_eq!(named!($ret), std::any::type_name::<$stored>(), stringify!($ret));
            )*};
        }
        agree! {
            u8 => u8,
            Found => u8,
            Option<Option<u8>> => Option<u8>,
            Db<u8> => u8,
            Db<Found> => u8,
            Db<Option<Option<u8>>> => Option<u8>,
            Db<Db<u8>> => Db<u8>,
            Vec<Option<u8>> => Vec<Option<u8>>,
            Db<std::sync::Arc<str>> => std::sync::Arc<str>,
        }
    }

    #[test]
    fn errors_are_never_values() {
        let codec = codec((&&&&returns::<Db<Found>>()).shape());
        assert!(matches!(
            (codec.shape.peek)(&Err("down".into())),
            Answer::Failed
        ));
        assert!(matches!((codec.shape.peek)(&Ok(None)), Answer::NotFound));
        assert!(matches!((codec.shape.peek)(&Ok(Some(1))), Answer::Value(1)));
    }

    #[test]
    fn errors_are_shared_where_they_can_be_cloned_and_only_there() {
        let shared = (&&(&&&&returns::<Db<u8>>()).shape()).errors();
        let error = shared.share(&Err("down".into())).expect("String is Clone");
        assert_eq!(shared.revive(&error), Some(Err("down".into())));
        let own = (&&(&&&&returns::<Result<u8, Box<dyn std::error::Error>>>()).shape()).errors();
        assert!(own.share(&Err("down".into())).is_none());
    }
}
