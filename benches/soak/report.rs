//! What is counted, and the table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use cache_aside::Outcome;

use super::judge::Call;
use super::kinds::LOAD_TIMEOUT;

/// Of what went wrong there are so many lines at most.
const LINES: usize = 12;

/// What was going on during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Calm,
    Source,
    Store,
}

impl Class {
    const ALL: [(Self, &str); 3] = [
        (Self::Calm, "no fault"),
        (Self::Source, "source in trouble"),
        (Self::Store, "store in trouble"),
    ];
}

/// What the cache added to the time of a call, and how much that may be.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    pub(super) class: Class,
    pub(super) added: Duration,
    pub(super) allowed: Duration,
    /// It waits for no other process.
    pub(super) alone: bool,
    /// Of those that took long.
    pub(super) told: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) errors: u64,
    outcomes: BTreeMap<String, u64>,
    counts: BTreeMap<&'static str, u64>,
    pub(super) wrong: u64,
    lines: Vec<String>,
    /// In microseconds, by class, of those who wait for others and those who do not.
    added: [[Vec<u32>; 2]; 3],
    slow: Vec<Slow>,
    /// Calls that were cut by `load_timeout`, and the longest load of their rows.
    late: Vec<(Duration, String)>,
    invalidations: Vec<u32>,
    pub(super) scheduler: Duration,
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn shown(micros: u32) -> String {
    format!("{:.1} ms", f64::from(micros) / 1_000.0)
}

impl Tally {
    pub(super) fn called(&mut self, call: &Call) {
        self.calls += 1;
        self.errors += u64::from(call.answers.is_err());
        let outcome = match (&call.answers, call.report) {
            (Err(_), _) => "errors of the source".to_owned(),
            (Ok(_), Some(report)) => format!("{:?}", report.outcome).to_lowercase(),
            (Ok(_), None) => "by hand".to_owned(),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        if call
            .report
            .is_some_and(|report| report.outcome == Outcome::Uncached)
        {
            self.wrong(format!("not cached: {call:?}"));
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn wrong(&mut self, line: String) {
        self.wrong += 1;
        if self.lines.len() < LINES {
            self.lines.push(line);
        }
    }

    pub(super) fn took(&mut self, slow: Slow) {
        let of_class = &mut self.added[slow.class as usize][usize::from(slow.alone)];
        of_class.push(micros(slow.added));
        if slow.told.is_some() {
            self.slow.push(slow);
        }
    }

    pub(super) fn late(&mut self, longest: Duration, line: String) {
        self.late.push((longest, line));
    }

    /// A limit that no load reached, nor the machine by being late, is no fault of the source's.
    pub(super) fn settle(&mut self) {
        let enough = (LOAD_TIMEOUT * 9 / 10).saturating_sub(self.scheduler);
        for (longest, line) in std::mem::take(&mut self.late) {
            if longest < enough {
                self.wrong(format!("{line}, and no load took longer than {longest:?}"));
            }
        }
    }

    pub(super) fn invalidated(&mut self, took: Duration) {
        self.invalidations.push(micros(took));
    }

    pub(super) fn delayed(&mut self, by: Duration) {
        self.scheduler = self.scheduler.max(by);
    }

    /// Those that took longer than they may, less what the machine added.
    pub(super) fn too_slow(&self) -> Vec<&Slow> {
        let over = |slow: &&Slow| slow.added > slow.allowed + self.scheduler;
        self.slow.iter().filter(over).collect()
    }

    /// The lines of the table.
    pub(super) fn table(&mut self) -> String {
        let mut table = String::new();
        let mut line = |text: String| writeln!(table, "{text}").expect("a string");
        line(format!(
            "calls                {}: {:?}",
            self.calls, self.outcomes
        ));
        line(format!("by hand              {:?}", self.counts));
        line(format!(
            "scheduler            late by {} at most",
            shown(micros(self.scheduler))
        ));
        for (class, name) in Class::ALL {
            for (alone, who) in [
                (false, "who may wait for others"),
                (true, "who waits for nobody"),
            ] {
                let times = &mut self.added[class as usize][usize::from(alone)];
                line(format!("added, {name:<18}, {who:<24}{}", spread(times)));
            }
        }
        line(format!(
            "invalidations        {}",
            spread(&mut self.invalidations)
        ));
        self.slow.sort_by_key(|slow| std::cmp::Reverse(slow.added));
        for slow in self.slow.iter().take(5) {
            let told = slow.told.as_deref().unwrap_or_default();
            line(format!(
                "slow                 {:.1?} added, of at most {:?}: {told}",
                slow.added, slow.allowed
            ));
        }
        for wrong in &self.lines {
            line(format!("WRONG                {wrong}"));
        }
        table
    }
}

fn spread(times: &mut [u32]) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 1_000)
            .copied()
            .unwrap_or_default()
    };
    let worst = times.last().copied().unwrap_or_default();
    format!(
        "{:>7} calls, p50 {}, p99 {}, p99.9 {}, worst {}",
        times.len(),
        shown(at(500)),
        shown(at(990)),
        shown(at(999)),
        shown(worst)
    )
}
