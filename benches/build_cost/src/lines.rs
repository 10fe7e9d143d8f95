//! Lines of what the attribute writes: those of the committed expansions, formatted as `prettyplease` does.

use std::fs;

use super::Outcome;
use super::record::{Goal, Record};
use super::root;

const GOAL: f64 = 60.0;

/// Functions as most are. The others have options that few use, or are several items in one.
const TYPICAL: [&str; 4] = ["free_function", "generic", "method", "soft"];

pub(crate) fn measure(_: usize) -> Outcome {
    let mut records = Vec::new();
    let mut paths = fs::read_dir(root().join("cached-macro/tests/snapshots"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        let name = path
            .file_stem()
            .ok_or("a name")?
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path)?;
        let lines = u32::try_from(text.lines().count())?;
        let typical = TYPICAL.contains(&name.as_str());
        records.push(Record::new(
            if typical { "P18" } else { "" },
            if typical {
                Goal::AtMost(GOAL)
            } else {
                Goal::None
            },
            ["expansion", &name, "", "lines, with the function itself"],
            (f64::from(lines), f64::from(lines)),
        ));
    }
    Ok(records)
}
