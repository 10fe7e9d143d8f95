//! How many loads run at once while the store cannot be used.
//!
//! Each key is loaded by one caller at a time then, but every key is: without a bound, a store that is
//! gone would become a source that is overrun.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::background::within;
use crate::call::PATIENCE;

thread_local! {
    /// Set around each poll of a load that has a place.
    static HAS_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is inside of a load that has a place. Such a call must wait for nobody who may be
/// waiting for a place.
pub(crate) fn is_inside() -> bool {
    HAS_PLACE.get()
}

/// The places of one cache.
#[derive(Debug)]
pub(crate) struct Limiter {
    places: Arc<Semaphore>,
    /// One more, for those who have waited for long: loads that wait for each other, on tasks of
    /// their own, must not do so for ever.
    spare: Arc<Semaphore>,
}

/// The right to run one load. Dropped, it is the next one's.
#[derive(Debug)]
pub(crate) struct Place(Option<OwnedSemaphorePermit>);

impl Limiter {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            places: Arc::new(Semaphore::new((limit as usize).min(Semaphore::MAX_PERMITS))),
            spare: Arc::new(Semaphore::new(1)),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// A place, if one is free. A load inside of a load that has one needs none: it would wait for
    /// its own end.
    pub(crate) fn try_enter(&self) -> Option<Place> {
        if is_inside() {
            return Some(Place::none());
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place(Some(place)))
    }

    /// Waits for a place, in the order of those who came; `None` if there is none within `limit`.
    pub(crate) async fn enter(&self, limit: Option<Duration>) -> Option<Place> {
        let mut waiting = pin!(self.wait());
        match limit {
            Some(limit) => within(limit, waiting).await,
            None => Some(waiting.as_mut().await),
        }
    }

    async fn wait(&self) -> Place {
        let mut free = pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            match within(PATIENCE, free.as_mut()).await {
                Some(place) => return Place(place.ok()),
                None => {
                    if let Ok(spare) = Arc::clone(&self.spare).try_acquire_owned() {
                        return Place(Some(spare));
                    }
                }
            }
        }
    }
}

impl Place {
    /// For a load that needs none.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// To be held while a load in this place is polled.
    pub(crate) fn poll(&self) -> Polled {
        Polled::inside(self.0.is_some())
    }

    /// A load in this place.
    pub(crate) fn seat<F: Future>(&self, load: F) -> Seated<F> {
        Seated {
            load,
            has_place: self.0.is_some(),
        }
    }
}

pin_project! {
    /// A load in its place.
    #[derive(Debug)]
    pub(crate) struct Seated<F> {
        #[pin]
        load: F,
        has_place: bool,
    }
}

impl<F: Future> Future for Seated<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _polled = Polled::inside(*this.has_place);
        this.load.poll(context)
    }
}

/// While this is there, a load in a place is polled; also where it panics.
#[derive(Debug)]
pub(crate) struct Polled(Option<bool>);

impl Polled {
    /// A load that needs no place.
    pub(crate) const fn apart() -> Self {
        Self(None)
    }

    fn inside(has_place: bool) -> Self {
        Self(has_place.then(|| HAS_PLACE.replace(true)))
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            HAS_PLACE.set(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::Waker;

    const SOON: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn places_are_taken_waited_for_and_freed() {
        let limiter = Limiter::new(1);
        let place = limiter.try_enter().expect("free");
        assert!(limiter.is_full() && limiter.try_enter().is_none());
        assert!(limiter.enter(Some(SOON)).await.is_none());
        let (waited, ()) = tokio::join!(limiter.enter(Some(SOON)), async { drop(place) });
        assert!(waited.is_some());
        drop(waited);
        assert!(!limiter.is_full());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waited_for_long_enters_at_a_time() {
        let limiter = Limiter::new(1);
        let _place = limiter.try_enter().expect("free");
        let start = tokio::time::Instant::now();
        let spare = limiter.enter(None).await.expect("without a limit");
        assert_eq!(start.elapsed(), PATIENCE);
        assert!(limiter.enter(Some(PATIENCE * 10)).await.is_none());
        drop(spare);
        assert!(limiter.enter(Some(PATIENCE * 2)).await.is_some());
    }

    #[tokio::test]
    async fn a_load_inside_of_a_load_needs_no_place_of_its_own() {
        let limiter = Limiter::new(1);
        let place = limiter.try_enter().expect("free");
        let inside = place.seat(async { limiter.try_enter().is_some() });
        assert!(inside.await);
        assert!(limiter.try_enter().is_none(), "beside it another one does");
        assert!(!Place::none().seat(async { HAS_PLACE.get() }).await);
    }

    #[test]
    fn a_load_that_panics_leaves_no_trace() {
        let limiter = Limiter::new(1);
        let place = limiter.try_enter().expect("free");
        let mut load = Box::pin(place.seat(async { panic!("on purpose") }));
        let mut context = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let _: Poll<()> = load.as_mut().poll(&mut context);
        }));
        assert!(polled.is_err());
        assert!(!HAS_PLACE.get());
        drop(place);
        assert!(limiter.try_enter().is_some());
    }
}
