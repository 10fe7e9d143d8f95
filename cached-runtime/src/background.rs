//! Loads that outlive the call that started them. The only place that spawns tasks.

use std::future::{Future, poll_fn};
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tracing::Instrument as _;

use crate::error::{Error, ErrorKind};
use crate::observe::Once;

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

/// The output of `future`, or `None` once `limit` has passed. Without a timer, which a tokio runtime
/// has after `enable_time`, the limit is not kept.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let Some(late) = timer(limit) else {
        return Some(future.await);
    };
    let (mut future, mut late) = (pin!(future), pin!(late));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}

fn timer(limit: Duration) -> Option<Sleep> {
    static REPORTED: Once = Once::new();
    // There is no other way to ask a runtime whether it has timers.
    let timer = Handle::try_current()
        .ok()
        .and_then(|_| catch_unwind(|| tokio::time::sleep(limit)).ok());
    if timer.is_none() && REPORTED.first() {
        tracing::warn!(
            "time limits are not kept: there is no tokio runtime with timers (`enable_time`)"
        );
    }
    timer
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
