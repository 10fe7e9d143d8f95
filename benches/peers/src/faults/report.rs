//! The tables.

use std::collections::BTreeSet;
use std::thread::available_parallelism;

use crate::faults::Fault;
use crate::record::{Got, Phase, Trial};
use crate::systems::System;

/// Of the packages whose versions are told.
const LOCKED: &str = include_str!("../../Cargo.lock");
const PACKAGES: [&str; 9] = [
    "cache-aside",
    "cached",
    "cachekit-rs",
    "fred",
    "hitbox",
    "hitbox-fn",
    "hitbox-redis",
    "redis",
    "tokio",
];

pub(crate) fn print(trials: &[Trial], server: &str) {
    let server = server.split("v=").nth(1).unwrap_or("?");
    let server = server.split(' ').next().unwrap_or("?");
    let cores = available_parallelism().map_or(0, usize::from);
    let versions: Vec<String> = PACKAGES.into_iter().flat_map(versions).collect();
    println!("{}.", versions.join(", "));
    println!(
        "Redis server {server}; {cores} cores; load average {}.",
        load()
    );
    summary(trials);
    for fault in Fault::ALL {
        let of = |system| {
            trials
                .iter()
                .find(|t| t.fault == fault && t.system == system)
        };
        let of_fault: Vec<_> = System::ALL.into_iter().filter_map(of).collect();
        if !of_fault.is_empty() {
            one_fault(fault, &of_fault);
        }
    }
}

fn summary(trials: &[Trial]) {
    let faults = Fault::ALL.map(Fault::name);
    println!("\n| | {} |", faults.join(" | "));
    println!("|---|{}", "---|".repeat(faults.len()));
    for system in System::ALL {
        let cell = |fault| {
            let mut of_fault = trials.iter().filter(|t| t.fault == fault);
            let trial = of_fault.find(|t| t.system == system);
            trial.map_or_else(|| "–".to_owned(), in_short)
        };
        let cells = Fault::ALL.map(cell);
        println!("| {} | {} |", system.name(), cells.join(" | "));
    }
}

/// What callers got in the worst of cases, and the worst delay.
fn in_short(trial: &Trial) -> String {
    let got: Vec<&Got> = trial.phases().iter().flat_map(|p| &p.got).collect();
    let worst = trial.phases().into_iter().map(worst).fold(0.0, f64::max);
    format!("{}; {}", told(&got), shown(worst))
}

fn one_fault(fault: Fault, trials: &[&Trial]) {
    println!("\n### {}\n\n{}\n", capital(fault.name()), fault.meaning());
    let mut head = vec![
        "",
        "set-up",
        "cold keys, one after another",
        "the warm key, one after another",
        "50 callers of a cold key",
        "body runs",
        "added: first, worst",
        "median of later: cold, warm",
        "hits again",
    ];
    if fault == Fault::KilledInMidLoad {
        head.insert(2, "call under way");
    }
    println!("| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for trial in trials {
        println!("| {} |", row(trial).join(" | "));
    }
    println!();
    for trial in trials {
        for says in messages(trial) {
            println!("- {}: {says}", trial.system.name());
        }
    }
}

fn row(trial: &Trial) -> Vec<String> {
    let Trial {
        cold, warm, crowd, ..
    } = trial;
    let first = cold.added.first().copied().unwrap_or_default();
    let worst = [cold, warm, crowd]
        .into_iter()
        .map(worst)
        .fold(0.0, f64::max);
    let (later_cold, later_warm) = (median(cold.added.get(1..)), median(Some(&warm.added)));
    let mut row = vec![
        trial.system.name().to_owned(),
        match &trial.set_up {
            Ok(took) => shown(*took),
            Err(_) => "**refused**".to_owned(),
        },
        of_phase(cold),
        of_phase(warm),
        of_phase(crowd),
        format!("{} + {} + {}", cold.runs, warm.runs, crowd.runs),
        format!("{}, {}", shown(first), shown(worst)),
        format!("{later_cold}, {later_warm}"),
        again(trial),
    ];
    if let Some(took) = trial.under_way.added.first() {
        let under_way = format!("{}; {}", of_phase(&trial.under_way), shown(*took));
        row.insert(2, under_way);
    }
    row
}

