//! How fast each path of a call is, against what somebody would write by hand.
//!
//! The function under test takes `(u64, &str)` and returns three strings and three numbers. All variants of a measurement run
//! interleaved in one process, over several rounds; what counts are ratios of their medians, with those of the best rounds
//! behind them and the goal beside. Nanoseconds are only there for proportion.
//!
//! ```text
//! cargo bench --bench speed                                    all sections, some minutes; -- --quick: one
//! cargo bench --bench speed -- local remote                    some of them
//! cargo bench --bench speed -- remote --callers 64             with so many callers only
//! cargo bench --bench speed -- --json speed.jsonl              also as JSON lines
//! cargo bench --bench speed -- --memory                        the section `memory`: bytes per entry
//! cargo bench --bench speed -- --callgrind-loop clone 1000     nothing but 1,000 local hits
//! cargo bench --bench speed -- --loop tagged 1000              nothing but 1,000 remote hits
//! cargo bench --bench speed -- --loop tagged 100 64           the same of 64 callers at once
//! cargo bench --bench speed -- --loop mixed-tagged 100 64     one call in twenty is a miss; miss-tagged: each
//! ```
//!
//! - `local.rs` - hits in this process, of one thread and of two. `memory.rs` - what an entry takes.
//! - `remote.rs` - hits in a server, one caller (`single`) to 1,024. `batch.rs` - a hundred of them at once. `miss.rs` - misses.
//!   `floor.rs` - what the server takes by itself.
//! - `stampede.rs` - a thousand callers of one load. `invalidation.rs` - of a tag with few and with many members.
//! - `loops.rs` - for tools that count instructions, the stable measure: how it is taken is said there.
//! - `own.rs`, `by_hand.rs`, `subject.rs`, `store.rs` - what is measured. `measure.rs`, `record.rs`, `server.rs` - how.
//!
//! The server is one of this program's own: `CACHE_ASIDE_REDIS_BIN`, what is on the `PATH`, or what is unpacked for it.

#![allow(missing_docs, reason = "a program")]

mod batch;
mod by_hand;
mod floor;
mod invalidation;
mod local;
mod loops;
mod measure;
mod memory;
mod miss;
#[path = "../../tests/integration/support/obtain.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod obtain;
mod own;
mod record;
mod remote;
mod server;
mod stampede;
mod store;
mod subject;
#[path = "../../tests/integration/support/unpack.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod unpack;

use std::io::{Error, Result};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use self::record::Record;

/// How much is done.
#[derive(Clone, Copy, Debug, Default)]
struct Effort {
    quick: bool,
    /// Only so many callers, where the number of callers varies.
    callers: Option<u64>,
}

impl Effort {
    /// The one or the other.
    fn of<T>(self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}

type Section = fn(Effort) -> Vec<Record>;

const SECTIONS: [(&str, Section); 8] = [
    ("local", local::run),
    ("remote", remote::run),
    ("single", remote::run_single),
    ("miss", miss::run),
    ("stampede", stampede::run),
    ("invalidation", invalidation::run),
    ("batch", batch::run),
    ("memory", memory::run),
];

#[derive(Debug, Default)]
struct Plan {
    effort: Effort,
    sections: Vec<&'static str>,
    json: Option<PathBuf>,
}

/// What one run of the program does.
enum Task {
    Measure(Plan),
    LocalLoop(String, u64),
    RemoteLoop(String, u64, u64),
    CrowdLoop(String, u64),
    BatchLoop(String, u64),
    Fill(String),
}

fn read(arguments: &[String]) -> Option<Task> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--callgrind-loop", what] => return Some(Task::LocalLoop(what.to_owned(), 10_000)),
        ["--callgrind-loop", what, calls] => {
            return Some(Task::LocalLoop(what.to_owned(), calls.parse().ok()?));
        }
        ["--loop", what, calls] => {
            let (what, calls) = (what.to_owned(), calls.parse().ok()?);
            return Some(if what.starts_with("crowd-") {
                Task::CrowdLoop(what, calls)
            } else if what.starts_with("batch-") {
                Task::BatchLoop(what, calls)
            } else {
                Task::RemoteLoop(what, calls, 1)
            });
        }
        ["--loop", what, calls, callers] => {
            let (calls, callers) = (calls.parse().ok()?, callers.parse().ok()?);
            return Some(Task::RemoteLoop(what.to_owned(), calls, callers));
        }
        ["--fill", what] => return Some(Task::Fill(what.to_owned())),
        _ => {}
    }
    let mut plan = Plan::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument {
            "--quick" => plan.effort.quick = true,
            "--callers" => plan.effort.callers = Some(arguments.next()?.parse().ok()?),
            "--json" => plan.json = Some(arguments.next()?.into()),
            "--memory" => plan.sections.push("memory"),
            name => plan
                .sections
                .push(SECTIONS.iter().find(|(known, _)| *known == name)?.0),
        }
    }
    Some(Task::Measure(plan))
}

/// Each section in a process of its own: some stay on one processor, and none finds what others left.
fn measure(plan: &Plan) -> Result<()> {
    let [only] = plan.sections[..] else {
        return measure_each(plan);
    };
    let run = SECTIONS.iter().find(|(name, _)| *name == only);
    let records = run.map_or_else(Vec::new, |(_, run)| run(plan.effort));
    print!("\n{}", record::table(&records));
    match &plan.json {
        Some(path) => record::write_json(path, &records),
        None => Ok(()),
    }
}

fn measure_each(plan: &Plan) -> Result<()> {
    let json = std::env::temp_dir().join(format!("speed-{}.jsonl", std::process::id()));
    let mut lines = String::new();
    for (name, _) in SECTIONS {
        if !plan.sections.is_empty() && !plan.sections.contains(&name) {
            continue;
        }
        println!("-- {name}");
        let mut process = Command::new(std::env::current_exe()?);
        process.arg(name).arg("--json").arg(&json);
        if plan.effort.quick {
            process.arg("--quick");
        }
        if let Some(callers) = plan.effort.callers {
            process.arg("--callers").arg(callers.to_string());
        }
        if !process.status()?.success() {
            return Err(Error::other(format!("{name} failed")));
        }
        lines.push_str(&std::fs::read_to_string(&json)?);
    }
    // It was never made where there was no section.
    let _ = std::fs::remove_file(&json);
    match &plan.json {
        Some(path) => std::fs::write(path, lines),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let arguments = std::env::args().skip(1);
    let arguments: Vec<_> = arguments.filter(|argument| argument != "--bench").collect();
    match read(&arguments) {
        Some(Task::Measure(plan)) => {
            if let Err(error) = measure(&plan) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
        Some(Task::LocalLoop(what, calls)) => loops::local(&what, calls),
        Some(Task::RemoteLoop(what, calls, callers)) => loops::remote(what.leak(), calls, callers),
        Some(Task::BatchLoop(what, calls)) => loops::batches(&what, calls),
        Some(Task::CrowdLoop(what, crowds)) => loops::crowds(&what, crowds),
        Some(Task::Fill(what)) => memory::fill(&what),
        None => {
            let names = SECTIONS.map(|(name, _)| name).join(", ");
            eprintln!(
                "not understood: {arguments:?}; sections are {names}, for the rest see the head of benches/speed/main.rs"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
