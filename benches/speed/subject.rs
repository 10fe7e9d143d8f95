//! What is cached in all measurements: a function from `(u64, &str)` to three strings and three numbers.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// 217 bytes as JSON, for an id of four digits and the name that goes with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) about: String,
    pub(crate) id: u64,
    pub(crate) created: i64,
    pub(crate) score: f64,
}

impl User {
    /// The body of every cached function: no work at all, so that what is measured is the cache.
    pub(crate) fn of(id: u64, name: &str) -> Self {
        Self {
            // Joined, which takes as much memory as a clone does: `format!` takes more.
            name: [name, " of the first house"].concat(),
            email: [name, "@long.example.org"].concat(),
            about: [
                name,
                " keeps bees, reads maps and answers letters on Sundays only, or when it rains",
            ]
            .concat(),
            id,
            created: 1_700_000_000 + i64::try_from(id).unwrap_or_default(),
            score: 0.25,
        }
    }
}

/// Arguments of so many entries.
pub(crate) type Keys = [(u64, String)];

/// The arguments of entries 0 to `count`. Names repeat, so that both arguments count.
pub(crate) fn keys(count: u32) -> Box<Keys> {
    (0..count)
        .map(|id| (u64::from(id), name_of(u64::from(id))))
        .collect()
}

/// The second argument that goes with the first.
pub(crate) fn name_of(id: u64) -> String {
    format!("name-{:04}", id % 10_000)
}

/// Places in a list, drawn evenly. Cheap enough to be part of what is timed.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u32);

impl Draws {
    /// Others for every number.
    pub(crate) const fn new(number: u32) -> Self {
        Self(0x9E37_79B9 ^ number.wrapping_mul(0x85EB_CA6B))
    }

    pub(crate) fn next_below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from((u64::from(self.0) * count as u64) >> 32).unwrap_or_default()
    }
}

/// Makes so many calls with keys drawn evenly; of one hot key, where there is one only.
///
/// Each is awaited where it is made, as callers do. Handed to a function first, a future that is not inlined there is copied as
/// soon as it is written; the processor then waits until all that was written before has reached its cache, and with it for
/// memory that it would have read meanwhile: with ten thousand keys that is a third of a hit.
pub(crate) fn draw<R>(
    keys: &Keys,
    draws: &mut Draws,
    calls: u64,
    call: &impl AsyncFn(u64, &str) -> R,
) {
    ready(async {
        for _ in 0..calls {
            let (id, name) = &keys[draws.next_below(keys.len())];
            black_box(call(black_box(*id), black_box(name)).await);
        }
    });
}

/// Makes all calls again until none of them waits, twice in turn: what loads make is pushed, and has each copy confirmed once more.
pub(crate) async fn until_hits(calls: impl AsyncFn(&mut bool)) {
    let mut hits = 0;
    for _ in 0..200 {
        let mut waited = false;
        calls(&mut waited).await;
        hits = if waited { 0 } else { hits + 1 };
        if hits == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("copies are never trusted");
}

/// Awaits a call, and notes if it was not ready at once.
pub(crate) async fn noting<F: Future>(waited: &mut bool, call: F) {
    let mut call = pin!(call);
    let ready = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
    if !ready {
        *waited = true;
        call.await;
    }
}

/// The output of a future that is ready at the first poll, as that of a local hit is: no runtime is needed to wait for it.
///
/// # Panics
///
/// If it is not ready.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a local hit does not wait"),
    }
}
