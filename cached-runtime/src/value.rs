//! What can be stored. The only place, with the codecs, that bounds values by serde.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::key::encoded_size;

/// A value that can be cached: `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`.
///
/// It is implemented for every such type. Wrap a large value in an `Arc`: then a hit in this
/// process copies nothing.
///
/// ```
/// # use cached_runtime as cache_aside;
/// fn stored<T: cache_aside::Cacheable>() {}
/// stored::<Vec<String>>();
/// stored::<std::sync::Arc<str>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    note = "a cached value needs `Serialize`, `Deserialize` and `Clone`, is `Send + Sync`, and borrows nothing",
    note = "derive them: `#[derive(Clone, serde::Serialize, serde::Deserialize)]`"
)]
pub trait Cacheable: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Cacheable for T {}

/// A value of a type that the code at hand need not know.
///
/// What can be done without the type is written for this, so that it is compiled once, and not once
/// more for each type in each program.
pub(crate) type Value = dyn Any + Send + Sync;

/// How much of `local_capacity_bytes` a value counts for.
pub(crate) fn weight<T: Serialize>(value: &T) -> usize {
    encoded_size(value)
}
