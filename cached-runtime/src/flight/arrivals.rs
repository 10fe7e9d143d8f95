//! Where those who wait for a load learn how it has ended.
//!
//! Locking: the lock is held for moments, and wakers are called without it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Landing;
use crate::background::Limit;
use crate::seats::Seats;

/// So many of those who wait with one patience keep the time for all of them. Several, as one that
/// nobody polls keeps none.
const KEEPERS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<Hall>);

#[derive(Debug)]
struct Hall {
    landing: Landing,
    seats: Seats<Seat>,
    keepers: usize,
    /// Somebody has waited for long enough.
    overdue: bool,
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

/// One who waits.
#[derive(Debug)]
pub(crate) struct Wait {
    arrivals: Arc<Arrivals>,
    seat: Option<usize>,
    patience: Option<Duration>,
    /// Of one who keeps the time.
    limit: Option<Limit>,
}

impl Default for Hall {
    fn default() -> Self {
        Self {
            landing: Landing::Aloft,
            seats: Seats::default(),
            keepers: 0,
            overdue: false,
        }
    }
}

impl Arrivals {
    /// Whether the body has ended.
    pub(super) fn is_loaded(&self) -> bool {
        !matches!(self.hall().landing, Landing::Aloft)
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first word that is final is the last.
    fn tell(&self, landing: Landing) {
        let mut hall = self.hall();
        if hall.landing.is_over() {
            return;
        }
        hall.landing = landing;
        if !hall.landing.is_over() {
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
        self.0.tell(Landing::Loaded);
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

impl Wait {
    /// `patience`: no longer than this, which is the same for all who say one; `None`: for ever.
    pub(super) fn new(arrivals: Arc<Arrivals>, patience: Option<Duration>) -> Self {
        Self {
            arrivals,
            seat: None,
            patience,
            limit: None,
        }
    }
}

/// How the load has ended; nothing if it was waited for long enough.
impl Future for Wait {
    type Output = Option<Landing>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Landing>> {
        let wait = &mut *self;
        let mut hall = wait.arrivals.hall();
        if hall.landing.is_over() {
            return Poll::Ready(Some(hall.landing.clone()));
        }
        if wait.patience.is_some() && hall.overdue {
            return Poll::Ready(None);
        }
        if let Some(patience) = wait.patience
            && wait.limit.is_none()
            && hall.keepers < KEEPERS
        {
            hall.keepers += 1;
            wait.limit = Some(Limit::of(Some(patience)));
        }
        let relies = wait.patience.is_some() && wait.limit.is_none();
        if let Some(seat) = wait.seat {
            if let Some(seat) = hall.seats.get_mut(seat) {
                seat.waker.clone_from(context.waker());
                seat.relies = relies;
            }
        } else {
            let waker = context.waker().clone();
            wait.seat = Some(hall.seats.take(Seat { waker, relies }));
        }
        drop(hall);
        let passed = wait.limit.as_mut().map(|limit| limit.poll(context));
        if passed != Some(Poll::Ready(())) {
            return Poll::Pending;
        }
        let mut hall = wait.arrivals.hall();
        hall.overdue = true;
        let relying: Vec<_> = hall.relying().collect();
        drop(hall);
        relying.into_iter().for_each(Waker::wake);
        Poll::Ready(None)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(seat) = self.seat else {
            return;
        };
        let mut hall = self.arrivals.hall();
        if hall.landing.is_over() {
            return;
        }
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
