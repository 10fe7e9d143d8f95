//! Loads that outlive the call that started them. The only place that spawns tasks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::error::{Error, ErrorKind};

/// How long `close` waits for what runs.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// A bounded number of background loads.
#[derive(Debug)]
pub(crate) struct Background {
    permits: Arc<Semaphore>,
    limit: u32,
}

/// Why a load cannot run behind its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSpawned {
    /// As many run as may, or the cache is closed.
    Full,
    /// The call does not run on a tokio runtime.
    NoRuntime,
}

/// The right to run one background load.
#[derive(Debug)]
pub(crate) struct Permit {
    runtime: Handle,
    permit: tokio::sync::OwnedSemaphorePermit,
}

impl Background {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit as usize)),
            limit,
        }
    }

    pub(crate) fn permit(&self) -> Result<Permit, NotSpawned> {
        let runtime = Handle::try_current().map_err(|_| NotSpawned::NoRuntime)?;
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => Ok(Permit { runtime, permit }),
            Err(_) => Err(NotSpawned::Full),
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.permits.is_closed() && self.permits.available_permits() == 0
    }

    /// Starts no more and waits for those that run.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        if self.permits.is_closed() {
            return Ok(());
        }
        let idle = match self.permits.try_acquire_many(self.limit) {
            Ok(_) => true,
            Err(_) => within(CLOSE_LIMIT, self.permits.acquire_many(self.limit))
                .await
                .is_some(),
        };
        self.permits.close();
        if idle {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unfinished,
            "background loads were still running 30 s after `close`",
        ))
    }
}

impl Permit {
    /// Runs `load` on the caller's runtime, inside the caller's tracing span.
    pub(crate) fn spawn<F>(self, load: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let Self { runtime, permit } = self;
        let load = async move {
            let _permit = permit;
            load.await
        };
        runtime.spawn(load.in_current_span())
    }
}

/// The output of `future`, or `None` once `limit` has passed. Without a tokio runtime there is no
/// timer and the limit is not kept.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    if Handle::try_current().is_err() {
        tracing::debug!("no tokio runtime: a time limit is not kept");
        return Some(future.await);
    }
    tokio::time::timeout(limit, future).await.ok()
}

/// The output of `future`; or, once `limit` has passed, what `instead` has to give, if anything.
pub(crate) async fn unless_late<F: Future, A>(
    limit: Duration,
    future: F,
    instead: impl FnOnce() -> Option<A>,
) -> Result<F::Output, A> {
    let mut future = pin!(future);
    if let Some(output) = within(limit, future.as_mut()).await {
        return Ok(output);
    }
    if let Some(instead) = instead() {
        return Err(instead);
    }
    Ok(future.await)
}
