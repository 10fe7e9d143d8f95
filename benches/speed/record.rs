//! What came of a measurement: a line of a table, and of a file of JSON lines.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// For comparison only.
    None,
}

/// One figure. Which way is good is said by the goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Such as `P1`; empty where the figure belongs to none.
    pub(crate) goal_id: String,
    /// What a call goes through, such as `local hit`.
    pub(crate) path: String,
    /// Whose figure it is, such as `clone, 2 tags`.
    pub(crate) variant: String,
    /// What it is compared with, such as `quick_cache by hand`.
    pub(crate) against: String,
    /// What was done, and what the figure is: `10,000 keys evenly: time ratio`.
    pub(crate) measured: String,
    /// By medians.
    pub(crate) value: f64,
    /// By best rounds.
    pub(crate) best: f64,
    /// Such as `<= 1.15`; empty where there is none.
    pub(crate) goal: String,
    /// By `value`.
    pub(crate) met: Option<bool>,
    /// What the same figure is where nearly nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<Floor>,
}

/// What has to be done there at least, by something that does only that: where it misses the goal, nothing could reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Floor {
    /// Such as `quick_cache by hand`.
    pub(crate) of: String,
    /// By medians.
    pub(crate) value: f64,
    pub(crate) meets: bool,
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
            Self::None => String::new(),
        }
    }

    fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(limit) => Some(value <= limit),
            Self::AtLeast(limit) => Some(value >= limit),
            Self::None => None,
        }
    }
}

impl Record {
    /// `what` is the path, the variant, what it is against, and what was measured.
    pub(crate) fn new(
        goal_id: &str,
        goal: Goal,
        what: [&str; 4],
        (value, best): (f64, f64),
    ) -> Self {
        let [path, variant, against, measured] = what.map(str::to_owned);
        Self {
            goal_id: goal_id.to_owned(),
            path,
            variant,
            against,
            measured,
            value,
            best,
            goal: goal.text(),
            met: goal.is_met(value),
            floor: None,
        }
    }

    /// Beside a row with a goal; `goal` is that of the row.
    pub(crate) fn beside(self, of: &str, goal: Goal, value: f64) -> Self {
        let floor = goal.is_met(value).map(|meets| Floor {
            of: of.to_owned(),
            value,
            meets,
        });
        Self { floor, ..self }
    }
}

/// For reading: columns as wide as they have to be.
pub(crate) fn table(records: &[Record]) -> String {
    const TITLES: [&str; 10] = [
        "", "path", "variant", "against", "measured", "median", "best", "goal", "met", "floor",
    ];
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(records.iter().map(|record| {
        let met = record.met.map_or("", |met| if met { "yes" } else { "NO" });
        [
            record.goal_id.clone(),
            record.path.clone(),
            record.variant.clone(),
            record.against.clone(),
            record.measured.clone(),
            figure(record.value),
            figure(record.best),
            record.goal.clone(),
            met.to_owned(),
            record.floor.as_ref().map(floor).unwrap_or_default(),
        ]
    }));
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: [usize; 10] = std::array::from_fn(|at| width(at).unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let line = cells.join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub(crate) fn floor(Floor { of, value, .. }: &Floor) -> String {
    format!("{}, {of}", figure(*value))
}

/// Counts as they are, ratios with two digits after the point.
pub(crate) fn figure(value: f64) -> String {
    if value.abs() >= 100.0 || (value.fract() == 0.0 && value.abs() >= 10.0) {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// Replaces the file: one record per line.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn write_json(path: &Path, records: &[Record]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        writeln!(file)?;
    }
    file.flush()
}
