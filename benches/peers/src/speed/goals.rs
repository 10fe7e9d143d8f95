//! The goals of this library, each with what was measured; and why those are missed that are.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::record::{Record, figure, floor};

/// `P1` to this one.
const LAST: u32 = 20;

/// A line for each goal that is missed, such as `- P8: the reason`.
const NOTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/notes.md");

fn number(record: &Record) -> Option<u32> {
    record.goal_id.strip_prefix('P')?.parse().ok()
}

/// All rows, in the order of the goals.
pub(crate) fn table(records: &[Record]) -> String {
    let mut rows: Vec<_> = records
        .iter()
        .filter_map(|record| Some((number(record)?, record)))
        .collect();
    rows.sort_by_key(|(number, _)| *number);
    let mut text = String::from(
        "| | path | cache-aside | against | measured | goal | median | best | met | floor |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (_, record) in rows {
        let met = match record.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let Record {
            goal_id,
            path,
            variant,
            against,
            measured,
            goal,
            ..
        } = record;
        let (value, best) = (figure(record.value), figure(record.best));
        let floor = record.floor.as_ref().map(floor).unwrap_or_default();
        let cells = [
            goal_id, path, variant, against, measured, goal, &value, &best, met, &floor,
        ];
        text.push_str(&row(&cells));
    }
    text
}

/// Text of a cell cannot end it.
fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// How many rows met their goal, why the others did not, and which goals have no row.
pub(crate) fn remarks(records: &[Record]) -> String {
    let with_goal = || records.iter().filter(|record| number(record).is_some());
    let met = with_goal()
        .filter(|record| record.met == Some(true))
        .count();
    let missed: Vec<_> = with_goal()
        .filter(|record| record.met == Some(false))
        .collect();
    let mut text = format!("{met} rows met their goal, {} missed it", missed.len());
    let floors = missed.iter().filter_map(|record| record.floor.as_ref());
    let floors: Vec<_> = floors.collect();
    if !floors.is_empty() {
        let missing = floors.iter().filter(|floor| !floor.meets).count();
        let _ = write!(
            text,
            "; {missing} of those are missed by the floor beside them, too"
        );
    }
    text.push_str(".\n");
    let notes = std::fs::read_to_string(NOTES).unwrap_or_default();
    let notes = notes
        .lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(": "));
    let notes: BTreeMap<_, _> = notes.collect();
    let mut numbers: Vec<_> = missed.iter().filter_map(|record| number(record)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for missed in numbers {
        let goal = format!("P{missed}");
        let note = notes.get(&*goal).copied();
        let note = note.unwrap_or("the reason is not known yet.");
        let line = format!("\n- **{goal}**: {note}");
        text.push_str(&line);
    }
    let known: Vec<_> = with_goal().filter_map(number).collect();
    let absent = (1..=LAST).filter(|number| !known.contains(number));
    for absent in absent {
        let goal = format!("P{absent}");
        let note = notes.get(&*goal).copied().unwrap_or("not measured.");
        let _ = write!(text, "\n- **{goal}**, not among these results: {note}");
    }
    text.push('\n');
    text
}
