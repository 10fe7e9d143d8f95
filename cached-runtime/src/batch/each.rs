//! The argument of a batch.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

/// A collection of elements, each of which has an answer of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the elements of a batch",
    note = "use a `Vec`, a slice, a `VecDeque`, a `HashSet` or a `BTreeSet` of elements that are `Clone + Eq + Hash`"
)]
pub trait Each {
    /// One element.
    type Key: Clone + Eq + Hash;
    /// What the body is given: the elements that are missing.
    type Rest;
    /// The collection itself. What is none has no such type: the compiler then knows no more of the
    /// call, and does not say at each step of it what it has said at the argument.
    type Itself: ?Sized;
    /// The collection as it is looked for.
    fn itself(&self) -> &Self::Itself;
    /// How many elements there are.
    fn count(&self) -> usize;
    /// Shows every element.
    fn each<'a>(&'a self, show: impl FnMut(&'a Self::Key));
    /// Collects the missing ones.
    fn rest(missing: impl Iterator<Item = Self::Key>) -> Self::Rest;
}

/// Implemented for nothing. So an implementation that needs it is for no type, and yet a second
/// candidate. A single one is taken by the compiler before it knows that the bounds are met, and where
/// they are not it says so at each step of the call.
pub trait Impossible {}

/// A type of ours, so that no other crate can implement anything for it.
#[derive(Debug)]
pub struct Any<T: ?Sized>(PhantomData<T>);

macro_rules! each {
    ($([$($generics:tt)*] $collection:ty => $rest:ty where [$($bounds:tt)*];)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Each for $collection
        where
            $($bounds)*
        {
            type Key = K;
            type Rest = $rest;
            type Itself = Self;

            #[inline]
            fn itself(&self) -> &Self {
                self
            }

            fn count(&self) -> usize {
                self.len()
            }

            fn each<'a>(&'a self, show: impl FnMut(&'a K)) {
                self.iter().for_each(show);
            }

            fn rest(missing: impl Iterator<Item = K>) -> $rest {
                missing.collect()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Each for $collection
        where
            Any<$collection>: Impossible,
        {
            type Key = ();
            type Rest = ();
            type Itself = ();

            fn itself(&self) -> &() {
                &()
            }

            fn count(&self) -> usize {
                0
            }

            fn each<'a>(&'a self, _: impl FnMut(&'a ())) {}

            fn rest(_: impl Iterator<Item = ()>) {}
        }
    )*};
}

each! {
    [K] Vec<K> => Vec<K> where [K: Clone + Eq + Hash];
    [K] [K] => Vec<K> where [K: Clone + Eq + Hash];
    [K] VecDeque<K> => VecDeque<K> where [K: Clone + Eq + Hash];
    [K, S] HashSet<K, S> => HashSet<K, S> where [K: Clone + Eq + Hash, S: BuildHasher + Default];
    [K] BTreeSet<K> => BTreeSet<K> where [K: Clone + Ord + Hash];
}

#[diagnostic::do_not_recommend]
impl<C: Each + ?Sized> Each for &C {
    type Key = C::Key;
    type Rest = C::Rest;
    type Itself = C::Itself;

    #[inline]
    fn itself(&self) -> &C::Itself {
        C::itself(self)
    }

    fn count(&self) -> usize {
        C::count(self)
    }

    fn each<'a>(&'a self, show: impl FnMut(&'a C::Key)) {
        C::each(self, show);
    }

    fn rest(missing: impl Iterator<Item = C::Key>) -> C::Rest {
        C::rest(missing)
    }
}
