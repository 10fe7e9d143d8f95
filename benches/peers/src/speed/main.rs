//! How fast the same function is with this library and with others, and what came of the goals of this library.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin speed     measures all, writes docs/benchmarks.md and .svg
//! .. -- --quick                                                                the same, fewer rounds
//! .. -- --only local remote                                                    some sections, and nothing is written
//! .. -- --render benches/peers/results/speed.json more.jsonl                   writes them again, and measures nothing
//! ```
//!
//! What is measured of this library alone are the sections of `benches/speed`, and so is how it is measured: the same files. Each
//! section runs in a process of its own. `results/` has what came of it, and lines of the same form from other programs: all of
//! them are in the document. `notes.md` says why a goal is missed.
//!
//! - `systems.rs` - what is compared. `paths/` - what is done with it.
//! - `results.rs` - what came of it. `counted.rs` - what a test counts. `machine.rs` - where.
//! - `document.md`, `document.rs`, `goals.rs`, `plot.rs` - how it is shown.

#[path = "../../../speed/batch.rs"]
mod batch;
#[path = "../../../speed/by_hand.rs"]
mod by_hand;
mod counted;
mod document;
#[path = "../../../speed/floor.rs"]
mod floor;
mod goals;
#[path = "../../../speed/invalidation.rs"]
mod invalidation;
#[path = "../../../speed/local.rs"]
mod local;
mod machine;
#[path = "../../../speed/measure.rs"]
mod measure;
#[path = "../../../speed/memory.rs"]
mod memory;
#[path = "../../../speed/miss.rs"]
mod miss;
#[path = "../../../../tests/integration/support/obtain.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod obtain;
#[path = "../../../speed/own.rs"]
mod own;
mod paths;
mod plot;
#[expect(
    dead_code,
    reason = "lines of records are written by others, and read here"
)]
#[path = "../../../speed/record.rs"]
mod record;
#[path = "../../../speed/remote.rs"]
mod remote;
mod results;
#[path = "../../../speed/server.rs"]
mod server;
#[path = "../../../speed/stampede.rs"]
mod stampede;
#[path = "../../../speed/store.rs"]
mod store;
#[path = "../../../speed/subject.rs"]
mod subject;
mod systems;
#[path = "../../../../tests/integration/support/unpack.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod unpack;

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::machine::Machine;
use crate::record::Record;
use crate::results::{Part, Results};

/// How much is done; what the sections of `benches/speed` are told.
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

/// A section with nothing but goals of this library.
fn alone(run: fn(Effort) -> Vec<Record>, effort: Effort) -> Part {
    Part {
        records: run(effort),
        ..Part::default()
    }
}

type Section = fn(Effort) -> Part;

const SECTIONS: [(&str, Section); 14] = [
    ("local", paths::local::run),
    ("remote", paths::remote::run),
    ("single", paths::remote::run_single),
    ("stampede", paths::stampede::run),
    ("miss", paths::miss::run),
    ("batch", paths::batch::run),
    ("own-local", |effort| alone(local::run, effort)),
    ("own-remote", |effort| alone(remote::run, effort)),
    ("own-single", |effort| alone(remote::run_single, effort)),
    ("own-miss", |effort| alone(miss::run, effort)),
    ("own-stampede", |effort| alone(stampede::run, effort)),
    ("own-invalidation", |effort| {
        alone(invalidation::run, effort)
    }),
    ("own-batch", |effort| alone(batch::run, effort)),
    ("own-memory", |effort| alone(memory::run, effort)),
];

/// The first argument of the process that runs one section.
const SECTION: &str = "--section";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // What `memory` asks of a process of its own.
        ["--fill", what] => {
            memory::fill(what);
            Ok(())
        }
        [SECTION, name, to] => section(name, to, false),
        [SECTION, name, to, "--quick"] => section(name, to, true),
        ["--render", first, ref more @ ..] => {
            let results = Results::read(Path::new(first))?;
            let more: Vec<PathBuf> = more.iter().map(PathBuf::from).collect();
            document::write(&results, &more)
        }
        ["--only", ref names @ ..] => some(names, false),
        ["--quick", "--only", ref names @ ..] => some(names, true),
        [] => all(false),
        ["--quick"] => all(true),
        _ => {
            let names = SECTIONS.map(|(name, _)| name).join(", ");
            let message = format!("not understood: {arguments:?}; sections are {names}");
            Err(Error::new(ErrorKind::InvalidInput, message))
        }
    }
}

fn section(name: &str, to: &str, quick: bool) -> Result<()> {
    let known = SECTIONS.iter().find(|(known, _)| *known == name);
    let (_, run) = known.ok_or(ErrorKind::InvalidInput)?;
    let effort = Effort {
        quick,
        ..Effort::default()
    };
    results::write(Path::new(to), &run(effort))
}

fn all(quick: bool) -> Result<()> {
    let results = measure(&[], quick)?;
    let own = results::folder().join("speed.json");
    std::fs::create_dir_all(results::folder())?;
    results::write(&own, &results)?;
    document::write(&results, &results::of_others()?)
}

fn some(names: &[&str], quick: bool) -> Result<()> {
    measure(names, quick)?.print();
    Ok(())
}

/// Those sections, or all.
fn measure(names: &[&str], quick: bool) -> Result<Results> {
    let began = Instant::now();
    let mut results = Results {
        quick,
        machine: Machine::now(),
        ..Results::default()
    };
    let to = std::env::temp_dir().join(format!("cache-aside-speed-{}.json", std::process::id()));
    let wanted = |name| names.is_empty() || names.contains(&name);
    for (name, _) in SECTIONS.iter().filter(|(name, _)| wanted(name)) {
        println!("-- {name}");
        let mut process = Command::new(std::env::current_exe()?);
        process.args([SECTION, name]).arg(&to);
        if quick {
            process.arg("--quick");
        }
        if process.status()?.success() {
            results.add(results::read(&to)?);
        } else {
            eprintln!("{name} failed and is left out");
            results.failed.push((*name).to_owned());
        }
    }
    // It was never made where all sections failed.
    let _ = std::fs::remove_file(&to);
    results.seconds = began.elapsed().as_secs();
    results.machine.load_at_the_end = machine::load_average();
    Ok(results)
}
