//! Calls that stand still until the test lets them go.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::cache::Cache;
use crate::pause::{Gate, Point};

/// Calls of one prefix are stopped at one point while this is kept; see [`hold`].
#[must_use = "dropping it lets the calls go"]
pub struct Hold {
    cache: Cache,
    gate: Arc<Gate>,
}

/// From now on every call of `prefix` that comes to this point stops there, until what is returned is
/// dropped. The function itself is not changed, and it does not matter whether its load runs
/// in the call, behind it, or for a batch, which stops once for all its elements.
///
/// Only calls through `cache` and its clones are stopped.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Key, Policy, test_util::{self, Point}};
/// use std::{convert::Infallible, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (cache, _) = test_util::in_process();
/// let policy = Policy::ttl(Duration::from_secs(60)).tags(["user:1"]);
/// let key = Key::<u32>::new("age", &(1,));
/// let age = |age| cache.get_or_load(&key, &policy, move || async move { Ok::<_, Infallible>(age) });
///
/// let held = test_util::hold(&cache, Point::Loaded, "age");
/// let write = async {
///     held.reached().await; // 36 is read, and not stored
///     cache.invalidate_tag("user:1").await?;
///     held.release();
///     Ok::<_, cache_aside::Error>(())
/// };
/// let (read, written) = tokio::join!(age(36), write);
/// written?;
/// assert_eq!(read, Ok(36));
/// assert_eq!(age(37).await, Ok(37)); // it never was stored
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
pub fn hold(cache: &Cache, at: Point, prefix: impl Into<String>) -> Hold {
    Hold {
        gate: cache.gates().add(at, prefix.into()),
        cache: cache.clone(),
    }
}

impl Hold {
    /// Waits for one more call to come. Each call that came is waited for once: for three of them
    /// this is called three times.
    ///
    /// It has no time limit: where the call may never come, `tokio::time::timeout` gives it one.
    pub async fn reached(&self) {
        if let Ok(came) = self.gate.came.acquire().await {
            came.forget();
        }
    }

    /// Those who come from now on pass. Those who stand here stay.
    pub fn let_others_pass(&self) {
        self.gate.shut.store(false, Relaxed);
    }

    /// Lets all go on. To drop it does the same.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.cache.gates().remove(&self.gate);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.gate).finish()
    }
}
