//! Readers whose fill overlaps a write and its invalidation by another process, and how many old values stay.
//!
//! The source is a number in Redis. In each round a reader asks for a key that is not stored, and at one of the [`Moment`]s of its load
//! the writer, another process, is told to raise the number and to invalidate the key. Once both are done the reader asks
//! again: a number that is less than the one written is *stale*. Every key is asked for once more at the end, when all that was
//! on its way has arrived for a second at least; less than what was written is then stale until it expires.
//!
//! The client-side cache of `redis` has no load that could be held: there the reader's `GET` is sent none, one or two trips after
//! the writer was told, and in a quarter of the rounds together with a write on another connection. Before the reader asks again
//! it has a `PING` answered on the connection on which it is told of writes, so that nothing is held
//! against that cache which it could not know.

mod subject;
mod writer;

use std::io::{Error, Result};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::sleep;

use self::subject::{Moment, OLD, Subject, System};
use self::writer::Writer;
pub(crate) use self::writer::{WRITER, writer};
use crate::record::{Goal, Record};
use crate::server::Server;

/// Rounds of the goal, and those that every system has.
const MANY: u64 = 100_000;
const FEW: u64 = 4_000;
/// Readers at a time.
const READERS: u64 = 64;
/// Until everybody was told of everything.
const SETTLED: Duration = Duration::from_millis(1_200);
/// Of all rounds. What is not begun by then is left out, and no goal is met by fewer rounds than it asks for.
const LIMIT: Duration = Duration::from_secs(150);

#[derive(Debug, Default)]
struct Counts {
    next: AtomicU64,
    done: AtomicU64,
    /// Rounds in which the first reader had the number of before the write.
    overlapped: AtomicU64,
    at_once: AtomicU64,
    /// By the moment of the write.
    at_last: [AtomicU64; 4],
}

pub(crate) fn measure(server: &Server) -> Result<Vec<Record>> {
    Runtime::new()?.block_on(async {
        let writer = Arc::new(Writer::start(&server.url())?);
        let mut records = Vec::new();
        let mut first = 0;
        let limit = Instant::now() + LIMIT;
        for (system, rounds) in [
            (System::ClientCache, FEW),
            (System::ByHand, FEW),
            (System::Bounded, FEW),
            (System::Strict, FEW),
            (System::Remote, MANY / 5),
            (System::Strict, MANY),
        ] {
            let began = Instant::now();
            let subject = Subject::new(system, &server.url(), &writer).await?;
            let counts = race(&Arc::new(subject), first..first + rounds, limit).await?;
            first += rounds;
            let [done, overlapped, at_once] = [&counts.done, &counts.overlapped, &counts.at_once]
                .map(|count| count.load(Relaxed));
            let by_moment = counts.at_last.each_ref().map(|count| count.load(Relaxed));
            let at_last = by_moment.iter().sum();
            eprintln!(
                "{}: {done} of {rounds} rounds, {overlapped} began with the old value, {at_once} stale at once, {at_last} at last ({by_moment:?} by the moment of the write); {:.0} s",
                system.title(),
                began.elapsed().as_secs_f64(),
            );
            let goals = if done == rounds { system.goals() } else { [Goal::None; 2] };
            let row = |goal, when, count: u64| {
                let id = if goal == Goal::None { "" } else { "P20" };
                let what = format!("{done} races: stale {when}");
                let path = "reader against writer in another process";
                #[expect(clippy::cast_precision_loss, reason = "far fewer than that")]
                let count = count as f64;
                Record::new(id, goal, [path, system.title(), "", &what], (count, count))
            };
            records.push(row(goals[0], "right after the write", at_once));
            records.push(row(goals[1], "1.2 s later", at_last));
        }
        Ok(records)
    })
}

async fn race(subject: &Arc<Subject>, rounds: Range<u64>, limit: Instant) -> Result<Counts> {
    let counts = Arc::new(Counts::default());
    counts.next.store(rounds.start, Relaxed);
    let end = rounds.end;
    each_reader(subject, &counts, move |subject, counts| async move {
        while Instant::now() < limit {
            let round = counts.next.fetch_add(1, Relaxed);
            if round >= end {
                break;
            }
            let moment = Moment::of(round);
            let (first, written) = subject.overlapped(round, moment).await?;
            let again = subject.read(round).await?;
            counts.done.fetch_add(1, Relaxed);
            counts
                .overlapped
                .fetch_add(u64::from(first < written), Relaxed);
            counts
                .at_once
                .fetch_add(u64::from(again < written), Relaxed);
        }
        Ok(())
    })
    .await?;
    sleep(SETTLED).await;
    let last = counts.next.load(Relaxed).min(rounds.end);
    counts.next.store(rounds.start, Relaxed);
    each_reader(subject, &counts, move |subject, counts| async move {
        loop {
            let round = counts.next.fetch_add(1, Relaxed);
            if round >= last {
                return Ok(());
            }
            let number = subject.read(round).await?;
            let at_last = &counts.at_last[Moment::of(round) as usize];
            at_last.fetch_add(u64::from(number <= OLD), Relaxed);
        }
    })
    .await?;
    Arc::into_inner(counts).ok_or_else(|| Error::other("a reader goes on"))
}

async fn each_reader<F>(
    subject: &Arc<Subject>,
    counts: &Arc<Counts>,
    run: impl Fn(Arc<Subject>, Arc<Counts>) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let reader = |_| tokio::spawn(run(Arc::clone(subject), Arc::clone(counts)));
    let readers: Vec<_> = (0..READERS).map(reader).collect();
    for reader in readers {
        reader.await.map_err(Error::other)??;
    }
    Ok(())
}
