//! Look-ups: one trip each, and one trip for many when there are many.
//!
//! The first few in flight go by themselves. Where there are more, they gather and go together, and
//! while some do so nobody goes by itself. Who is in such a batch asked before it was sealed, and it is
//! sealed before it is sent: so every reply is younger than the question.

use std::collections::VecDeque;
use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::error::Trouble;
use super::node::{Kind, Node};
use super::pair::Pair;
use super::plan::{Plan, lone};
use crate::background::{give_way, within};
use crate::remote::{Fault, Read, ReadReply, Reading};

/// So many go by themselves at the same time.
const ALONE: usize = 4;

/// So many where the kernel packs them together: a batch of ours would save no packet, and there is one more task
/// to be woken.
const PACKED: usize = 16;

/// A second batch goes while one is under way if so many wait for it.
const CROWD: usize = 16;
const TRIPS: usize = 2;

/// So many batches go side by side where each of them is full: the server is never without one while the answers of
/// another are handed out.
const FULL_TRIPS: usize = 4;
/// One of them ends where fewer wait: else many small batches would go where two larger ones did.
const ENOUGH: usize = 64;

/// Where the server is so slow that readers wait for this part of their time before they are sent,
/// there are more: else whoever asks during a trip is late at the end of its own.
const SOON: u32 = 10;
const MOST_TRIPS: usize = 16;

/// A batch takes no more readers once it has so many entries. Cells are counted where there are no
/// entries; else most of them are shared.
const KEYS: usize = 256;

/// Who reads now, and who waits to.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<Traffic>);

#[derive(Debug, Default)]
struct Traffic {
    alone: usize,
    packed: bool,
    trips: usize,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    what: Read,
    answer: oneshot::Sender<Result<Reading, Fault>>,
}

/// How a reader gets its answer.
enum Way {
    Alone(Read),
    Batch(oneshot::Receiver<Result<Reading, Fault>>),
    /// As `Batch`, and somebody has to send it.
    Trip(oneshot::Receiver<Result<Reading, Fault>>),
}

/// Which way it goes is decided here, so that the many who only wait need no memory but their own.
pub(super) fn read(node: &Arc<Node>, what: Read) -> ReadReply<'_> {
    if what.entries.is_empty() && what.cells.is_empty() {
        return Box::pin(ready(Ok(Reading::default()))).into();
    }
    match node.reads().way(what) {
        Way::Alone(what) => Box::pin(alone(node, Place(node), what)).into(),
        Way::Batch(answer) => told(node, answer),
        Way::Trip(answer) => {
            // On the runtime of the connection, so that no reader takes others with it.
            let trip = Trip::new(node, Why::Waited).go();
            match node.runtime() {
                Some(runtime) => {
                    node.run(&runtime, trip);
                    told(node, answer)
                }
                None => Box::pin(async {
                    trip.await;
                    told(node, answer).await
                })
                .into(),
            }
        }
    }
}

/// A trip keeps the time for those who are in it and for those who wait for the next. Who waits on
/// another runtime keeps its own: the trip's may stand still.
fn told(node: &Node, answer: oneshot::Receiver<Result<Reading, Fault>>) -> ReadReply<'_> {
    if node.keeps_time() {
        return ReadReply::Told(answer);
    }
    let limit = node.settings().read_timeout;
    Box::pin(async move {
        let told = within(limit, ReadReply::Told(answer)).await;
        told.unwrap_or_else(|| Err(Trouble::late(limit).fault))
    })
    .into()
}

async fn alone(node: &Arc<Node>, _place: Place<'_>, what: Read) -> Result<Reading, Fault> {
    let what = &what;
    node.operate(Kind::Read, |pair| send_alone(node, pair, what))
        .await
}

/// One trip for all of `what`, with one deadline.
async fn together(node: &Arc<Node>, what: &[Read]) -> Result<Vec<Reading>, Fault> {
    node.operate(Kind::Read, |pair| send(node, pair, what))
        .await
}

async fn send(node: &Node, pair: Arc<Pair>, what: &[Read]) -> Result<Vec<Reading>, Trouble> {
    let mut plan = Plan::new(node.names(), what);
    let replies = pair.ask(plan.commands(node.verifies(&pair))).await?;
    plan.deal(what, replies, &pair)
}

async fn send_alone(node: &Node, pair: Arc<Pair>, what: &Read) -> Result<Reading, Trouble> {
    let role = node.verifies(&pair);
    if let Some(commands) = lone::commands(node.names(), what, role) {
        let replies = pair.ask(commands).await?;
        let here = (pair.incarnation(), pair.server_time());
        return lone::deal(what, replies, role, here);
    }
    let mut readings = send(node, pair, std::slice::from_ref(what)).await?;
    Ok(readings.pop().unwrap_or_default())
}

