//! One system under one fault: the same sequence for all, in a process of its own.

use std::io::Result;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::calls::{LIMIT, at_once, call, in_turn};
use crate::faults::{Fault, Steps};
use crate::record::{Got, Phase, Recovery, Trial, millis};
use crate::server::Keeper;
use crate::subject::{Failure, HELD, WORK, held, let_go, url, work_so_far};
use crate::systems::System;

/// The first argument of a process that makes one call, and says how often the body ran.
pub(crate) const ANOTHER: &str = "another-process";

const WARM_KEY: u64 = 1;
const HEALTHY_KEYS: u64 = 1_000_000;
const COLD_KEYS: u64 = 2_000_000;
const CROWD_KEY: u64 = 3_000_000;
const KEYS_AFTERWARDS: u64 = 4_000_000;

const CALLS: u64 = 20;
const CROWD: usize = 50;
/// Between two calls for the warm key: together they take longer than any copy is trusted that is
/// not given for all of its life.
const WARM_PAUSE: Duration = Duration::from_millis(100);
const RECOVERY_BUDGET: Duration = Duration::from_secs(20);
/// Between two keys that are tried after the fault.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(system: System, fault: Fault, port: u16) -> Result<Trial> {
    let mut keeper = Keeper::hire(port)?;
    carry_out(&mut keeper, fault.before()).await?;
    let set_up = set_up(system).await;
    let (mut healthy, mut under_way) = (Phase::default(), Phase::default());
    if fault.comes_later() {
        // Each key twice: the second time it is a hit.
        let keys = (HEALTHY_KEYS..HEALTHY_KEYS + 5).chain([WARM_KEY]);
        let keys = keys.flat_map(|id| [id, id]);
        healthy = in_turn(system, keys, Duration::ZERO).await;
    }
    if fault == Fault::KilledInMidLoad {
        under_way = kill_in_mid_load(system, &mut keeper, fault.begin()).await?;
    } else {
        carry_out(&mut keeper, fault.begin()).await?;
    }
    let mut over = fault.ends_by_itself().then(Instant::now);
    let cold = in_turn(system, COLD_KEYS..COLD_KEYS + CALLS, Duration::ZERO).await;
    let warm = in_turn(system, (0..CALLS).map(|_| WARM_KEY), WARM_PAUSE).await;
    let crowd = at_once(system, CROWD_KEY, CROWD).await;
    carry_out(&mut keeper, fault.end()).await?;
    let over = *over.get_or_insert_with(Instant::now);
    let recovery = recover(system, over).await?;
    Ok(Trial {
        system,
        fault,
        set_up,
        healthy,
        under_way,
        cold,
        warm,
        crowd,
        recovery,
    })
}

async fn set_up(system: System) -> std::result::Result<f64, String> {
    let started = Instant::now();
    // A task of its own: what panics in it is a result like others.
    let task = tokio::spawn(system.set_up());
    match timeout(LIMIT, task).await {
        Ok(Ok(Ok(()))) => Ok(millis(started.elapsed())),
        Ok(Ok(Err(Failure(why)))) => Err(why),
        Ok(Err(_)) => Err("panic".to_owned()),
        Err(_) => Err(format!("nothing for {} s", LIMIT.as_secs())),
    }
}

/// The time that counts begins when the body goes on, after the server was killed.
async fn kill_in_mid_load(system: System, keeper: &mut Keeper, begin: Steps) -> Result<Phase> {
    let (runs_before, _) = work_so_far();
    let under_way = tokio::spawn(call(system, HELD));
    if timeout(LIMIT, held()).await.is_err() {
        eprintln!("{}: the body did not run", system.name());
    }
    carry_out(keeper, begin).await?;
    let killed = Instant::now();
    let_go();
    let (got, _) = under_way.await?;
    let mut phase = Phase::default();
    phase.push(got, killed.elapsed(), WORK);
    phase.runs = work_so_far().0 - runs_before;
    Ok(phase)
}

/// Keys that are new are called twice, until the second call is a hit; then another process calls
/// them, until that is one as well.
async fn recover(system: System, over: Instant) -> Result<Recovery> {
    let mut recovery = Recovery::default();
    for id in KEYS_AFTERWARDS.. {
        let asked = over.elapsed();
        let mut hit = true;
        for turn in 0..2 {
            let (runs_before, _) = work_so_far();
            let (got, _) = call(system, id).await;
            recovery.failed += usize::from(got != Got::Value);
            let ran = work_so_far().0 > runs_before;
            hit &= got == Got::Value && (turn == 0 || !ran);
        }
        if hit {
            recovery.hit.get_or_insert(millis(asked));
            if known_to_another_process(system, id).await? {
                recovery.shared = Some(millis(asked));
                recovery.at_first = id == KEYS_AFTERWARDS;
                break;
            }
        }
        if over.elapsed() > RECOVERY_BUDGET {
            break;
        }
        sleep(PAUSE).await;
    }
    recovery.tried = millis(over.elapsed());
    Ok(recovery)
}

async fn known_to_another_process(system: System, id: u64) -> Result<bool> {
    let other = Command::new(std::env::current_exe()?)
        .args([ANOTHER, system.name(), url(), &id.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let said = timeout(2 * LIMIT, other).await;
    Ok(matches!(said, Ok(Ok(output)) if output.stdout == b"value, 0 runs\n"))
}

/// What the process does that is asked by [`known_to_another_process`].
pub(crate) async fn another(system: System, id: u64) {
    // Those who fail here fail in the call as well.
    let _ = set_up(system).await;
    let (got, _) = call(system, id).await;
    let (runs, _) = work_so_far();
    if got == Got::Value {
        println!("value, {runs} runs");
    }
}

async fn carry_out(keeper: &mut Keeper, steps: Steps) -> Result<()> {
    for (order, pause) in steps {
        sleep(*pause).await;
        keeper.order(*order)?;
    }
    Ok(())
}
