//! An argument as the macro hands it over: one error, at the argument, if it cannot be a part.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::canonical::Unkeyable;
use super::part::{KeyPart, Part, PartOfType, Piece, part, part_of_type};
use super::sink::Sink;

/// An argument that may or may not be a [`KeyPart`], see [`arg`].
///
/// Its methods are found by their bounds. If the type is a [`KeyPart`], those of `Arg` are called.
/// If not, those of [`Unfit`] are, by dereferencing: their own bound fails, which is the error that
/// is wanted, and the part that they return raises no second one where the list is used.
pub struct Arg<'a, T: ?Sized> {
    value: &'a T,
    unfit: Unfit<T>,
}

/// What an [`Arg`] is if it cannot be part of a key.
pub struct Unfit<T: ?Sized>(NoPart, PhantomData<fn(&T)>);

/// Takes an argument, to make a part of it: `arg(&id).part()`.
#[inline]
pub fn arg<T: ?Sized>(value: &T) -> Arg<'_, T> {
    Arg {
        value,
        unfit: Unfit(NoPart, PhantomData),
    }
}

impl<'a, T: KeyPart + ?Sized> Arg<'a, T> {
    /// See [`part`].
    #[inline]
    #[must_use]
    pub fn part(self) -> Part<'a, T> {
        part(self.value)
    }

    /// See [`part_of_type`].
    #[inline]
    #[must_use]
    pub fn part_of_type(self) -> PartOfType<'a, T> {
        part_of_type(self.value)
    }
}

impl<T: ?Sized> Unfit<T> {
    /// Cannot be called.
    #[must_use]
    pub fn part(&self) -> NoPart
    where
        T: KeyPart,
    {
        self.0
    }

    /// Cannot be called.
    #[must_use]
    pub fn part_of_type(&self) -> NoPart
    where
        T: KeyPart,
    {
        self.0
    }
}

impl<T: ?Sized> Deref for Arg<'_, T> {
    type Target = Unfit<T>;

    fn deref(&self) -> &Unfit<T> {
        &self.unfit
    }
}

impl<T: ?Sized> fmt::Debug for Arg<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arg").finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for Unfit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unfit")
    }
}

/// The part that a program which compiles never has.
#[derive(Debug, Clone, Copy)]
pub struct NoPart;

impl<X: ?Sized> Piece<X> for NoPart {
    fn feed<S: Sink>(&self, _: &X, _: &mut S) -> Result<(), Unkeyable> {
        Err(Unkeyable)
    }
}
