//! The runs that are small enough for every change. All of them: `cargo run -p protocol-model --release`.

use protocol_model::runs::{self, Expected, Run};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is not as expected; the runs are shared out among all processors.
fn differences(runs: &[Run]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(difference) = run.check(1).difference(run.expected) {
                found.push(format!("{}: {difference}", run.name));
            }
        }
        found
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let found = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        found.flatten().collect()
    })
}

#[test]
fn short_runs_end_as_expected() {
    let short: Vec<_> = runs::all().into_iter().filter(Run::is_short).collect();
    let holding = short
        .iter()
        .filter(|run| matches!(run.expected, Expected::Holds(_)))
        .count();
    assert_eq!((holding, short.len()), (8, 26), "the short set");
    assert_eq!(differences(&short), [""; 0]);
}

#[test]
fn the_readme_lists_every_run_with_its_result() {
    let readme = include_str!("../README.md");
    let listed: Vec<String> = readme
        .lines()
        .filter(|line| line.contains(" | holds |") || line.contains(" | **violated**"))
        .map(str::to_owned)
        .collect();
    let row = |run: Run| {
        let (states, result) = match run.expected {
            Expected::Holds(states) => (states, "holds".to_owned()),
            Expected::Violated(property, states) => (states, format!("**violated**: {property}")),
        };
        let short = if run.is_short() { "yes" } else { "" };
        format!(
            "| {} | {} | {} | {short} | {result} |",
            run.name,
            run.about,
            grouped(states)
        )
    };
    assert_eq!(listed, runs::all().into_iter().map(row).collect::<Vec<_>>());
}

/// With commas: 1,234,567.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
