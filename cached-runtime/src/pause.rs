//! Where tests stop calls. Without the feature `test-util` nothing is left of it.

use std::future::Future;
use std::pin::Pin;

/// Where a call can be stopped, in the order in which it gets there.
///
/// A call that is answered by what was stored comes to none of them, and one that bypasses the
/// cache is not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "`test_util` shows it")
)]
pub enum Point {
    /// It found that another caller loads the key, and is about to wait for that. A batch never
    /// does.
    Waiting,
    /// Its load has begun, and the body has not: what is invalidated from here on makes its answer
    /// invalid. It is within the time limits of the load, so this is how a source is slow.
    Loading,
    /// The body returned, and nothing is stored. A load that failed, or that was cut by its time
    /// limit, does not come here.
    Loaded,
}

/// A call that stands before a gate.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

#[cfg(any(test, feature = "test-util"))]
pub(crate) use self::gates::{Gate, Gates};

#[cfg(any(test, feature = "test-util"))]
mod gates {
    use std::future::Future;
    use std::sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    };
    use std::sync::{Arc, Mutex, PoisonError};

    use tokio::sync::Semaphore;

    use super::{Point, Stop};
    use crate::cache::Cache;
    use crate::key::RawKey;

    /// What stops the calls of one cache.
    #[derive(Debug, Default)]
    pub(crate) struct Gates {
        all: Mutex<Vec<Arc<Gate>>>,
        /// Whether there was ever one: calls that nobody will stop look no further.
        any: AtomicBool,
    }

    /// What stops the calls of one prefix at one point.
    #[derive(Debug)]
    pub(crate) struct Gate {
        at: Point,
        prefix: String,
        /// Whether it stops those who come.
        pub(crate) shut: AtomicBool,
        /// One permit for each call that came and was not waited for.
        pub(crate) came: Semaphore,
        /// Closed when those who stand here may go on; it never has a permit.
        pub(crate) open: Semaphore,
    }

    impl Gates {
        pub(crate) fn add(&self, at: Point, prefix: String) -> Arc<Gate> {
            let gate = Arc::new(Gate {
                at,
                prefix,
                shut: AtomicBool::new(true),
                came: Semaphore::new(0),
                open: Semaphore::new(0),
            });
            self.with(|gates| gates.push(Arc::clone(&gate)));
            self.any.store(true, Release);
            gate
        }

        pub(crate) fn remove(&self, gate: &Arc<Gate>) {
            self.with(|gates| gates.retain(|other| !Arc::ptr_eq(other, gate)));
            gate.open.close();
        }

        fn at(&self, at: Point, key: Option<&RawKey>) -> Vec<Arc<Gate>> {
            if !self.any.load(Acquire) {
                return Vec::new();
            }
            let prefix = key.map_or("", RawKey::prefix);
            let here = |gate: &Arc<Gate>| {
                gate.at == at && gate.prefix == prefix && gate.shut.load(Relaxed)
            };
            self.with(|gates| gates.iter().filter(|gate| here(gate)).cloned().collect())
        }

        fn with<R>(&self, what: impl FnOnce(&mut Vec<Arc<Gate>>) -> R) -> R {
            what(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    async fn pass(gates: Vec<Arc<Gate>>) {
        for gate in gates {
            gate.came.add_permits(1);
            // It ends when the gate is opened, and in no other way.
            let _ = gate.open.acquire().await;
        }
    }

    impl Cache {
        /// Stops here while a test holds calls of this prefix at this point. It borrows nothing.
        pub(crate) fn pause<'a>(
            &self,
            at: Point,
            key: impl Into<Option<&'a RawKey>>,
        ) -> impl Future<Output = ()> {
            pass(self.gates().at(at, key.into()))
        }

        /// The same, if there is anything to wait for.
        pub(crate) fn stop(&self, at: Point, key: &RawKey) -> Option<Stop> {
            let gates = self.gates().at(at, Some(key));
            (!gates.is_empty()).then(|| Box::pin(pass(gates)) as Stop)
        }

        /// The same right before `body` runs.
        pub(crate) fn pause_before<'a, F: Future>(
            &self,
            at: Point,
            key: impl Into<Option<&'a RawKey>>,
            body: F,
        ) -> impl Future<Output = F::Output> {
            let gates = self.gates().at(at, key.into());
            async move {
                pass(gates).await;
                body.await
            }
        }
    }
}

#[cfg(not(any(test, feature = "test-util")))]
mod nothing {
    use std::future::{Future, Ready, ready};

    use super::{Point, Stop};
    use crate::cache::Cache;
    use crate::key::RawKey;

    #[expect(clippy::unused_self, reason = "the same as with the feature")]
    impl Cache {
        #[inline]
        pub(crate) fn pause<'a>(&self, _: Point, _: impl Into<Option<&'a RawKey>>) -> Ready<()> {
            ready(())
        }

        #[inline]
        pub(crate) fn stop(&self, _: Point, _: &RawKey) -> Option<Stop> {
            None
        }

        #[inline]
        pub(crate) fn pause_before<'a, F: Future>(
            &self,
            _: Point,
            _: impl Into<Option<&'a RawKey>>,
            body: F,
        ) -> F {
            body
        }
    }
}
