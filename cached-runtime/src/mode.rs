//! Per-call modes and reports, for any future that makes a cached call.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub(crate) use crate::report::Reporter;
pub use crate::report::{Outcome, Report, Tier};

thread_local! {
    /// Set around each poll of a future with a mode; the first cached call inside takes it.
    static MODE: RefCell<Option<Mode>> = const { RefCell::new(None) };
    /// Whether `MODE` is set: all that an ordinary call looks at.
    static IS_SET: Cell<bool> = const { Cell::new(false) };
}

fn set(mode: Option<Mode>) {
    IS_SET.set(mode.is_some());
    MODE.set(mode);
}

/// What the caller asks of the next cached call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mode {
    pub(crate) refresh: bool,
    pub(crate) bypass: bool,
    /// Refresh before the answer, where others refresh behind it.
    pub(crate) in_front: bool,
    pub(crate) report: Reporter,
}

/// Whether there is a mode meant for this call.
#[inline]
pub(crate) fn is_set() -> bool {
    IS_SET.get()
}

/// Takes the mode meant for this call, if there is one.
#[inline]
pub(crate) fn take() -> Option<Mode> {
    if IS_SET.replace(false) {
        MODE.take()
    } else {
        None
    }
}

/// Modes for one call of a cached function.
///
/// The mode is for the first cached call that the future itself makes, and is used up by it: not
/// for calls in its body, for tasks it spawns or for its siblings in a `join!`.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, CacheExt, Key, Outcome, Policy};
/// use std::{convert::Infallible, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let (key, policy) = (Key::<u32>::new("answer", &()), Policy::ttl(Duration::from_secs(60)));
/// let answer = |n| cache.get_or_load(&key, &policy, move || async move { Ok::<_, Infallible>(n) });
///
/// assert_eq!(answer(1).await, Ok(1));
/// assert_eq!(answer(2).bypass_cache().await, Ok(2));
/// assert_eq!(answer(3).await, Ok(1));
/// assert_eq!(answer(4).refresh_cache().await, Ok(4));
/// let (value, report) = answer(5).with_cache_report().await;
/// assert_eq!((value, report.outcome), (Ok(4), Outcome::Hit));
/// # });
/// ```
pub trait CacheExt: Future + Sized {
    /// Loads now and stores, whatever is stored. Joins no load that is already running, and
    /// becomes the one that later callers join.
    fn refresh_cache(self) -> RefreshCache<Self> {
        RefreshCache {
            call: Moded {
                call: self,
                mode: Some(Mode {
                    refresh: true,
                    ..Mode::default()
                }),
            },
        }
    }

    /// Loads now if the answer is due for a refresh: where others are given it as it is, and it is
    /// refreshed behind them, this call refreshes it and answers then. An answer that is not due is
    /// given, one that somebody refreshes already, too; if the load fails, the one that was there is given.
    ///
    /// It is for those who keep a cache warm: however many answers are due, as many loads run
    /// as there are such calls.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, CacheExt, Clock, Key, Outcome, Policy};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let (clock, minute) = (Clock::manual(), Duration::from_secs(60));
    /// let cache = Cache::builder().clock(clock.clone()).build().await?;
    /// let policy = Policy::ttl(minute).jitter(0.0).refresh_ahead(0.5);
    /// let key = Key::<u32>::new("rate", &("EUR",));
    /// let rate = |n| cache.get_or_load_owned(&key, &policy, move || async move { Ok::<_, Infallible>(n) });
    ///
    /// assert_eq!(rate(108).refresh_if_due().await, Ok(108));
    /// assert_eq!(rate(109).refresh_if_due().await, Ok(108)); // it is not due
    /// clock.advance(minute / 2);
    /// assert_eq!(rate(110).refresh_if_due().await, Ok(110));
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    fn refresh_if_due(self) -> RefreshIfDue<Self> {
        RefreshIfDue {
            call: Moded {
                call: self,
                mode: Some(Mode {
                    in_front: true,
                    ..Mode::default()
                }),
            },
        }
    }

    /// Runs the body and touches no cache; neither joins a running load nor lets others join.
    fn bypass_cache(self) -> BypassCache<Self> {
        BypassCache {
            call: Moded {
                call: self,
                mode: Some(Mode {
                    bypass: true,
                    ..Mode::default()
                }),
            },
        }
    }

    /// Gives a [`Report`] beside the answer.
    fn with_cache_report(self) -> WithCacheReport<Self> {
        let slot = Arc::new(Mutex::new(Report::loaded(Outcome::Uncached)));
        let report = Reporter::to(&slot);
        WithCacheReport {
            call: Moded {
                call: self,
                mode: Some(Mode {
                    report,
                    ..Mode::default()
                }),
            },
            slot,
        }
    }
}

impl<F: Future> CacheExt for F {}

pin_project! {
    #[derive(Debug)]
    struct Moded<F> {
        #[pin]
        call: F,
        mode: Option<Mode>,
    }
}

impl<F: Future> Future for Moded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(mode) = this.mode.take() else {
            return this.call.poll(context);
        };
        // A mode of an outer wrapper is meant for the same call.
        let outer = take();
        let around = Around {
            outer: outer.clone(),
        };
        set(Some(mode.clone().and(outer)));
        let polled = this.call.poll(context);
        let used = !IS_SET.get();
        if !used {
            *this.mode = Some(mode);
        }
        around.restore(used);
        polled
    }
}

/// Puts the outer mode back, also when the poll panics: it must not leak into the next call.
struct Around {
    outer: Option<Mode>,
}

impl Around {
    fn restore(mut self, used: bool) {
        if used {
            self.outer = None;
        }
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        set(self.outer.take());
    }
}

impl Mode {
    fn and(mut self, outer: Option<Self>) -> Self {
        if let Some(outer) = outer {
            self.refresh |= outer.refresh;
            self.bypass |= outer.bypass;
            self.in_front |= outer.in_front;
            self.report.and(outer.report);
        }
        self
    }
}

macro_rules! moded {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        pin_project! {
            $(#[$doc])*
            #[derive(Debug)]
            #[must_use = "futures do nothing unless polled"]
            pub struct $name<F> {
                #[pin]
                call: Moded<F>,
            }
        }

        impl<F: Future> Future for $name<F> {
            type Output = F::Output;

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
                self.project().call.poll(context)
            }
        }
    )*};
}

moded! {
    /// The future of [`CacheExt::refresh_cache`].
    RefreshCache
    /// The future of [`CacheExt::refresh_if_due`].
    RefreshIfDue
    /// The future of [`CacheExt::bypass_cache`].
    BypassCache
}

pin_project! {
    /// The future of [`CacheExt::with_cache_report`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithCacheReport<F> {
        #[pin]
        call: Moded<F>,
        slot: Arc<Mutex<Report>>,
    }
}

impl<F: Future> Future for WithCacheReport<F> {
    type Output = (F::Output, Report);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let slot = this.slot;
        this.call
            .poll(context)
            .map(|output| (output, *slot.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
