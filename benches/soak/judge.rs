//! One run: what was called, what came of it, and whether that may be.

use std::sync::Mutex;
use std::time::Duration;

use cache_aside::{Outcome, Report, Tier};

use super::dice::Dice;
use super::kinds::{Kind, LEASE, LOAD_TIMEOUT, Row, STORE, WINDOW};
use super::oracle::{Floors, View};
use super::report::{Class, Slow, Tally};
use super::source::{Answer, Broken, Source};

/// A fault still counts for so long after its end: connections come back, and leases of nobody run out.
const AFTERMATH: Duration = Duration::from_secs(1);
/// No fault lasts longer.
pub(super) const LONGEST_FAULT: Duration = Duration::from_millis(1_200);
/// Who waits for a holder that is gone asks again when the lease may be over; should that be renewed just then, a
/// second later. Pauses are up to a tenth longer.
const LEASE_WAIT: Duration = Duration::from_millis((500 + 10 + 1_000) * 11 / 10);
const _: () = assert!(LEASE.as_millis() == 500, "`LEASE_WAIT` has it in it");

#[derive(Debug)]
pub(super) struct World {
    pub(super) source: Source,
    pub(super) floors: Floors,
    pub(super) tally: Mutex<Tally>,
    pub(super) instances: [Instance; super::INSTANCES],
    /// Who writes a row by hand excludes others while it puts.
    pub(super) hands: Vec<tokio::sync::Mutex<()>>,
    episodes: Mutex<Vec<Episode>>,
}

/// How an instance is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Instance {
    /// Its answers out of the store, too, may be behind.
    pub(super) trusts_views: bool,
    /// What its callers wait for while the store is gone: as long as the loads of others take.
    pub(super) unshared_loads: Option<u32>,
}

/// A fault, or a trouble of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    pub(super) name: &'static str,
    pub(super) class: Class,
    pub(super) from: Duration,
    pub(super) to: Option<Duration>,
}

/// A call of a cached function that has returned.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) instance: usize,
    pub(super) kind: Kind,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) answers: Result<Vec<(Row, Option<Answer>)>, Broken>,
    pub(super) rows: Vec<Row>,
    /// By hand nobody tells.
    pub(super) report: Option<Report>,
}

impl World {
    pub(super) fn new(dice: &Dice, instances: [Instance; super::INSTANCES]) -> Self {
        Self {
            source: Source::new(dice.for_one(1)),
            floors: Floors::new(),
            tally: Mutex::default(),
            instances,
            hands: (0..Row::COUNT)
                .map(|_| tokio::sync::Mutex::default())
                .collect(),
            episodes: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.source.now()
    }

    pub(super) fn tally(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().expect("no panic"));
    }

    pub(super) fn begins(&self, name: &'static str, class: Class) {
        let from = self.now();
        let episode = Episode {
            name,
            class,
            from,
            to: None,
        };
        self.episodes.lock().expect("no panic").push(episode);
    }

    pub(super) fn ends(&self) {
        let now = self.now();
        if let Some(last) = self.episodes.lock().expect("no panic").last_mut() {
            last.to = Some(now);
        }
    }

    /// What went wrong at that time.
    pub(super) fn episode(&self, from: Duration, to: Duration) -> Option<Episode> {
        let episodes = self.episodes.lock().expect("no panic");
        let overlaps = |episode: &&Episode| {
            let end = episode.to.map(|end| end + AFTERMATH);
            episode.from <= to && end.is_none_or(|end| from <= end)
        };
        // One that concerns the store allows more.
        let mut all = episodes.iter().rev().filter(overlaps);
        let first = all.next()?;
        let mut both = std::iter::once(first).chain(all);
        Some(*both.find(|one| one.class == Class::Store).unwrap_or(first))
    }

    pub(super) fn judge(&self, call: &Call) {
        let wrong = match &call.answers {
            Ok(answers) => answers
                .iter()
                .find_map(|(row, answer)| self.wrong(call, *row, answer.as_ref())),
            Err(broken) => self.not_the_source(call, *broken),
        };
        let slow = self.slow(call);
        self.tally(|tally| {
            tally.called(call);
            if let Some(wrong) = wrong {
                tally.wrong(format!("{:?}: {wrong}: {call:?}", call.ended));
            }
            tally.took(slow);
        });
    }

