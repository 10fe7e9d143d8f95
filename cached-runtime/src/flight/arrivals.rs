//! Where those who wait for a load learn how it has ended.
//!
//! Locking: the lock is held for moments, and wakers are called without it. How the load has ended is
//! written under it and read without: a thousand may ask at once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Landing;
use crate::background::Limit;
use crate::seats::Seats;

/// So many of those who wait with one patience keep the time for all of them. Several, as one that
/// nobody polls keeps none.
const KEEPERS: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    landing: OnceLock<Landing>,
    hall: Mutex<Hall>,
}

#[derive(Debug, Default)]
struct Hall {
    seats: Seats<Seat>,
    keepers: usize,
    /// Somebody has waited for long enough.
    overdue: bool,
    /// The body has ended.
    loaded: bool,
}

#[derive(Debug)]
struct Seat {
    waker: Waker,
    /// Whether others keep the time for it.
    relies: bool,
}

/// Tells those who wait. Dropped before it has landed, it says that the load is gone.
#[derive(Debug)]
pub(super) struct Announcer(Arc<Arrivals>);

/// One who waits, and holds on to what has the arrivals.
#[derive(Debug)]
pub(crate) struct Wait<A: AsRef<Arrivals>> {
    at: Arc<A>,
    seat: Option<usize>,
    patience: Option<Duration>,
    /// Of one who keeps the time.
    limit: Option<Limit>,
}

impl AsRef<Self> for Arrivals {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Arrivals {
    /// Whether the body has ended.
    pub(super) fn is_loaded(&self) -> bool {
        self.is_over() || self.hall().loaded
    }

    fn is_over(&self) -> bool {
        self.landing.get().is_some()
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first word is the last.
    fn tell(&self, landing: Landing) {
        let mut hall = self.hall();
        if let Err(late) = self.landing.set(landing) {
            drop(hall);
            drop(late);
            return;
        }
        let seats = std::mem::take(&mut hall.seats);
        drop(hall);
        seats.into_all().for_each(|seat| seat.waker.wake());
    }
}

impl Hall {
    /// Who relies on others, to be told that nobody keeps the time or that it is over.
    fn relying(&self) -> impl Iterator<Item = Waker> {
        let seats = self.seats.iter();
        seats
            .filter(|seat| seat.relies)
            .map(|seat| seat.waker.clone())
    }
}

impl Announcer {
    pub(super) fn new() -> (Self, Arc<Arrivals>) {
        let arrivals = Arc::default();
        (Self(Arc::clone(&arrivals)), arrivals)
    }

    /// The body has ended.
    pub(super) fn loaded(&self) {
        self.0.hall().loaded = true;
    }

    /// What comes of it; what is said later does not count.
    pub(super) fn tell(&self, landing: Landing) {
        self.0.tell(landing);
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.tell(if std::thread::panicking() {
            Landing::Panicked
        } else {
            Landing::Gone
        });
    }
}

impl<A: AsRef<Arrivals>> Wait<A> {
    /// `patience`: no longer than this, which is the same for all who say one; `None`: for ever.
    pub(crate) fn new(at: Arc<A>, patience: Option<Duration>) -> Self {
        Self {
            at,
            seat: None,
            patience,
            limit: None,
        }
    }

    pub(crate) fn at(&self) -> &A {
        &self.at
    }

    /// How the load has ended, if it has.
    pub(crate) fn landing(&self) -> Option<&Landing> {
        A::as_ref(&self.at).landing.get()
    }

    /// Ready when the load has ended, or was waited for long enough.
    pub(crate) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let arrivals = A::as_ref(&self.at);
        if arrivals.is_over() {
            return Poll::Ready(());
        }
        let mut hall = arrivals.hall();
        if arrivals.is_over() || (self.patience.is_some() && hall.overdue) {
            return Poll::Ready(());
        }
        if let Some(patience) = self.patience
            && self.limit.is_none()
            && hall.keepers < KEEPERS
        {
            hall.keepers += 1;
            self.limit = Some(Limit::of(Some(patience)));
        }
        let relies = self.patience.is_some() && self.limit.is_none();
        if let Some(seat) = self.seat {
            if let Some(seat) = hall.seats.get_mut(seat) {
                seat.waker.clone_from(context.waker());
                seat.relies = relies;
            }
        } else {
            let waker = context.waker().clone();
            self.seat = Some(hall.seats.take(Seat { waker, relies }));
        }
        drop(hall);
        let passed = self.limit.as_mut().map(|limit| limit.poll(context));
        if passed != Some(Poll::Ready(())) {
            return Poll::Pending;
        }
        let mut hall = arrivals.hall();
        hall.overdue = true;
        let relying: Vec<_> = hall.relying().collect();
        drop(hall);
        relying.into_iter().for_each(Waker::wake);
        Poll::Ready(())
    }
}

/// How the load has ended; nothing if it was waited for long enough.
impl<A: AsRef<Arrivals>> Future for Wait<A> {
    type Output = Option<Landing>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Landing>> {
        let over = self.poll_over(context);
        over.map(|()| self.landing().cloned())
    }
}

impl<A: AsRef<Arrivals>> Drop for Wait<A> {
    fn drop(&mut self) {
        let Some(seat) = self.seat else {
            return;
        };
        let arrivals = A::as_ref(&self.at);
        if arrivals.is_over() {
            return;
        }
        let mut hall = arrivals.hall();
        let left = hall.seats.leave(seat);
        let mut heir = None;
        if self.limit.is_some() {
            hall.keepers -= 1;
            heir = hall.relying().next();
        }
        drop(hall);
        drop(left);
        if let Some(heir) = heir {
            heir.wake();
        }
    }
}
