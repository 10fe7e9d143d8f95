//! What a key is made of: the arguments of a call as a list that is a type.

use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;

use super::canonical::{Canonical, Unkeyable};
use super::sink::{Sink, tag, text};

/// A value that can be part of a cache key: everything that implements [`Serialize`].
///
/// Equal values make equal keys, and different values of one type different keys:
///
/// - Integers count by value, so `42u8` and `42i64` are equal. A newtype struct counts as its
///   content; `&str`, `String` and `Arc<str>` are one.
/// - Floats count by their bits, except that `-0.0` counts as `0.0` and every NaN as one.
/// - Maps count by their entries, in whatever order they come.
/// - A `HashSet` counts by its elements *in the order in which they come*, for nothing tells it
///   from a list. Equal sets can then make different keys, and miss: take a `BTreeSet`, or
///   a sorted `Vec`.
/// - Fields that serde skips do not count.
///
/// ```
/// # use cached_runtime::Key;
/// assert_eq!(Key::<u8>::new("user", &(42u8, "Ann")), Key::new("user", &(42i64, String::from("Ann"))));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "not a key part",
    note = "leave it out with `skip(..)`",
    note = "or key on something inside it with `key(arg.field)`"
)]
pub trait KeyPart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> KeyPart for T {}

/// The arguments of a call that are part of its key, in order.
///
/// A list starts with [`Nil`] or [`types`] and grows by [`Cons`]. `X` is the type of the one
/// argument that a batch function has many of, see [`Element`].
#[diagnostic::on_unimplemented(message = "`{Self}` is not a list of key parts")]
pub trait Parts<X: ?Sized = ()> {
    /// Feeds the list, except for the end of the tuple.
    #[doc(hidden)]
    fn feed<S: Sink>(&self, element: &X, sink: &mut S) -> Result<(), Unkeyable>;
}

/// One part in a list.
pub trait Piece<X: ?Sized> {
    #[doc(hidden)]
    fn feed<S: Sink>(&self, element: &X, sink: &mut S) -> Result<(), Unkeyable>;
}

/// The empty list.
#[derive(Debug, Clone, Copy)]
pub struct Nil;

impl<X: ?Sized> Parts<X> for Nil {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `Identity::feed`")]
    fn feed<S: Sink>(&self, _: &X, sink: &mut S) -> Result<(), Unkeyable> {
        sink.tag(tag::TUPLE)
    }
}

/// The empty list of a generic function, with its type arguments and constants.
pub struct Types<T: ?Sized, C = ()> {
    constants: C,
    types: PhantomData<fn() -> T>,
}

/// Starts the list of a function with the type arguments `T`.
///
/// ```
/// # use cached_runtime::Key;
/// // By hand, the same is said with `of_type`:
/// let key = Key::<u32>::new("sizes", &(1,)).of_type::<(u8, &str)>();
/// assert_ne!(key, Key::new("sizes", &(1,)));
/// ```
#[inline]
#[must_use]
pub fn types<T: ?Sized>() -> Types<T> {
    Types {
        constants: (),
        types: PhantomData,
    }
}

impl<T: ?Sized, C> Types<T, C> {
    /// Adds the value of a const parameter.
    #[inline]
    pub fn constant<V: Serialize + Copy>(self, value: &V) -> Types<T, (C, V)> {
        Types {
            constants: (self.constants, *value),
            types: PhantomData,
        }
    }
}

impl<T: ?Sized, C> fmt::Debug for Types<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Types")
            .field(&format_args!("{}", type_name::<T>()))
            .finish()
    }
}

impl<X: ?Sized, T: ?Sized, C: Constants> Parts<X> for Types<T, C> {
    #[inline]
    fn feed<S: Sink>(&self, _: &X, sink: &mut S) -> Result<(), Unkeyable> {
        text(sink, tag::TYPES, type_name::<T>().as_bytes())?;
        // Const parameters are numbers, `bool` or `char`: the tuple tag cannot be one of them.
        self.constants.feed(sink)?;
        sink.tag(tag::TUPLE)
    }
}

/// The const parameters of a function, first one innermost.
pub trait Constants {
    #[doc(hidden)]
    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), Unkeyable>;
}

impl Constants for () {
    #[inline]
    fn feed<S: Sink>(&self, _: &mut S) -> Result<(), Unkeyable> {
        Ok(())
    }
}

impl<C: Constants, V: Serialize> Constants for (C, V) {
    #[inline]
    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), Unkeyable> {
        self.0.feed(sink)?;
        self.1.serialize(Canonical::new(sink))
    }
}

/// The list `P` of a function in an impl, with what the impl is for where that varies.
#[derive(Debug, Clone, Copy)]
pub struct Scoped<P>(pub(crate) Option<&'static str>, pub(crate) P);

impl<X: ?Sized, P: Parts<X>> Parts<X> for Scoped<P> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `Identity::feed`")]
    fn feed<S: Sink>(&self, element: &X, sink: &mut S) -> Result<(), Unkeyable> {
        if let Some(scope) = self.0 {
            text(sink, tag::TYPES, scope.as_bytes())?;
        }
        self.1.feed(element, sink)
    }
}

/// The list `P` with `Q` after it.
#[derive(Debug, Clone, Copy)]
pub struct Cons<P, Q>(pub P, pub Q);

impl<X: ?Sized, P: Parts<X>, Q: Piece<X>> Parts<X> for Cons<P, Q> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `Identity::feed`")]
    fn feed<S: Sink>(&self, element: &X, sink: &mut S) -> Result<(), Unkeyable> {
        self.0.feed(element, sink)?;
        self.1.feed(element, sink)
    }
}

/// One argument. Its `Debug` does not show the value.
pub struct Part<'a, T: ?Sized>(&'a T);

/// Makes a part of an argument.
#[inline]
pub(super) fn part<T: KeyPart + ?Sized>(value: &T) -> Part<'_, T> {
    Part(value)
}

impl<X: ?Sized, T: KeyPart + ?Sized> Piece<X> for Part<'_, T> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `Identity::feed`")]
    fn feed<S: Sink>(&self, _: &X, sink: &mut S) -> Result<(), Unkeyable> {
        self.0.serialize(Canonical::new(sink))
    }
}

impl<T: ?Sized> fmt::Debug for Part<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

/// One argument together with its type. Its `Debug` does not show the value.
pub struct PartOfType<'a, T: ?Sized>(&'a T);

/// Makes a part of an `impl Trait` argument, whose type is part of the key, too.
#[inline]
pub(super) fn part_of_type<T: KeyPart + ?Sized>(value: &T) -> PartOfType<'_, T> {
    PartOfType(value)
}

impl<X: ?Sized, T: KeyPart + ?Sized> Piece<X> for PartOfType<'_, T> {
    #[inline]
    fn feed<S: Sink>(&self, _: &X, sink: &mut S) -> Result<(), Unkeyable> {
        text(sink, tag::TYPES, type_name::<T>().as_bytes())?;
        self.0.serialize(Canonical::new(sink))
    }
}

impl<T: ?Sized> fmt::Debug for PartOfType<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartOfType").finish_non_exhaustive()
    }
}

/// The place in the list where each element of a batch is put.
#[derive(Debug, Clone, Copy)]
pub struct Element;

impl<X: KeyPart + ?Sized> Piece<X> for Element {
    #[inline]
    fn feed<S: Sink>(&self, element: &X, sink: &mut S) -> Result<(), Unkeyable> {
        element.serialize(Canonical::new(sink))
    }
}
