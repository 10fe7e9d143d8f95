//! Those who wait.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::{Duration, advance};

use super::super::arrivals::{Announcer, Arrivals, Wait};
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
/// More than keep the time.
const MANY: usize = 20;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// One who waits, polled only when it was woken.
struct Waiting {
    wait: Wait<Arrivals>,
    woken: Arc<Flag>,
}

impl Waiting {
    fn new(arrivals: &Arc<Arrivals>, patience: Option<Duration>) -> Self {
        let mut waiting = Self {
            wait: Wait::new(Arc::clone(arrivals), patience),
            woken: Arc::default(),
        };
        assert!(waiting.poll().is_pending());
        waiting
    }

    fn poll(&mut self) -> Poll<Option<Landing>> {
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        pin!(&mut self.wait).poll(&mut Context::from_waker(&waker))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(SeqCst)
    }

    /// Whether it was woken and has waited for long enough.
    fn is_overdue(&mut self) -> bool {
        self.is_woken() && matches!(self.poll(), Poll::Ready(None))
    }
}

fn many(arrivals: &Arc<Arrivals>) -> Vec<Waiting> {
    (0..MANY)
        .map(|_| Waiting::new(arrivals, Some(PATIENCE)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn all_are_told_once_whatever_they_wait_for() {
    let (announcer, arrivals) = Announcer::new();
    let mut waiting = many(&arrivals);
    waiting.push(Waiting::new(&arrivals, None));
    announcer.loaded();
    assert!(waiting.iter().all(|waiting| !waiting.is_woken()) && arrivals.is_loaded());
    announcer.tell(Landing::TimedOut);
    announcer.tell(Landing::Overtaken);
    drop(announcer);
    for waiting in &mut waiting {
        assert!(waiting.is_woken());
        assert!(matches!(
            waiting.poll(),
            Poll::Ready(Some(Landing::TimedOut))
        ));
    }
    let mut late = pin!(Wait::new(arrivals, None));
    assert!(matches!(late.as_mut().await, Some(Landing::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn who_keeps_the_time_keeps_it_for_all() {
    let (_announcer, arrivals) = Announcer::new();
    let mut waiting = many(&arrivals);
    let mut patient = Waiting::new(&arrivals, None);
    advance(PATIENCE.saturating_sub(Duration::from_millis(1))).await;
    assert!(waiting.iter().all(|waiting| !waiting.is_woken()));
    advance(Duration::from_millis(2)).await;
    let woken = waiting.iter().filter(|waiting| waiting.is_woken()).count();
    assert!(
        woken < MANY,
        "those who keep the time are woken by the timer alone"
    );
    assert!(
        waiting
            .iter_mut()
            .find(|waiting| waiting.is_woken())
            .unwrap()
            .is_overdue()
    );
    assert_eq!(
        waiting
            .iter_mut()
            .filter_map(|w| w.is_overdue().then_some(()))
            .count(),
        MANY - 1
    );
    assert!(!patient.is_woken() && patient.poll().is_pending());
}

#[tokio::test(start_paused = true)]
async fn when_those_go_who_keep_the_time_others_do() {
    let (_announcer, arrivals) = Announcer::new();
    let mut waiting = many(&arrivals);
    // One after the other goes; who is woken is polled.
    while waiting.len() > 1 {
        drop(waiting.remove(0));
        for waiting in waiting.iter_mut().filter(|waiting| waiting.is_woken()) {
            assert!(waiting.poll().is_pending());
        }
    }
    advance(PATIENCE + Duration::from_millis(1)).await;
    assert!(waiting[0].is_overdue());
}

#[tokio::test(start_paused = true)]
async fn one_who_keeps_the_time_and_is_not_polled_keeps_nobody_waiting() {
    let (_announcer, arrivals) = Announcer::new();
    let mut waiting = many(&arrivals);
    advance(PATIENCE + Duration::from_millis(1)).await;
    // The first is asleep somewhere; the second is not.
    assert!(waiting[1].is_overdue());
    assert!(waiting.iter_mut().skip(2).all(Waiting::is_overdue));
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_it_is_overdue_does_not_wait() {
    let (_announcer, arrivals) = Announcer::new();
    let mut first = Waiting::new(&arrivals, Some(PATIENCE));
    advance(PATIENCE + Duration::from_millis(1)).await;
    assert!(first.is_overdue());
    let mut late = pin!(Wait::new(Arc::clone(&arrivals), Some(PATIENCE)));
    assert!(late.as_mut().await.is_none());
}

#[test]
fn a_load_that_panics_is_told_as_one() {
    let (announcer, arrivals) = Announcer::new();
    let mut waiting = Waiting::new(&arrivals, None);
    let panics = std::panic::AssertUnwindSafe(move || {
        let _dropped = announcer;
        std::panic::resume_unwind(Box::new("expected"));
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(waiting.is_woken());
    assert!(matches!(
        waiting.poll(),
        Poll::Ready(Some(Landing::Panicked))
    ));
}
