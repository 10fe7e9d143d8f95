//! What the attribute costs those who build: time per function, lines per expansion, crates, a build from nothing.
//!
//! ```text
//! cargo run --release --manifest-path benches/build_cost/Cargo.toml                    all of it, some ten minutes
//! cargo run --release --manifest-path benches/build_cost/Cargo.toml -- functions lines crates clean    some of it
//! .. -- functions --rounds 9 --json build.jsonl                                        also as JSON lines
//! ```
//!
//! Times are given twice: as they passed, which other work on the machine makes longer, and as the processor time of
//! cargo and of all that it started. The crates that are built are written below `target/build-cost` of this
//! workspace, and nothing is loaded from the network but what their dependencies need the first time.

#![allow(missing_docs, reason = "a program")]

mod builds;
mod clean;
mod crates;
mod functions;
mod lines;
#[allow(dead_code, reason = "the other benches have goals of all kinds")]
#[path = "../../speed/record.rs"]
mod record;

use std::error::Error;
use std::path::{Path, PathBuf};

use record::{Record, table, write_json};

type Outcome = Result<Vec<Record>, Box<dyn Error>>;
type Section = (&'static str, fn(usize) -> Outcome);

/// What can be measured, by name; the number is that of rounds.
const SECTIONS: [Section; 4] = [
    ("functions", functions::measure),
    ("lines", lines::measure),
    ("crates", crates::measure),
    ("clean", clean::measure),
];

/// The checkout that this is a part of.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sections = Vec::new();
    let (mut rounds, mut json) = (5, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().ok_or("--rounds needs a number")?.parse()?,
            "--json" => {
                let path = arguments.next().ok_or("--json needs a path")?;
                json = Some(PathBuf::from(path));
            }
            name => {
                let section = SECTIONS.iter().find(|section| section.0 == name);
                sections.push(section.ok_or(
                    "usage: [functions] [lines] [crates] [clean] [--rounds N] [--json PATH]",
                )?);
            }
        }
    }
    if rounds == 0 {
        return Err("--rounds must be at least 1".into());
    }
    if sections.is_empty() {
        sections.extend(&SECTIONS);
    }
    let mut records = Vec::new();
    for (name, measure) in sections {
        eprintln!("{name} ..");
        records.extend(measure(rounds)?);
    }
    print!("{}", table(&records));
    if let Some(path) = json {
        write_json(&path, &records)?;
    }
    Ok(())
}
