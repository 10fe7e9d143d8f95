//! The lock by itself: one holder of a name in all processes that share a store.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::background::{self, Task, within};
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::remote::LeaseId;
use crate::shared::Shared;

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
    held: Arc<AtomicBool>,
    _renewal: Option<Task>,
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
                if let Some(elsewhere) = Elsewhere::take(shared, name).await? {
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
            lease.elsewhere = Elsewhere::take(shared, name).await?;
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

    /// Whether it is held still, as far as is known: not after the store forgot it, or could not be
    /// reached for as long as the lock lives.
    pub fn is_held(&self) -> bool {
        self.elsewhere
            .as_ref()
            .is_none_or(|elsewhere| elsewhere.held.load(Acquire))
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
        elsewhere.held.store(false, Release);
        let released = shared.remote().release_name(&self.name, id).await;
        released.map_err(|fault| {
            Error::new(ErrorKind::Unavailable, "the lock ends by itself within 3 s").because(fault)
        })
    }
}

impl Elsewhere {
    async fn take(shared: &Arc<Shared>, name: &str) -> Result<Option<Self>, Error> {
        let taken = shared.remote().lock_name(name, LIFE).await;
        let Some(id) = taken.map_err(|fault| {
            Error::new(ErrorKind::Unavailable, "the lock could not be asked for").because(fault)
        })?
        else {
            return Ok(None);
        };
        let held = Arc::new(AtomicBool::new(true));
        let renewal = renew(Arc::clone(shared), name.into(), id, Arc::clone(&held));
        Ok(Some(Self {
            shared: Arc::clone(shared),
            name: name.into(),
            id,
            held,
            _renewal: background::beside(renewal),
        }))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if !self.held.load(Acquire) {
            return;
        }
        let (shared, name, id) = (Arc::clone(&self.shared), self.name.clone(), self.id);
        // Where this cannot be done it ends by itself.
        background::spawn_detached(async move {
            let _ = shared.remote().release_name(&name, id).await;
        });
    }
}

async fn renew(shared: Arc<Shared>, name: Box<str>, id: LeaseId, held: Arc<AtomicBool>) {
    /// Attempts without a reply after which the lock has ended.
    const MOST_FAILURES: u32 = 2;
    let mut failures = 0;
    loop {
        background::sleep(LIFE / 3).await;
        match shared.remote().renew_name(&name, id, LIFE).await {
            Ok(true) => failures = 0,
            Err(_) if failures < MOST_FAILURES - 1 => failures += 1,
            Ok(false) | Err(_) => {
                held.store(false, Release);
                return;
            }
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
