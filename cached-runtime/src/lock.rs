//! The lock by itself: one holder of a name in all processes that share a store.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::background::{self, Task, within};
use crate::cache::Cache;
use crate::clock::{Clock, Moment};
use crate::error::{Error, ErrorKind};
use crate::remote::{Fault, LeaseId};
use crate::shared::{Shared, Wish};

/// Renewed at a third.
const LIFE: Duration = Duration::from_secs(3);
/// How long [`Cache::lock`] waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A lock that is held; see [`Cache::lock`](crate::Cache::lock). Dropped, it is released.
#[must_use = "the lock is released when this is dropped"]
pub struct Lease {
    name: Box<str>,
    _here: OwnedMutexGuard<()>,
    elsewhere: Option<Elsewhere>,
}

/// The part of a lock that other processes see.
struct Elsewhere {
    shared: Arc<Shared>,
    name: Box<str>,
    id: LeaseId,
    held: Arc<Held>,
    _renewal: Option<Task>,
}

/// Until when a lock is certainly held: its life, counted from before it was last asked for, on a
/// clock that goes on while the machine or the process is suspended.
#[derive(Debug)]
struct Held {
    clock: Clock,
    until: Mutex<Moment>,
}

impl Held {
    fn is_on(&self) -> bool {
        self.clock.now() < *self.until()
    }

    /// Runs what takes or extends the lock for its life.
    async fn ask(&self, remote: impl Future<Output = Result<bool, Fault>>) -> Result<bool, Fault> {
        let until = self.clock.now().after(LIFE);
        let on = remote.await?;
        *self.until() = if on { until } else { Moment::FIRST };
        Ok(on)
    }

    fn end(&self) {
        *self.until() = Moment::FIRST;
    }

    fn until(&self) -> MutexGuard<'_, Moment> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locks of one process by name. A name that nobody holds or waits for takes no memory.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<Box<str>, Arc<AsyncMutex<()>>>>);

impl Locks {
    fn of(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !locks.contains_key(name) {
            // Handed out under this mutex only: what nobody holds now nobody will.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.insert(name.into(), Arc::default());
        }
        Arc::clone(&locks[name])
    }
}

impl Cache {
    /// Takes the lock of a name, which one holder at a time has: in this process, or in all that
    /// share the store. It is renewed as long as the [`Lease`] lives, and released when that is
    /// dropped; a process that dies loses it after 3 s.
    ///
    /// A lock cannot stop a holder that was suspended for longer than 3 s and goes on: ask
    /// [`Lease::is_held`] before what must not be done twice, or make it safe to repeat.
    ///
    /// # Errors
    /// Of kind [`Busy`](ErrorKind::Busy) if somebody else holds it for 30 s, and of kind
    /// [`Unavailable`](ErrorKind::Unavailable) if the store cannot be used.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = cache_aside::Cache::in_process();
    /// let lease = cache.lock("nightly-report").await?;
    /// assert!(cache.try_lock("nightly-report").await?.is_none());
    /// drop(lease);
    /// assert!(cache.try_lock("nightly-report").await?.is_some());
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn lock(&self, name: &str) -> Result<Lease, Error> {
        let attempt = async {
            let here = self.locks().of(name).lock_owned().await;
            let Some(shared) = self.shared() else {
                return Ok(Lease::of_this_process(name, here));
            };
            let mut pause = PAUSE;
            loop {
                if let Some(elsewhere) = Elsewhere::take(self, shared, name).await? {
                    return Ok(Lease {
                        elsewhere: Some(elsewhere),
                        ..Lease::of_this_process(name, here)
                    });
                }
                background::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        within(PATIENCE, attempt).await.unwrap_or_else(|| {
            let message = "somebody else held the lock for as long as was waited";
            Err(Error::new(ErrorKind::Busy, message))
        })
    }

    /// The same without waiting; `None` if somebody else holds it.
    ///
    /// # Errors
    /// Of kind [`Unavailable`](ErrorKind::Unavailable) if the store cannot be used.
    pub async fn try_lock(&self, name: &str) -> Result<Option<Lease>, Error> {
        let Ok(here) = self.locks().of(name).try_lock_owned() else {
            return Ok(None);
        };
        let mut lease = Lease::of_this_process(name, here);
        if let Some(shared) = self.shared() {
            lease.elsewhere = Elsewhere::take(self, shared, name).await?;
            if lease.elsewhere.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(lease))
    }
}

impl Lease {
    fn of_this_process(name: &str, here: OwnedMutexGuard<()>) -> Self {
        Self {
            name: name.into(),
            _here: here,
            elsewhere: None,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is certainly held at this moment: not once its life has passed since it was last
    /// taken or renewed, as after the process was suspended or the store was away.
    pub fn is_held(&self) -> bool {
        self.elsewhere
            .as_ref()
            .is_none_or(|elsewhere| elsewhere.held.is_on())
    }

    /// Releases it, and returns when others can have it. Dropping it does the same behind the
    /// caller.
    ///
    /// # Errors
    /// Of kind [`Unavailable`](ErrorKind::Unavailable) if the store cannot be used: then the lock
    /// ends by itself within 3 s.
    pub async fn release(mut self) -> Result<(), Error> {
        let Some(elsewhere) = self.elsewhere.take() else {
            return Ok(());
        };
        let (shared, id) = (Arc::clone(&elsewhere.shared), elsewhere.id);
        // Its drop has nothing left to do.
        elsewhere.held.end();
        let released = shared.remote().release_name(&self.name, id).await;
        released.map_err(|fault| {
            Error::new(ErrorKind::Unavailable, "the lock ends by itself within 3 s").because(fault)
        })
    }
}

impl Elsewhere {
    async fn take(cache: &Cache, shared: &Arc<Shared>, name: &str) -> Result<Option<Self>, Error> {
        let held = Arc::new(Held {
            clock: cache.clock().clone(),
            until: Mutex::new(Moment::FIRST),
        });
        let mut taken = None;
        let (asks, asked): (_, Box<str>) = (Arc::clone(shared), name.into());
        let wish = Wish::new(shared, name.into(), async move {
            asks.remote().lock_name(&asked, LIFE).await
        });
        let asked = held.ask(async {
            taken = wish.answer().await?;
            Ok(taken.is_some())
        });
        asked.await.map_err(|fault| {
            Error::new(ErrorKind::Unavailable, "the lock could not be asked for").because(fault)
        })?;
        let Some(id) = taken else {
            return Ok(None);
        };
        let renewal = renew(Arc::clone(shared), name.into(), id, Arc::clone(&held));
        let renewal = background::beside(renewal);
        // Who has the lock may block its thread.
        background::hand_over();
        Ok(Some(Self {
            shared: Arc::clone(shared),
            name: name.into(),
            id,
            held,
            _renewal: renewal,
        }))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if *self.held.until() == Moment::FIRST {
            return;
        }
        let (shared, name, id) = (Arc::clone(&self.shared), self.name.clone(), self.id);
        let home = shared.home().clone();
        // Where this cannot be done it ends by itself.
        home.run_behind(async move {
            let _ = shared.remote().release_name(&name, id).await;
        });
    }
}

/// What cannot be asked for now is asked for again; the lock ends by itself meanwhile.
async fn renew(shared: Arc<Shared>, name: Box<str>, id: LeaseId, held: Arc<Held>) {
    loop {
        background::sleep(LIFE / 3).await;
        let renewed = held.ask(shared.remote().renew_name(&name, id, LIFE)).await;
        if matches!(renewed, Ok(false)) {
            return;
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("name", &self.name)
            .field("held", &self.is_held())
            .finish_non_exhaustive()
    }
}
