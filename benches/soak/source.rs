//! The truth that is cached: versions of rows, which are loaded, and when; and a source that misbehaves when it is told to.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cache_aside::LoadTimeout;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;

use super::dice::Dice;
use super::kinds::{IDS, Kind, PER_KIND, Row};

/// Loads that ended longer ago are forgotten; no call takes so long.
const REMEMBERED: Duration = Duration::from_secs(20);

/// What a function returns: of which row, and which load made it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) row: Row,
    pub(super) version: u64,
    /// When its body ended, in microseconds of the run.
    pub(super) made: u64,
}

/// Why a function fails; the cache is no reason.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    /// The source said so, at this time of the run.
    Source(Duration),
    /// `load_timeout`.
    Late,
}

impl From<LoadTimeout> for Broken {
    fn from(_: LoadTimeout) -> Self {
        Self::Late
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    None,
    Fails,
    Slow(Duration),
    /// Until the trouble is another.
    Hangs,
}

#[derive(Debug)]
pub(super) struct Source {
    epoch: Instant,
    rows: Vec<State>,
    trouble: watch::Sender<Trouble>,
    dice: Mutex<Dice>,
}

#[derive(Debug, Default)]
struct State {
    version: AtomicU64,
    loads: Mutex<Loads>,
}

#[derive(Debug, Default)]
struct Loads {
    /// The number of the first that is remembered.
    first: u64,
    /// From and to; those that run have no end.
    spans: VecDeque<(Duration, Option<Duration>)>,
    second: u64,
    in_second: u64,
    /// In one second.
    most: u64,
    all: u64,
}

/// A load while it runs; also one that is dropped ends.
#[derive(Debug)]
pub(super) struct Running<'a> {
    source: &'a Source,
    row: Row,
    number: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let now = self.source.now();
        let mut loads = self.source.state(self.row).loads.lock().expect("no panic");
        let at = self.number.checked_sub(loads.first);
        let at = at.and_then(|at| usize::try_from(at).ok());
        if let Some((_, end)) = at.and_then(|at| loads.spans.get_mut(at)) {
            *end = Some(now);
        }
    }
}

impl Source {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            epoch: Instant::now(),
            rows: (0..Row::COUNT).map(|_| State::default()).collect(),
            trouble: watch::Sender::new(Trouble::None),
            dice: Mutex::new(dice),
        }
    }

    /// Of the run.
    pub(super) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }

    pub(super) fn version(&self, row: Row) -> u64 {
        self.state(row).version.load(SeqCst)
    }

    /// Commits a new version.
    pub(super) fn write(&self, row: Row) -> u64 {
        self.state(row).version.fetch_add(1, SeqCst) + 1
    }

    fn state(&self, row: Row) -> &State {
        &self.rows[row.index()]
    }

    /// What the body of a function does: other things happen before and after it reads.
    pub(super) async fn load(&self, rows: &[Row]) -> Result<Vec<Answer>, Broken> {
        let _running: Vec<Running<'_>> = rows.iter().map(|&row| self.begin(row)).collect();
        let (before, after, trouble_first) = {
            let mut dice = self.dice.lock().expect("no panic");
            let long = if dice.percent(30) { 25 } else { 3 };
            (dice.below(3), dice.below(long), dice.percent(50))
        };
        sleep(Duration::from_millis(before)).await;
        if trouble_first {
            self.suffer().await?;
        }
        let versions: Vec<u64> = rows.iter().map(|&row| self.version(row)).collect();
        if !trouble_first {
            self.suffer().await?;
        }
        sleep(Duration::from_millis(after)).await;
        let made = u64::try_from(self.now().as_micros()).expect("a short run");
        let answer = |(&row, version)| Answer { row, version, made };
        Ok(rows.iter().zip(versions).map(answer).collect())
    }

    async fn suffer(&self) -> Result<(), Broken> {
        let mut trouble = self.trouble.subscribe();
        let now = *trouble.borrow_and_update();
        match now {
            Trouble::None => {}
            Trouble::Fails => return Err(Broken::Source(self.now())),
            Trouble::Slow(time) => sleep(time).await,
            Trouble::Hangs => drop(trouble.wait_for(|now| *now != Trouble::Hangs).await),
        }
        Ok(())
    }

    /// Also of loads by other processes.
    pub(super) fn begin(&self, row: Row) -> Running<'_> {
        let now = self.now();
        let mut loads = self.state(row).loads.lock().expect("no panic");
        let forgotten = |end: &Option<Duration>| end.is_some_and(|end| end + REMEMBERED < now);
        while loads.spans.front().is_some_and(|(_, end)| forgotten(end)) {
            loads.spans.pop_front();
            loads.first += 1;
        }
        let number = loads.first + loads.spans.len() as u64;
        loads.spans.push_back((now, None));
        if loads.second != now.as_secs() {
            (loads.second, loads.in_second) = (now.as_secs(), 0);
        }
        loads.in_second += 1;
        loads.most = loads.most.max(loads.in_second);
        loads.all += 1;
        Running {
            source: self,
            row,
            number,
        }
    }

    /// For how long in this time a load of these rows ran, and the longest of them.
    pub(super) fn loading(&self, rows: &[Row], from: Duration, to: Duration) -> Loading {
        let mut spans = Vec::new();
        let mut longest = Duration::ZERO;
        for &row in rows {
            let loads = self.state(row).loads.lock().expect("no panic");
            for &(begin, end) in &loads.spans {
                let (begin, end) = (begin.max(from), end.unwrap_or(to).min(to));
                if begin < end {
                    longest = longest.max(end.saturating_sub(begin));
                    spans.push((begin, end));
                }
            }
        }
        spans.sort_unstable();
        let (mut covered, mut until) = (Duration::ZERO, from);
        for (begin, end) in spans {
            let begin = begin.max(until);
            if begin < end {
                covered += end.saturating_sub(begin);
                until = end;
            }
        }
        Loading { covered, longest }
    }

    /// All loads, and the most of one key in one second with its row.
    pub(super) fn counted(&self) -> (u64, u64, Row) {
        let (mut all, mut most) = (0, (0, Row::at(0)));
        for index in 0..Row::COUNT {
            let loads = self.rows[index].loads.lock().expect("no panic");
            all += loads.all;
            if loads.most > most.0 {
                most = (loads.most, Row::at(index));
            }
        }
        (all, most.0, most.1)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Loading {
    pub(super) covered: Duration,
    pub(super) longest: Duration,
}

impl Row {
    pub(super) const COUNT: usize = Kind::ALL.len() * PER_KIND;

    pub(super) fn index(self) -> usize {
        let id = usize::try_from(self.id % IDS).expect("a few");
        self.kind as usize * PER_KIND + id
    }

    fn at(index: usize) -> Self {
        Self {
            kind: Kind::ALL[index / PER_KIND],
            id: (index % PER_KIND) as u64,
        }
    }
}