    fn wrong(&self, call: &Call, row: Row, answer: Option<&Answer>) -> Option<String> {
        let outcome = call.report.map(|report| report.outcome);
        let view = View {
            instance: call.instance,
            behind: self.may_be_behind(call),
            stale: outcome == Some(Outcome::Stale),
        };
        let floor = self.floors.floor(row, call.began, view);
        let now = self.source.version(row);
        let Some(answer) = answer else {
            let was_so = (floor..=now).any(|version| !row.exists(version));
            return (!was_so).then(|| format!("`None` of {row:?}, of {floor} to {now}"));
        };
        if answer.row != row {
            return Some(format!("the answer of another row than {row:?}"));
        }
        if answer.version < floor || answer.version > now {
            return Some(format!("{answer:?} is not of {floor} to {now}"));
        }
        let life = row.kind.life();
        let lives = match outcome {
            Some(Outcome::Stale) => life.fresh + life.stale,
            _ => life.fresh,
        };
        if view.stale && life.stale.is_zero() {
            return Some("a stale answer of a function that has no window".to_owned());
        }
        let told = call.report.and_then(|report| report.age);
        // A batch tells of all its answers at once.
        if let Some(age) = told
            && age > lives
        {
            return Some(format!("an age of {age:?} is over {lives:?}"));
        }
        // It was stored within one time-out of the store, which was in a fault for a time at most.
        let age = call
            .began
            .saturating_sub(Duration::from_micros(answer.made));
        let at_most = lives + STORE + LONGEST_FAULT + STORE;
        (age > at_most).then(|| format!("made {age:?} ago, which is over {at_most:?}"))
    }

    /// Whether an answer may rest on a copy that was not confirmed.
    fn may_be_behind(&self, call: &Call) -> bool {
        let views = self.instances[call.instance].trusts_views;
        match call.report {
            _ if call.kind == Kind::Strict => false,
            _ if call.kind == Kind::Batch => true,
            None => true,
            Some(report) => match report.tier {
                Some(Tier::Local) => true,
                Some(_) => views,
                None => false,
            },
        }
    }

    /// An error that the source did not cause while the caller was there.
    fn not_the_source(&self, call: &Call, broken: Broken) -> Option<String> {
        match broken {
            Broken::Source(at) if at >= call.began => None,
            Broken::Source(_) => Some("an error from before the call".to_owned()),
            Broken::Late if call.kind == Kind::Limited => {
                // Who waits for a place waits for the loads of others, as long as its limit. So does who
                // waits for another instance that cannot say that it has loaded.
                let limited = self.instances[call.instance].unshared_loads.is_some();
                let episode = self.episode(call.began, call.ended);
                if episode.is_some_and(|episode| limited || episode.class == Class::Store) {
                    return None;
                }
                let from = call.began.saturating_sub(LOAD_TIMEOUT);
                let loading = self.source.loading(&call.rows, from, call.ended);
                self.tally(|tally| tally.late(loading.longest, format!("late: {call:?}")));
                None
            }
            Broken::Late => Some("late, without a limit".to_owned()),
        }
    }

    /// The time that the cache added, and what it may add.
    fn slow(&self, call: &Call) -> Slow {
        let hit = matches!(
            call.report.map(|report| report.outcome),
            Some(Outcome::Hit | Outcome::Negative)
        );
        let spent = call.ended.saturating_sub(call.began);
        let loading = if hit {
            Duration::ZERO
        } else {
            let loading = self.source.loading(&call.rows, call.began, call.ended);
            loading.covered
        };
        let episode = self.episode(call.began, call.ended);
        let class = episode.map_or(Class::Calm, |episode| episode.class);
        let waits = class == Class::Store && !hit && !call.kind.waits_for_nobody();
        let added = spent.saturating_sub(loading);
        let mut allowed = if waits { STORE + LEASE_WAIT } else { STORE };
        if self.instances[call.instance].unshared_loads.is_some() && !hit {
            allowed += LONGEST_FAULT;
        }
        Slow {
            class,
            added,
            allowed,
            alone: call.kind.waits_for_nobody() || hit,
            told: (added > Duration::from_millis(200)).then(|| {
                format!(
                    "{:?} in instance {} from {:?} to {:?}, of which {loading:?} loading; {:?}; {}",
                    call.rows[0],
                    call.instance,
                    call.began,
                    call.ended,
                    call.report.map(|report| report.outcome),
                    episode.map_or("no fault", |episode| episode.name),
                )
            }),
        }
    }
}

/// Stale answers are spared by no more than this after a soft invalidation.
pub(super) const SOFT: Duration = Duration::from_millis(900);
const _: () = assert!(
    WINDOW.as_millis() < 1_000,
    "within the aftermath of a fault"
);
