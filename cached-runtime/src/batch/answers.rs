//! The result of a batch.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::each::{Any, Impossible};
use crate::outcome::BatchShape;

/// A map from elements to their answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a batch",
    note = "return a `HashMap` or `BTreeMap` from elements to values, both of them `Clone`, plain or in a `Result`"
)]
pub trait Answers {
    /// What an element is in the map.
    type Key: Clone;
    /// What is stored for each.
    type Value: Clone;
    /// The map itself, as with [`Each`](super::Each).
    type Itself;
    /// Asks for a map where the return type is taken apart.
    fn shape<R, E>(shape: BatchShape<R, Self, E>) -> BatchShape<R, Self::Itself, E>
    where
        Self: Sized;
    /// Makes the map.
    fn of(answers: impl IntoIterator<Item = (Self::Key, Self::Value)>) -> Self;
    /// Takes one answer out.
    fn take(&mut self, key: &Self::Key) -> Option<Self::Value>;
}

macro_rules! answers {
    ($([$($generics:tt)*] $map:ty where [$($bounds:tt)*];)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Answers for $map
        where
            $($bounds)*
        {
            type Key = K;
            type Value = V;
            type Itself = Self;

            #[inline]
            fn shape<R, E>(shape: BatchShape<R, Self, E>) -> BatchShape<R, Self, E> {
                shape
            }

            fn of(answers: impl IntoIterator<Item = (K, V)>) -> Self {
                answers.into_iter().collect()
            }

            fn take(&mut self, key: &K) -> Option<V> {
                self.remove(key)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Answers for $map
        where
            Any<$map>: Impossible,
        {
            type Key = ();
            type Value = ();
            type Itself = ();

            fn shape<R, E>(_: BatchShape<R, Self, E>) -> BatchShape<R, (), E> {
                unreachable!("nothing is `Impossible`")
            }

            fn of(_: impl IntoIterator<Item = ((), ())>) -> Self {
                unreachable!("nothing is `Impossible`")
            }

            fn take(&mut self, (): &()) -> Option<()> {
                None
            }
        }
    )*};
}

answers! {
    [K, V, S] HashMap<K, V, S> where [K: Clone + Eq + Hash, V: Clone, S: BuildHasher + Default];
    [K, V] BTreeMap<K, V> where [K: Clone + Ord, V: Clone];
}

/// An element as the key of the result: itself, or its owned form.
#[diagnostic::on_unimplemented(
    message = "a batch over `{Self}` cannot answer with a map from `{Q}`",
    note = "the map's key is the element's type, or its owned form: `String` for `&str`, `Vec<T>` for `&[T]`"
)]
pub trait AsMapKey<Q> {
    /// The key in the map.
    fn as_map_key(&self) -> Q;
}

impl<K: Clone> AsMapKey<K> for K {
    fn as_map_key(&self) -> K {
        self.clone()
    }
}

/// The key of no map. With a second candidate the compiler waits until it knows the key of the map
/// that is returned; a single one it would take, and say that the map is another.
#[derive(Debug)]
pub enum NoKey {}

#[diagnostic::do_not_recommend]
impl<K> AsMapKey<NoKey> for K {
    fn as_map_key(&self) -> NoKey {
        unreachable!("the key of a map is `Clone`")
    }
}

impl AsMapKey<String> for &str {
    fn as_map_key(&self) -> String {
        (*self).to_owned()
    }
}

impl<T: Clone> AsMapKey<Vec<T>> for &[T] {
    fn as_map_key(&self) -> Vec<T> {
        self.to_vec()
    }
}
