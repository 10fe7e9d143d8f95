//! Loads that outlive the call that started them. The only place that spawns tasks.

mod home;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) use tokio::runtime::Id as RuntimeId;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Sleep;
use tracing::Instrument as _;

pub(crate) use self::home::HomeRuntime;
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
            permits: Arc::new(Semaphore::new((limit as usize).min(Semaphore::MAX_PERMITS))),
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

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `work` beside its caller, for as long as the [`Task`] is kept; `None` without a runtime.
pub(crate) fn beside(work: impl Future<Output = ()> + Send + 'static) -> Option<Task> {
    let runtime = Handle::try_current().ok()?;
    Some(Task(spawn(&runtime, Box::pin(work)).abort_handle()))
}

/// Runs `work` whatever becomes of its caller. Without a runtime it is dropped.
pub(crate) fn spawn_detached<F>(work: F) -> Option<JoinHandle<F::Output>>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let runtime = Handle::try_current().ok()?;
    Some(spawn(&runtime, Box::pin(work)))
}

/// Has any thread of the runtime take up what was spawned last. The caller's own would do so when the caller waits, and
/// it may block the thread instead.
pub(crate) fn hand_over() {
    if let Ok(runtime) = Handle::try_current()
        && runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
    {
        // A thread keeps the last task for itself, and lets go of the one before it.
        runtime.spawn(async {});
    }
}

/// Panics on a tokio runtime that was built without time, with tokio's own words: no limit could be kept there, and
/// that is to be known before the first call.
pub(crate) fn needs_time(chosen: Option<&Handle>) {
    let _entered = chosen.map(Handle::enter);
    if Handle::try_current().is_ok() {
        drop(tokio::time::sleep(Duration::ZERO));
    }
}

/// By the type of the output alone: what tokio has for a task is compiled for each type of task.
fn spawn<T: Send + 'static>(
    runtime: &Handle,
    work: Pin<Box<dyn Future<Output = T> + Send>>,
) -> JoinHandle<T> {
    runtime.spawn(work)
}

/// The caller's runtime.
pub(crate) fn runtime() -> Option<RuntimeId> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Runs `work` on `runtime`; where that has ended, it is dropped.
#[cfg(feature = "redis")]
pub(crate) fn keep_running(
    runtime: &Handle,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    spawn(runtime, Box::pin(work))
}

pub(crate) async fn sleep(time: Duration) {
    within(time, pending::<()>()).await;
}

/// Lets the other tasks run that are ready, and looks for no news.
#[cfg(feature = "redis")]
pub(crate) async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits, and says so: without a timer it cannot.
pub(crate) async fn has_waited(time: Duration) -> bool {
    match timer(time) {
        Some(timer) => {
            timer.await;
            true
        }
        None => false,
    }
}

/// The outputs of futures that run side by side.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|f| (Some(Box::pin(f)), None))
        .collect();
    poll_fn(|context| {
        let mut left = 0;
        for (future, output) in &mut running {
            if let Some(polled) = future {
                match polled.as_mut().poll(context) {
                    Poll::Ready(done) => (*future, *output) = (None, Some(done)),
                    Poll::Pending => left += 1,
                }
            }
        }
        if left > 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
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

/// A time limit that is polled beside what it limits.
#[derive(Debug)]
pub(crate) struct Limit(Option<Pin<Box<Sleep>>>);

impl Limit {
    /// From now on; `None`: there is none.
    pub(crate) fn of(limit: Option<Duration>) -> Self {
        Self(limit.and_then(timer).map(Box::pin))
    }

    /// Ready once, when it has passed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(timer) = &mut self.0 else {
            return Poll::Pending;
        };
        let passed = timer.as_mut().poll(context);
        if passed.is_ready() {
            self.0 = None;
        }
        passed
    }
}

fn timer(limit: Duration) -> Option<Sleep> {
    static REPORTED: Once = Once::new();
    let timer = Handle::try_current()
        .ok()
        .and_then(|runtime| timer_on(&runtime, limit));
    if timer.is_none() && REPORTED.first() {
        tracing::warn!(
            "time limits are not kept: there is no tokio runtime with timers (`enable_time`)"
        );
    }
    timer
}

/// There is no other way to ask a runtime whether it has timers than to have it panic. That is printed,
/// so each is asked once.
fn timer_on(runtime: &Handle, limit: Duration) -> Option<Sleep> {
    static WITHOUT: Mutex<VecDeque<RuntimeId>> = Mutex::new(VecDeque::new());
    static ANY: AtomicBool = AtomicBool::new(false);
    const MOST: usize = 64;
    let without = || WITHOUT.lock().unwrap_or_else(PoisonError::into_inner);
    if ANY.load(Acquire) && without().contains(&runtime.id()) {
        return None;
    }
    let timer = catch_unwind(|| tokio::time::sleep(limit)).ok();
    if timer.is_none() {
        let mut without = without();
        // Runtimes come and go.
        without.truncate(MOST - 1);
        without.push_front(runtime.id());
        ANY.store(true, Release);
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
