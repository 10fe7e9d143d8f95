//! Instructions of a local hit, as the test `instructions` counts them and holds them.

use std::io::Result;
use std::path::Path;

use crate::record::{Goal, Record};

/// Below the root of the repository: variant, instructions of the program, and with those of the C library.
const COUNTS: &str = "tests/instructions/expected.txt";

pub(crate) fn records() -> Result<Vec<Record>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    let counts = std::fs::read_to_string(root.join(COUNTS))?;
    let record = |line: &str| {
        let mut words = line.split_whitespace();
        let (variant, count) = (words.next()?, words.nth(1)?.parse::<f64>().ok()?);
        let (name, goal) = match variant {
            "arc" => ("Arc, 2 tags", Goal::AtMost(320.0)),
            "clone" => ("clone, 2 tags", Goal::AtMost(850.0)),
            "trusted-arc" => ("trusted Arc, 2 tags", Goal::None),
            "trusted-clone" => ("trusted clone, 2 tags", Goal::None),
            _ => return None,
        };
        let what = ["local hit", name, "", "instructions"];
        Some(Record::new("P7", goal, what, (count, count)))
    };
    Ok(counts.lines().filter_map(record).collect())
}
