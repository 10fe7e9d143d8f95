//! Runs the models: `protocol-model [NAME-PREFIX ...] [--trace] [--reach]`.

use protocol_model::check::Report;
use protocol_model::runs::{self, Run};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

fn main() -> ExitCode {
    let (options, prefixes): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    if let Some(unknown) = options
        .iter()
        .find(|option| !["--trace", "--reach"].contains(&option.as_str()))
    {
        eprintln!("unknown option {unknown}; there are --trace and --reach");
        return ExitCode::from(2);
    }
    let has = |option: &str| options.iter().any(|given| given == option);
    let chosen = |run: &Run| {
        prefixes.is_empty() || prefixes.iter().any(|prefix| run.name.starts_with(prefix))
    };
    let runs: Vec<_> = runs::all().into_iter().filter(chosen).collect();
    if runs.is_empty() {
        eprintln!("no run is called {}..", prefixes.join(".., "));
        return ExitCode::from(2);
    }
    let threads = available_parallelism().map_or(1, usize::from);
    let mut unexpected = 0;
    for run in runs {
        let begin = Instant::now();
        let report = run.check(threads);
        let seconds = begin.elapsed().as_secs_f32();
        print(&run, &report, seconds);
        if let Some(difference) = report.difference(run.expected) {
            unexpected += 1;
            println!("     UNEXPECTED: {difference}");
        }
        if has("--reach") {
            println!("     {:?}", report.reached);
        }
        if has("--trace") {
            trace(&report);
        }
    }
    if unexpected == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{unexpected} unexpected result(s)");
    ExitCode::FAILURE
}

fn print(run: &Run, report: &Report, seconds: f32) {
    let result = match report.violations.as_slice() {
        [] => "holds".to_owned(),
        violations => {
            let names: Vec<_> = violations.iter().map(|(property, _)| *property).collect();
            format!("violated: {}", names.join(", "))
        }
    };
    println!(
        "{:<5} {:<54} {:>9} states  depth {:>3}  {seconds:>6.1} s  {result}",
        run.name, run.about, report.states, report.depth
    );
}

fn trace(report: &Report) {
    for (property, steps) in &report.violations {
        println!("     counterexample to \"{property}\":");
        for (number, step) in steps.iter().enumerate() {
            println!("     {:>3}. {step}", number + 1);
        }
    }
}