fn of_phase(phase: &Phase) -> String {
    let got: Vec<&Got> = phase.got.iter().collect();
    told(&got)
}

/// The name of one, that of many, and which are meant.
type Kind = (&'static str, &'static str, fn(&Got) -> bool);

/// `20 values`, `1 value, 19 errors`.
fn told(got: &[&Got]) -> String {
    let kinds: [Kind; 5] = [
        ("value", "values", |got| *got == Got::Value),
        ("**wrong value**", "**wrong values**", |got| {
            *got == Got::WrongValue
        }),
        ("**error**", "**errors**", |got| {
            matches!(got, Got::Error(_))
        }),
        ("**panic**", "**panics**", |got| {
            matches!(got, Got::Panic(_))
        }),
        ("**hung**", "**hung**", |got| *got == Got::Hung),
    ];
    let counted = kinds.into_iter().filter_map(|(one, many, is)| {
        match got.iter().filter(|got| is(got)).count() {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        }
    });
    counted.collect::<Vec<_>>().join(", ")
}

fn worst(phase: &Phase) -> f64 {
    phase.added.iter().copied().fold(0.0, f64::max)
}

fn median(added: Option<&[f64]>) -> String {
    let mut added = added.unwrap_or_default().to_vec();
    added.sort_by(f64::total_cmp);
    let middle = added.get(added.len() / 2);
    middle.map_or_else(|| "–".to_owned(), |millis| shown(*millis))
}

fn again(trial: &Trial) -> String {
    let recovery = &trial.recovery;
    let tried = shown(recovery.tried);
    let when = match (recovery.hit, recovery.shared) {
        (_, Some(_)) if recovery.at_first => "at once".to_owned(),
        (Some(hit), Some(shared)) if shared > hit => {
            format!("{}, shared {}", shown(hit), shown(shared))
        }
        (_, Some(shared)) => shown(shared),
        (Some(hit), None) => format!("{}, **not shared in {tried}**", shown(hit)),
        (None, None) => format!("**not in {tried}**"),
    };
    match recovery.failed {
        0 => when,
        1 => when + "; **1 more call failed**",
        many => format!("{when}; **{many} more calls failed**"),
    }
}

/// Each error and panic once, the port left out.
fn messages(trial: &Trial) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    // Six keys, each a load and a hit: whatever else it was, this pair tells nothing of the fault.
    let healthy = &trial.healthy;
    let well = healthy.runs == 6 && healthy.got.iter().all(|got| *got == Got::Value);
    if trial.fault.comes_later() && !well {
        let (got, runs) = (of_phase(healthy), healthy.runs);
        said.insert(format!(
            "**before the fault**: {got}, {runs} body runs for 6 keys"
        ));
    }
    if let Err(why) = &trial.set_up {
        said.insert(format!("set-up: `{}`", brief(why)));
    }
    for got in trial.phases().into_iter().flat_map(|phase| &phase.got) {
        match got {
            Got::Error(why) => said.insert(format!("error: `{}`", brief(why))),
            Got::Panic(why) => said.insert(format!("panic: `{}`", brief(why))),
            Got::Value | Got::WrongValue | Got::Hung => false,
        };
    }
    said
}

fn brief(why: &str) -> String {
    let line: String = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.replace('`', "'");
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}..", &line[..end]),
        None => line,
    }
}

/// Such as `0.3 ms`, `251 ms`, `2.4 s`.
fn shown(millis: f64) -> String {
    if millis < 9.95 {
        format!("{millis:.1} ms")
    } else if millis < 995.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1e3)
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// As in the lock file: `redis 1.8.1`.
fn versions(package: &str) -> Vec<String> {
    let head = format!("name = \"{package}\"\nversion = \"");
    let found = LOCKED.split(&head).skip(1);
    let version = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    found
        .map(|rest| format!("{package} {}", version(rest)))
        .collect()
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
