//! The result of a batch.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

/// A map from elements to their answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a batch",
    note = "return a `HashMap` or `BTreeMap` from elements to values, plain or in a `Result`"
)]
pub trait Answers {
    /// What an element is in the map.
    type Key: Clone;
    /// What is stored for each.
    type Value: Clone;
    /// Makes the map.
    fn of(answers: impl IntoIterator<Item = (Self::Key, Self::Value)>) -> Self;
    /// Takes one answer out.
    fn take(&mut self, key: &Self::Key) -> Option<Self::Value>;
}

impl<K: Clone + Eq + Hash, V: Clone, S: BuildHasher + Default> Answers for HashMap<K, V, S> {
    type Key = K;
    type Value = V;

    fn of(answers: impl IntoIterator<Item = (K, V)>) -> Self {
        answers.into_iter().collect()
    }

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }
}

impl<K: Clone + Ord, V: Clone> Answers for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn of(answers: impl IntoIterator<Item = (K, V)>) -> Self {
        answers.into_iter().collect()
    }

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }
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
