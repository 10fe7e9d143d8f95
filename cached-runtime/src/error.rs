//! What can go wrong, for those who call the cache by hand. A cached function never sees these.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// An error of the cache: opaque, with a [`kind`](Self::kind) to branch on.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, ErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let error = Cache::builder().local_capacity(0).build().await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(error.to_string(), "`local_capacity` must be at least 1 entry");
/// # });
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing, out of range or cannot be read.
    Config,
    /// A process default is already installed.
    AlreadyInstalled,
    /// A key's parts could not be serialized.
    Key,
    /// The shared store cannot be used at the moment.
    Unavailable,
    /// An invalidation is done in this process and not yet in the store; it is repeated until the store has it.
    Pending,
    /// Somebody else holds the lock, and held it for as long as was waited.
    Busy,
    /// A value has no encoding, so it cannot be in the shared store.
    Value,
    /// A write in a bracket took longer than its limit, and was dropped.
    Late,
    /// What was left to do at `close` was not done in time, or came after that.
    Unfinished,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What sort of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            message,
            source,
        } = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", kind).field("message", message);
        if let Some(source) = source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// A load took longer than its `load_timeout` and was cut.
///
/// A cached function with `load_timeout` returns it inside its own error, which therefore
/// implements `From<LoadTimeout>`; `anyhow::Error`, `Box<dyn Error>` and `String` do.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::LoadTimeout;
///
/// #[derive(Debug)]
/// enum DbError { Slow(LoadTimeout) }
///
/// impl From<LoadTimeout> for DbError {
///     fn from(timeout: LoadTimeout) -> Self { DbError::Slow(timeout) }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the load took longer than {limit:?}")]
pub struct LoadTimeout {
    limit: Duration,
}

impl LoadTimeout {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// The `load_timeout` that was passed.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl From<LoadTimeout> for String {
    fn from(timeout: LoadTimeout) -> Self {
        timeout.to_string()
    }
}
