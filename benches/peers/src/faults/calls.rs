//! Calls as an application makes them, and what comes of them.

use std::time::{Duration, Instant};

use tokio::task::JoinError;
use tokio::time::{sleep, timeout};

use crate::record::{Got, Phase};
use crate::subject::{Failure, User, WORK, work_so_far};
use crate::systems::System;

/// How long a call may take. One that takes longer goes on, and nobody waits for it.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// For calls one after another: 20 that wait for a time-out each would take minutes.
const BUDGET: Duration = Duration::from_secs(12);

/// Calls one after another, with `pause` between them, until [`BUDGET`] is used up.
pub(crate) async fn in_turn(
    system: System,
    ids: impl IntoIterator<Item = u64>,
    pause: Duration,
) -> Phase {
    let (runs_before, _) = work_so_far();
    let started = Instant::now();
    let mut phase = Phase::default();
    for id in ids {
        if started.elapsed() > BUDGET {
            break;
        }
        if !phase.got.is_empty() {
            sleep(pause).await;
        }
        let (_, worked_before) = work_so_far();
        let (got, took) = call(system, id).await;
        let (_, worked) = work_so_far();
        phase.push(got, took, worked.saturating_sub(worked_before));
    }
    phase.runs = work_so_far().0 - runs_before;
    phase
}

/// `many` callers of one key at the same time.
pub(crate) async fn at_once(system: System, id: u64, many: usize) -> Phase {
    let (runs_before, _) = work_so_far();
    let calls: Vec<_> = (0..many).map(|_| tokio::spawn(call(system, id))).collect();
    let mut phase = Phase::default();
    for task in calls {
        match task.await {
            Ok((got, took)) => phase.push(got, took, WORK),
            Err(error) => {
                let got = Got::Panic(what_panicked(error));
                phase.push(got, Duration::ZERO, Duration::ZERO);
            }
        }
    }
    phase.runs = work_so_far().0 - runs_before;
    phase
}

/// One call in a task of its own, so that a panic ends nothing else.
pub(crate) async fn call(system: System, id: u64) -> (Got, Duration) {
    let started = Instant::now();
    let task = tokio::spawn(system.user(id));
    let answer = timeout(LIMIT, task).await;
    let took = started.elapsed();
    let got = match answer {
        Ok(Ok(Ok(user))) if user == User::with_id(id) => Got::Value,
        Ok(Ok(Ok(_))) => Got::WrongValue,
        Ok(Ok(Err(Failure(why)))) => Got::Error(why),
        Ok(Err(error)) => Got::Panic(what_panicked(error)),
        Err(_) => Got::Hung,
    };
    (got, took)
}

fn what_panicked(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the task was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default()
}
