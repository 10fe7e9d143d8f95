//! How many crates a feature brings.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::Command;

use super::Outcome;
use super::record::{Goal, Record};
use super::root;

/// Each feature by itself, and what most people take.
const SETS: [(&str, Goal); 11] = [
    ("", Goal::None),
    ("macros", Goal::AtMost(39.0)),
    ("messagepack", Goal::None),
    ("json", Goal::None),
    ("postcard", Goal::None),
    ("lz4", Goal::None),
    ("zstd", Goal::None),
    ("test-util", Goal::None),
    ("redis", Goal::AtMost(90.0)),
    ("macros,messagepack,redis", Goal::AtMost(90.0)),
    (
        "macros,messagepack,redis,json,postcard,lz4,zstd",
        Goal::None,
    ),
];

/// As `tests/docs.rs` counts them: with what only build scripts use, where `edges` has it.
fn count(features: &str, edges: &str) -> Result<u32, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package=cache-aside", "--no-default-features"])
        .args([format!("--features={features}"), format!("--edges={edges}")])
        .args(["--prefix=none", "--format={p}"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let tree = String::from_utf8(output.stdout)?;
    let crates: BTreeSet<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect();
    Ok(u32::try_from(crates.len())?)
}

pub(crate) fn measure(_: usize) -> Outcome {
    let mut records = Vec::new();
    for (features, goal) in SETS {
        let name = if features.is_empty() {
            "no feature"
        } else {
            features
        };
        let with_redis = features.contains("redis");
        for (edges, what) in [
            ("no-dev", "crates"),
            ("normal", "crates, build scripts' own not counted"),
        ] {
            // With Redis what only build scripts use is not what the goal is about.
            let meant = (edges == "normal") == with_redis && goal != Goal::None;
            let count = f64::from(count(features, edges)?);
            records.push(Record::new(
                if meant { "P18" } else { "" },
                if meant { goal } else { Goal::None },
                ["dependencies", name, "", what],
                (count, count),
            ));
        }
    }
    Ok(records)
}