impl Reads {
    /// Which way a reader goes.
    fn way(&self, what: Read) -> Way {
        let mut traffic = self.traffic();
        let most = if traffic.packed { PACKED } else { ALONE };
        // Nobody overtakes those who wait, or who would if they were not being sent.
        if traffic.alone < most && traffic.trips == 0 {
            traffic.alone += 1;
            return Way::Alone(what);
        }
        let (sender, receiver) = oneshot::channel();
        traffic.waiting.push_back(Waiting {
            what,
            answer: sender,
        });
        let most = match traffic.waiting.len() {
            ..CROWD => 1,
            CROWD..KEYS => TRIPS,
            KEYS.. => FULL_TRIPS,
        };
        if traffic.trips < most {
            traffic.trips += 1;
            return Way::Trip(receiver);
        }
        Way::Batch(receiver)
    }

    /// Whether the kernel packs them together, on the connection that came up last: all lead to one server.
    pub(super) fn pack(&self, packed: bool) {
        self.traffic().packed = packed;
    }

    /// Whether somebody has to send those who wait, although others do so.
    fn needs_another(&self) -> bool {
        let mut traffic = self.traffic();
        let needed = !traffic.waiting.is_empty() && traffic.trips < MOST_TRIPS;
        traffic.trips += usize::from(needed);
        needed
    }

    fn has_full_batch(&self) -> bool {
        self.traffic().waiting.len() >= KEYS
    }

    /// Seals the next batch: whoever asks from now on is not in it. Without one, a trip ends; in
    /// one step, because whoever came in between would wait for nothing.
    fn seal(&self, why: Why) -> Vec<Waiting> {
        let mut traffic = self.traffic();
        let mut batch = Vec::new();
        if why == Why::Waited && traffic.trips > TRIPS && traffic.waiting.len() < ENOUGH {
            // The others take them.
            traffic.trips -= 1;
            return batch;
        }
        let mut keys = 0;
        while keys < KEYS
            && let Some(next) = traffic.waiting.pop_front()
        {
            // Readers that went away need no answer.
            if !next.answer.is_closed() {
                keys += match next.what.entries.len() {
                    0 => next.what.cells.len(),
                    entries => entries,
                };
                batch.push(next);
            }
        }
        if batch.is_empty() {
            traffic.trips -= 1;
        }
        batch
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends batch after batch until nobody waits.
struct Trip {
    node: Arc<Node>,
    why: Why,
    over: bool,
}

/// Why somebody sets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Waited,
    /// Another trip is slow.
    Slow,
}

impl Trip {
    fn new(node: &Arc<Node>, why: Why) -> Self {
        Self {
            node: Arc::clone(node),
            why,
            over: false,
        }
    }

    /// Named, because a trip may start another.
    fn set_out(node: &Arc<Node>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Self::new(node, Why::Slow).go())
    }

    /// One trip. If it is slow, somebody else takes those who wait.
    async fn travel(&self, what: &[Read]) -> Result<Vec<Reading>, Fault> {
        let soon = self.node.settings().read_timeout / SOON;
        let mut trip = pin!(together(&self.node, what));
        loop {
            if let Some(outcome) = within(soon, trip.as_mut()).await {
                return outcome;
            }
            if let Some(runtime) = self.node.runtime()
                && self.node.reads().needs_another()
            {
                self.node.run(&runtime, Trip::set_out(&self.node));
            }
        }
    }

    async fn go(mut self) {
        loop {
            // Whoever is ready to ask is in the next batch, if there is room.
            if !self.node.reads().has_full_batch() {
                give_way().await;
            }
            let batch = self.node.reads().seal(self.why);
            if batch.is_empty() {
                self.over = true;
                return;
            }
            let (what, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|waiting| (waiting.what, waiting.answer))
                .unzip();
            // Somebody who does not listen any more needs no answer.
            match self.travel(&what).await {
                Ok(readings) => answers.into_iter().zip(readings).for_each(|(to, reading)| {
                    let _ = to.send(Ok(reading));
                }),
                Err(fault) => answers.into_iter().for_each(|to| {
                    let _ = to.send(Err(fault.clone()));
                }),
            }
        }
    }
}

/// A trip that ends before its time, with its runtime, leaves nobody waiting for it.
impl Drop for Trip {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let left = {
            let mut traffic = self.node.reads().traffic();
            traffic.trips -= 1;
            match traffic.trips {
                0 => std::mem::take(&mut traffic.waiting),
                _ => VecDeque::new(),
            }
        };
        drop(left);
    }
}

/// A place among those who go by themselves, until the reader has its answer or goes away.
struct Place<'a>(&'a Node);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.reads().traffic().alone -= 1;
    }
}

#[cfg(test)]
mod tests;
