//! What came of the measurements, as it is kept between measuring and showing.

use std::fs::File;
use std::io::{BufReader, BufWriter, Result, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::measure::Rounds;
use crate::record::{Record, table};

/// Nanoseconds per call of one system on one path.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Timing {
    pub(crate) path: String,
    pub(crate) system: String,
    pub(crate) median: f64,
    pub(crate) best: f64,
}

impl Timing {
    /// Of all systems on one path. The first one is what the others are compared with.
    pub(crate) fn of(path: &str, rounds: &[(&str, &Rounds)]) -> Vec<Self> {
        let timings = rounds.iter().map(|(system, rounds)| Self {
            path: path.to_owned(),
            system: (*system).to_owned(),
            median: rounds.median(),
            best: rounds.best(),
        });
        timings.collect()
    }
}

/// What one section came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) records: Vec<Record>,
    pub(crate) timings: Vec<Timing>,
    /// Name and version of the server, where the section says it.
    pub(crate) server: String,
}

/// What all sections came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) quick: bool,
    pub(crate) seconds: u64,
    pub(crate) machine: Machine,
    pub(crate) all: Part,
    /// Sections that did not come to an end.
    pub(crate) failed: Vec<String>,
}

impl Results {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        read(path)
    }

    pub(crate) fn add(&mut self, part: Part) {
        self.all.records.extend(part.records);
        self.all.timings.extend(part.timings);
        if !part.server.is_empty() {
            self.all.server = part.server;
        }
    }

    /// Each path with its systems, in the order in which they were measured.
    pub(crate) fn paths(&self) -> Vec<&[Timing]> {
        let same = |one: &Timing, next: &Timing| one.path == next.path;
        self.all.timings.chunk_by(same).collect()
    }

    /// For whoever measures some sections only.
    pub(crate) fn print(&self) {
        for path in self.paths() {
            println!("\n{}", path[0].path);
            for timing in path {
                let ratio = timing.median / path[0].median;
                let (system, median, best) = (&timing.system, timing.median, timing.best);
                println!("{system:32}{median:12.1} ({best:.1}) ns {ratio:8.2}");
            }
        }
        println!("\n{}", table(&self.all.records));
    }
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
}

/// Replaces the file.
pub(crate) fn write(path: &Path, what: &impl Serialize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, what)?;
    writeln!(file)?;
    file.flush()
}

/// The lines of another program, one record each.
pub(crate) fn read_lines(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let records = lines.map(|line| Ok(serde_json::from_str(line)?));
    records.collect()
}

/// Where results are kept.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}

/// What other programs left there.
pub(crate) fn of_others() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
