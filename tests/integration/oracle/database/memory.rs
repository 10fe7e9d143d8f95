//! The truth of a schedule, and what its loads wait at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Floor, Since};
use crate::oracle::dice::Dice;
use crate::oracle::rows::Row;

/// Something that happened, written out only when somebody wants to read it.
pub(in crate::oracle) type Line = Box<dyn FnOnce() -> String + Send>;

#[derive(Default)]
pub(in crate::oracle) struct Memory {
    now: Mutex<Duration>,
    rows: Mutex<BTreeMap<Row, History>>,
    /// How far copies of the database are behind at most, and by how much each load finds them so.
    lag: Mutex<Option<(Duration, Dice)>>,
    /// How long after an invalidation has returned it counts as done.
    settle_lag: Mutex<Duration>,
    /// Loads that wait to be let go on, for each process.
    gates: Mutex<BTreeMap<usize, Gates>>,
    history: Mutex<Vec<Line>>,
    violations: Mutex<Vec<String>>,
}

/// What waits to be let go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oracle) enum Gate {
    /// A load that has not read yet.
    Load,
    /// And one that has.
    Loaded,
    /// A write that hides what it changes.
    Bracket,
}

type Gates = Vec<(Gate, oneshot::Sender<()>)>;

/// Of one row.
#[derive(Default)]
struct History {
    /// When each version was committed; the first is there from the beginning.
    commits: Vec<Duration>,
    /// From when on each floor is in force.
    floors: Vec<(Duration, u64)>,
    /// The same for those who may be behind by a window, to which that is to be added.
    behind: Vec<(Duration, u64)>,
    /// The same without a window.
    settled: Vec<(Duration, u64)>,
}

impl History {
    fn version_at(&self, time: Duration) -> u64 {
        let count = self.commits.partition_point(|commit| *commit <= time);
        count as u64
    }
}

fn highest(floors: &[(Duration, u64)], at: Duration) -> u64 {
    let in_force = floors.iter().filter(|(since, _)| *since <= at);
    in_force.map(|(_, floor)| *floor).max().unwrap_or_default()
}

impl Memory {
    /// Loads read copies that are behind by up to `lag`, of which all processes know.
    pub(in crate::oracle) fn lag_behind(&self, lag: Duration, dice: Dice) {
        *self.settle_lag.lock().unwrap() = lag;
        // No clock of a process is so fast that its time is over before the copy has caught up.
        *self.lag.lock().unwrap() = Some((lag - lag / 100, dice));
    }

    pub(in crate::oracle) fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    pub(in crate::oracle) fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }

    pub(super) fn versions(&self, rows: &[Row]) -> Vec<u64> {
        self.versions_at(rows, Duration::MAX)
    }

    /// What copies of the database have that are behind.
    pub(super) fn lagging(&self, rows: &[Row]) -> Vec<u64> {
        let behind = match &mut *self.lag.lock().unwrap() {
            None => return self.versions(rows),
            Some((lag, dice)) => *lag / 4 * u32::try_from(dice.below(5)).expect("a few"),
        };
        match self.now().checked_sub(behind) {
            Some(at) => self.versions_at(rows, at),
            None => vec![0; rows.len()],
        }
    }

    fn versions_at(&self, rows: &[Row], at: Duration) -> Vec<u64> {
        let known = self.rows.lock().unwrap();
        let version = |row| known.get(row).map_or(0, |row| row.version_at(at));
        rows.iter().map(version).collect()
    }

    pub(super) fn write(&self, row: Row) {
        let now = self.now();
        let mut known = self.rows.lock().unwrap();
        known.entry(row).or_default().commits.push(now);
    }

    pub(super) fn floors(&self, rows: &[Row], window: Duration) -> Vec<Floor> {
        let (now, known) = (self.now(), self.rows.lock().unwrap());
        let floor = |row| {
            let Some(row) = known.get(row) else {
                return Floor::default();
            };
            let settled = highest(&row.settled, now);
            let behind = now.checked_sub(window);
            let behind = behind.map_or(0, |at| highest(&row.behind, at));
            Floor {
                now: highest(&row.floors, now),
                behind: behind.max(settled),
            }
        };
        rows.iter().map(floor).collect()
    }

    pub(super) fn raise(&self, floors: &[(Row, u64)], since: Since) {
        let now = self.now() + *self.settle_lag.lock().unwrap();
        let mut known = self.rows.lock().unwrap();
        for &(row, floor) in floors {
            let row = known.entry(row).or_default();
            row.floors.push((now, floor));
            let behind = match since {
                Since::Bracket(begun) => begun,
                Since::Now | Since::Settled => now,
            };
            row.behind.push((behind, floor));
            if since == Since::Settled {
                row.settled.push((now, floor));
            }
        }
    }

    pub(super) async fn pause(&self, process: usize, gate: Gate) {
        let (opens, opened) = oneshot::channel();
        {
            let mut gates = self.gates.lock().unwrap();
            gates.entry(process).or_default().push((gate, opens));
        }
        // Closed at the end of a schedule.
        let _ = opened.await;
    }

    /// What waits in a process.
    pub(in crate::oracle) fn waiting(&self, process: usize) -> Vec<Gate> {
        let mut gates = self.gates.lock().unwrap();
        let gates = gates.entry(process).or_default();
        gates.retain(|(_, opens)| !opens.is_closed());
        gates.iter().map(|(gate, _)| *gate).collect()
    }

    pub(in crate::oracle) fn let_go(&self, process: usize, load: usize) {
        let mut gates = self.gates.lock().unwrap();
        let (_, opens) = gates.entry(process).or_default().remove(load);
        // It may have been given up.
        let _ = opens.send(());
    }

    pub(in crate::oracle) fn note(&self, line: impl FnOnce() -> String + Send + 'static) {
        self.history.lock().unwrap().push(Box::new(line));
    }

    pub(in crate::oracle) fn violated(&self, line: String) {
        let noted = line.clone();
        self.note(move || noted);
        self.violations.lock().unwrap().push(line);
    }

    pub(in crate::oracle) fn is_violated(&self) -> bool {
        !self.violations.lock().unwrap().is_empty()
    }

    /// Its violations, and what happened.
    pub(in crate::oracle) fn take(&self) -> (Vec<String>, Vec<Line>) {
        let violations = std::mem::take(&mut *self.violations.lock().unwrap());
        let history = std::mem::take(&mut *self.history.lock().unwrap());
        (violations, history)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
