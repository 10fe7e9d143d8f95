//! The cache of functions that name none.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{LazyLock, OnceLock};

use crate::cache::Cache;
use crate::error::{Error, ErrorKind};

static INSTALLED: OnceLock<Cache> = OnceLock::new();
static DEFAULT: LazyLock<Cache> = LazyLock::new(|| {
    DEFAULT_USED.store(true, Relaxed);
    Cache::in_process()
});
static DEFAULT_USED: AtomicBool = AtomicBool::new(false);

/// What functions without `cache = ..` use: the installed cache, else one of this process alone.
#[inline]
pub fn installed() -> &'static Cache {
    INSTALLED.get().unwrap_or_else(|| &DEFAULT)
}

impl Cache {
    /// Makes this the cache of all functions that name none. Install it before they are called.
    ///
    /// # Errors
    /// Of kind [`AlreadyInstalled`](ErrorKind::AlreadyInstalled) at the second call.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    ///
    /// Cache::in_process().install()?;
    /// assert!(Cache::in_process().install().is_err());
    /// # Ok::<(), cache_aside::Error>(())
    /// ```
    pub fn install(&self) -> Result<(), Error> {
        INSTALLED.set(self.clone()).map_err(|_| {
            Error::new(
                ErrorKind::AlreadyInstalled,
                "a cache is installed already; install one, once, at start",
            )
        })?;
        if DEFAULT_USED.load(Relaxed) {
            tracing::warn!(
                "a cache was installed after cached functions had been called; what they stored is dropped"
            );
            DEFAULT.drop_entries();
        }
        Ok(())
    }

    /// The installed cache; where none is, the one in this process that is used instead.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// cache_aside::Cache::installed().invalidate_tag("user:42").await?;
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn installed() -> Self {
        installed().clone()
    }
}
