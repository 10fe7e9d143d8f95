//! Per-call modes and reports, for any future that makes a cached call.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

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

/// Where a report goes, if somebody asked for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter(Vec<Arc<Mutex<Report>>>);

impl Reporter {
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn report(&self, report: impl Fn() -> Report) {
        for slot in &self.0 {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = report();
        }
    }
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

/// How a cached call came by its answer.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Outcome;
///
/// assert_eq!(Outcome::Hit.as_str(), "hit");
/// assert_eq!(Outcome::Joined.to_string(), "joined");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A fresh value was stored.
    Hit,
    /// A value past its ttl was given, because the function allows it.
    Stale,
    /// "Not found" was stored.
    Negative,
    /// The body ran for this call.
    Loaded,
    /// The body ran for another call at the same time.
    Joined,
    /// The cache was neither read nor written.
    Bypassed,
    /// The future made no cached call.
    Uncached,
}

/// Where an answer lay.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Tier;
///
/// assert_eq!((Tier::Local.as_str(), Tier::Remote.as_str()), ("local", "remote"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// In this process.
    Local,
    /// In the store that processes share.
    Remote,
}

/// What happened in one cached call. As a text it is the outcome and the tier, such as `hit, local`:
/// made for a header like `X-Cache`.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, CacheExt, Key, Outcome, Policy};
/// use std::{convert::Infallible, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (sum, report) = async { 1 + 1 }.with_cache_report().await;
/// assert_eq!((sum, report.outcome), (2, Outcome::Uncached));
///
/// let cache = Cache::in_process();
/// let (key, policy) = (Key::<u32>::new("answer", &()), Policy::ttl(Duration::from_secs(60)));
/// let answer = || cache.get_or_load(&key, &policy, || async { Ok::<_, Infallible>(42) });
/// let (_, report) = answer().with_cache_report().await;
/// assert_eq!(report.to_string(), "loaded");
/// let (_, report) = answer().with_cache_report().await;
/// assert_eq!(report.to_string(), "hit, local");
/// # });
/// ```
///
/// Of a batch it says what the call had to do: `Loaded` if its body ran, else `Joined` if it waited for
/// another process, else `Stale` if any element is, else `Hit`, "not found" included. The tier of the latter two is the
/// farthest that an element came from, the age that of the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How the call came by its answer.
    pub outcome: Outcome,
    /// The tier it came from; `None` where it was loaded.
    pub tier: Option<Tier>,
    /// How long ago the answer was stored; `None` where it was loaded.
    pub age: Option<Duration>,
}

impl Outcome {
    /// Its name in lower case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Negative => "negative",
            Self::Loaded => "loaded",
            Self::Joined => "joined",
            Self::Bypassed => "bypassed",
            Self::Uncached => "uncached",
        }
    }
}

impl Tier {
    /// Its name in lower case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        match self.tier {
            Some(tier) => write!(f, ", {tier}"),
            None => Ok(()),
        }
    }
}

impl Report {
    pub(crate) fn loaded(outcome: Outcome) -> Self {
        Self {
            outcome,
            tier: None,
            age: None,
        }
    }

    pub(crate) fn found(outcome: Outcome, tier: Tier, age: Duration) -> Self {
        Self {
            outcome,
            tier: Some(tier),
            age: Some(age),
        }
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
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
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
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
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
        let report = Reporter(vec![Arc::clone(&slot)]);
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
            self.report.0.extend(outer.report.0);
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
