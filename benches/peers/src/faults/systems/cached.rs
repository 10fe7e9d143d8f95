//! `cached` in the form of its README: the attribute finds the server in the environment.

use cached::macros::concurrent_cached;

use crate::subject::{Failure, User, load};

#[concurrent_cached(redis = true, ttl_secs = 60, map_error = |e| Failure(format!("{e:?}")))]
pub(super) async fn user(id: u64) -> Result<User, Failure> {
    Ok(load(id).await)
}
