//! The argument of a batch.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};

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
    /// How many elements there are.
    fn count(&self) -> usize;
    /// Shows every element.
    fn each<'a>(&'a self, show: impl FnMut(&'a Self::Key));
    /// Collects the missing ones.
    fn rest(missing: impl Iterator<Item = Self::Key>) -> Self::Rest;
}

macro_rules! each {
    ($([$($generics:tt)*] $collection:ty => $rest:ty;)*) => {$(
        impl<$($generics)*> Each for $collection {
            type Key = K;
            type Rest = $rest;

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
    )*};
}

each! {
    [K: Clone + Eq + Hash] Vec<K> => Vec<K>;
    [K: Clone + Eq + Hash] [K] => Vec<K>;
    [K: Clone + Eq + Hash] VecDeque<K> => VecDeque<K>;
    [K: Clone + Eq + Hash, S: BuildHasher + Default] HashSet<K, S> => HashSet<K, S>;
    [K: Clone + Ord + Hash] BTreeSet<K> => BTreeSet<K>;
}

impl<C: Each + ?Sized> Each for &C {
    type Key = C::Key;
    type Rest = C::Rest;

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
