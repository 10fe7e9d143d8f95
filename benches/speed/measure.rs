//! How times are taken: variants interleaved over rounds, their medians and bests, and ratios of those.
//!
//! Everything is nanoseconds per call, so that less is better everywhere; with many callers at once it is the time of all of
//! them over the number of their calls, the inverse of throughput. Nothing in here knows what is measured.

use std::fmt::{Display, Formatter, Result};
use std::future::Future;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::Runtime;

/// Nanoseconds per call of one variant, one figure per round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds {
    sorted: Vec<f64>,
}

/// How one variant compares with another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// Of the medians.
    pub(crate) median: f64,
    /// Of the best rounds, which other programs on the machine disturb least.
    pub(crate) best: f64,
}

impl From<Ratio> for (f64, f64) {
    fn from(ratio: Ratio) -> Self {
        (ratio.median, ratio.best)
    }
}

impl Rounds {
    pub(crate) fn add(&mut self, time: Duration, calls: u64) {
        #[expect(clippy::cast_precision_loss, reason = "far fewer calls than that")]
        let each = time.as_secs_f64() * 1e9 / calls.max(1) as f64;
        self.sorted.push(each);
        self.sorted.sort_by(f64::total_cmp);
    }

    /// Not a number before the first round, like `best`.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.sorted.get(self.sorted.len() / 2);
        middle.copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn best(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(f64::NAN)
    }

    /// So many in a round.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>, calls: u64) -> Self {
        let mut rounds = Self::default();
        times.into_iter().for_each(|time| rounds.add(time, calls));
        rounds
    }

    /// How many times as long this takes as the other does; also how many times as fast the other is.
    pub(crate) fn over(&self, other: &Self) -> Ratio {
        Ratio {
            median: self.median() / other.median(),
            best: self.best() / other.best(),
        }
    }
}

/// For proportion only: what is claimed are ratios.
impl Display for Rounds {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = format!("{:.1} ({:.1})", self.median(), self.best());
        formatter.pad(&text)
    }
}

/// One round of a variant: its time, and how many calls that was.
pub(crate) type Run<'a> = Box<dyn FnMut() -> (Duration, u64) + 'a>;

/// Each round runs every variant once and begins with another one than the round before: what comes first in a round finds
/// the caches of the processor as the last one of the round before left them.
pub(crate) fn interleaved(rounds: usize, variants: &mut [Run<'_>]) -> Vec<Rounds> {
    let mut taken = vec![Rounds::default(); variants.len()];
    for round in 0..rounds {
        for step in 0..variants.len() {
            let at = (round + step) % variants.len();
            let (time, calls) = variants[at]();
            taken[at].add(time, calls);
        }
    }
    taken
}

pub(crate) fn timed(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

/// Two threads at once, told apart by a number; the time of the slower one. Its calls per thread are those to divide by: two
/// threads that do not disturb each other take as long as one.
pub(crate) fn on_two_threads(run: impl Fn(u32) + Sync) -> Duration {
    let start = Barrier::new(2);
    let one = |thread| {
        start.wait();
        timed(|| run(thread))
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| one(1));
        let own = one(0);
        own.max(other.join().expect("no panic"))
    })
}

/// The runtime of everything that waits for a server.
pub(crate) fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("threads")
}

/// Has this process stay on one processor, with all that it starts from here on.
///
/// A single caller and a server take turns. Where each has a processor of its own, every turn is an interrupt from one to the
/// other: on a virtual machine that costs several times what a call does, or nothing, as it happens. On one processor a call
/// takes what is worked for it.
pub(crate) fn on_one_processor() {
    let mut first = CpuSet::new();
    let all = sched_getaffinity(None).expect("the processors of this process");
    let allowed = (0..CpuSet::MAX_CPU).find(|processor| all.is_set(*processor));
    first.set(allowed.expect("it runs on one"));
    sched_setaffinity(None, &first).expect("fewer are always allowed");
}

/// So many callers at once, each of which is a task and told its number: what it is given makes one call after the other. The
/// time from the first call to the end of the last.
pub(crate) fn at_once<F>(
    runtime: &Runtime,
    callers: u64,
    calls_of: impl Fn(u64) -> F + Send + 'static,
) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    // From a worker: what `block_on` is given has a thread of its own, from which to wake the workers costs more.
    let all = runtime.spawn(async move {
        let begin = Instant::now();
        let callers: Vec<_> = (0..callers)
            .map(|caller| tokio::spawn(calls_of(caller)))
            .collect();
        for caller in callers {
            caller.await.expect("no panic");
        }
        begin.elapsed()
    });
    runtime.block_on(all).expect("no panic")
}

/// The median time of a call where a single caller makes one after the other. What `call` does before it returns a future is
/// not part of it.
pub(crate) fn latency<F>(
    runtime: &Runtime,
    calls: u64,
    call: impl Fn(u64) -> F + Send + 'static,
) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let one = runtime.spawn(async move {
        let mut times = Vec::new();
        for step in 0..calls {
            let call = call(step);
            let begin = Instant::now();
            call.await;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    });
    runtime.block_on(one).expect("no panic")
}

/// Numbers that no round gets twice: keys nobody has asked for.
#[derive(Debug)]
pub(crate) struct Fresh(AtomicU64);

impl Fresh {
    pub(crate) const fn from(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    /// The first of so many.
    pub(crate) fn take(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Relaxed)
    }
}
