//! Time limits of those who wait for a session: one task looks after all of them, where each had a timer of its own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::seats::Seats;

/// Locking: the lock is held for moments, and wakers are called without it.
#[derive(Debug, Default)]
pub(super) struct Deadlines(Mutex<Seats<Seat>>);

/// One who waits.
#[derive(Debug)]
struct Seat {
    until: Moment,
    /// Taken when the time is over.
    waker: Option<Waker>,
}

impl Deadlines {
    /// The output of `work`, or `None` if it takes longer than `limit`, which is noticed by whoever calls
    /// [`pass`](Self::pass).
    pub(super) async fn within<F: Future>(&self, limit: Duration, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut place = Place {
            deadlines: self,
            seat: None,
        };
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if place.is_over(limit, context.waker()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Wakes those whose time is over.
    pub(super) fn pass(&self, now: Moment) {
        let late = |seat: &mut Seat| (seat.until <= now).then(|| seat.waker.take()).flatten();
        let late: Vec<_> = self.seats().iter_mut().filter_map(late).collect();
        late.into_iter().for_each(Waker::wake);
    }

    fn seats(&self) -> MutexGuard<'_, Seats<Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among them, until the wait is over or given up.
struct Place<'a> {
    deadlines: &'a Deadlines,
    seat: Option<usize>,
}

impl Place<'_> {
    /// If not, `waker` is woken when it is.
    fn is_over(&mut self, limit: Duration, waker: &Waker) -> bool {
        let mut seats = self.deadlines.seats();
        let Some(seat) = self.seat.and_then(|seat| seats.get_mut(seat)) else {
            self.seat = Some(seats.take(Seat {
                until: Clock::system().sharp().after(limit),
                waker: Some(waker.clone()),
            }));
            return false;
        };
        match &mut seat.waker {
            Some(known) => {
                known.clone_from(waker);
                false
            }
            None => true,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let left = self
            .seat
            .and_then(|seat| self.deadlines.seats().leave(seat));
        // Without the lock.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::{Context, Wake};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[derive(Debug, Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    impl Woken {
        fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
            let waker = Waker::from(Arc::clone(self));
            future.poll(&mut Context::from_waker(&waker))
        }

        fn times(&self) -> usize {
            self.0.load(SeqCst)
        }
    }

    #[test]
    fn whose_time_is_over_learns_it_and_nobody_else() {
        let deadlines = Deadlines::default();
        let now = Clock::system().now();
        let (soon, later) = (Arc::<Woken>::default(), Arc::<Woken>::default());
        let mut one = pin!(deadlines.within(MINUTE, pending::<()>()));
        let mut two = pin!(deadlines.within(MINUTE * 2, pending::<()>()));
        assert!(soon.poll(one.as_mut()).is_pending());
        assert!(later.poll(two.as_mut()).is_pending());
        deadlines.pass(now);
        assert!(soon.poll(one.as_mut()).is_pending());
        assert_eq!((soon.times(), later.times()), (0, 0));
        deadlines.pass(now.after(MINUTE + MINUTE / 2));
        assert_eq!((soon.times(), later.times()), (1, 0));
        assert_eq!(soon.poll(one.as_mut()), Poll::Ready(None));
        assert!(later.poll(two.as_mut()).is_pending());
        deadlines.pass(now.after(MINUTE * 3));
        assert_eq!(later.poll(two.as_mut()), Poll::Ready(None));
    }

    #[test]
    fn who_is_polled_by_another_task_is_woken_there() {
        let deadlines = Deadlines::default();
        let (first, second) = (Arc::<Woken>::default(), Arc::<Woken>::default());
        let mut waits = pin!(deadlines.within(MINUTE, pending::<()>()));
        assert!(first.poll(waits.as_mut()).is_pending());
        assert!(second.poll(waits.as_mut()).is_pending());
        deadlines.pass(Moment::LAST);
        assert_eq!((first.times(), second.times()), (0, 1));
    }

    #[test]
    fn what_is_done_is_done_also_after_its_time() {
        let deadlines = Deadlines::default();
        let woken = Arc::<Woken>::default();
        let mut polled = 0;
        let twice = poll_fn(|_| {
            polled += 1;
            if polled == 2 {
                Poll::Ready(7)
            } else {
                Poll::Pending
            }
        });
        let mut waits = pin!(deadlines.within(MINUTE, twice));
        assert!(woken.poll(waits.as_mut()).is_pending());
        deadlines.pass(Moment::LAST);
        assert_eq!(woken.poll(waits.as_mut()), Poll::Ready(Some(7)));
    }

    #[test]
    fn who_does_not_wait_any_more_has_no_place() {
        let deadlines = Deadlines::default();
        {
            let mut waits = pin!(deadlines.within(MINUTE, pending::<()>()));
            assert!(Arc::<Woken>::default().poll(waits.as_mut()).is_pending());
            assert_eq!(deadlines.seats().iter().count(), 1);
        }
        assert_eq!(deadlines.seats().iter().count(), 0);
    }
}
