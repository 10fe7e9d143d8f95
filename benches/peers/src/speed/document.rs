//! `docs/benchmarks.md`: the text of `document.md`, with what was measured where a line names it in double braces.

use std::fmt::Write;
use std::io::Result;
use std::path::{Path, PathBuf};

use crate::results::{Results, read_lines};
use crate::{counted, goals, plot};

/// Read when it is needed, like the notes: to change a word takes no build.
const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/speed/document.md");

pub(crate) fn write(results: &Results, more: &[PathBuf]) -> Result<()> {
    let mut records = results.all.records.clone();
    for path in more {
        records.extend(read_lines(path)?);
    }
    records.extend(counted::records()?);
    let parts = [
        ("facts", facts(results)),
        ("versions", results.machine.versions.join(", ")),
        ("tables", tables(results)),
        ("goals", goals::table(&records)),
        ("remarks", goals::remarks(&records)),
    ];
    let mut text = std::fs::read_to_string(TEXT)?;
    for (name, part) in parts {
        text = text.replace(&format!("{{{{{name}}}}}"), part.trim_end());
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = here.ancestors().nth(2).unwrap_or(here).join("docs");
    std::fs::write(docs.join("benchmarks.md"), text)?;
    std::fs::write(docs.join("benchmarks.svg"), plot::draw(results))
}

fn facts(results: &Results) -> String {
    let machine = &results.machine;
    let effort = if results.quick {
        "**A short run (`--quick`), with few rounds: for trial only.** "
    } else {
        ""
    };
    let mut text = format!(
        "{effort}Measured on {} in {} s: {}, {} cores, Linux {}, {}, {}. Load average {} at the start and {} at the end, of which\n\
         the program itself is a part; more than the number of cores at the start means that others were at work.",
        machine.date,
        results.seconds,
        machine.cpu,
        machine.cores,
        machine.kernel,
        results.all.server,
        machine.compiler,
        machine.load_at_the_start,
        machine.load_at_the_end,
    );
    if !results.failed.is_empty() {
        let _ = write!(
            text,
            " Sections that failed: {}.",
            results.failed.join(", ")
        );
    }
    text
}

/// One for each path; systems as they were measured, this library first.
fn tables(results: &Results) -> String {
    let mut text = String::new();
    for path in results.paths() {
        let title = capitalized(&path[0].path);
        let _ = write!(
            text,
            "### {title}\n\n| | median | best | times as long as cache-aside | by best |\n|---|---:|---:|---:|---:|\n"
        );
        for timing in path {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.2} | {:.2} |",
                timing.system,
                time(timing.median),
                time(timing.best),
                timing.median / path[0].median,
                timing.best / path[0].best,
            );
        }
        text.push('\n');
    }
    text
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds >= 10_000.0 {
        format!("{:.1} us", nanoseconds / 1_000.0)
    } else {
        format!("{nanoseconds:.0} ns")
    }
}
