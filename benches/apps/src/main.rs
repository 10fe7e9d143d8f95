//! What takes more than a loop to measure: a web server under load, two processes that wait for each other, and readers
//! that race writers.
//!
//! `cargo run --release --manifest-path benches/apps/Cargo.toml` does all three and prints a table; `-- mixed`, `-- wake` or
//! `-- races` does one, and `-- --json FILE` writes the figures as JSON lines besides. The server is the
//! one that `CACHE_ASIDE_REDIS_BIN` names, that on `PATH`, or one that is unpacked for it.

mod mixed;
#[path = "../../../tests/integration/support/obtain.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod obtain;
mod process;
mod races;
#[path = "../../speed/record.rs"]
mod record;
#[path = "../../speed/server.rs"]
#[allow(dead_code, reason = "not everything is used by every program")]
mod server;
#[path = "../../speed/subject.rs"]
#[allow(dead_code, reason = "not everything is used by every program")]
mod subject;
#[path = "../../../tests/integration/support/unpack.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod unpack;
mod wake;

use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;

use crate::record::Record;
use crate::server::Server;

/// What is measured, against a server that is empty at first.
type Measure = fn(&Server) -> Result<Vec<Record>>;

const USAGE: &str = "usage: [mixed|wake|races] [--json FILE]";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [mixed::SITE, kind, url] => mixed::site(kind, url),
        [mixed::LOAD, address, connections, misses, seconds] => {
            mixed::load([address, connections, misses, seconds])
        }
        [wake::FILLER, url] => wake::filler(url),
        [wake::WAITER, url] => wake::waiter(url),
        [races::WRITER, url] => races::writer(url),
        _ => measure(&arguments),
    }
}

fn measure(arguments: &[&str]) -> Result<()> {
    let (mut only, mut json) = (None, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "mixed" | "wake" | "races" => only = Some(*argument),
            "--json" => json = arguments.next().map(PathBuf::from),
            _ => return Err(Error::new(ErrorKind::InvalidInput, USAGE)),
        }
    }
    let mut records: Vec<Record> = Vec::new();
    let all: [(&str, Measure); 3] = [
        ("mixed", mixed::measure),
        ("wake", wake::measure),
        ("races", races::measure),
    ];
    for (name, measure) in all {
        if only.is_none_or(|only| only == name) {
            let server = Server::start()?;
            eprintln!("{name}, {}", server.version());
            records.extend(measure(&server)?);
        }
    }
    print!("{}", record::table(&records));
    if let Some(path) = json {
        record::write_json(&path, &records)?;
    }
    Ok(())
}
