//! The table in the document, and what was observed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::cells::{Came, Cell, Column, Time};
use super::process::Counters;
use super::row::Row;

const BEGIN: &str = "<!-- begin: what happens when -->\n";
const END: &str = "<!-- end: what happens when -->\n";

/// What comes of a read, in a few words, and what is counted of it. Nothing else is.
const WORDS: &[(&str, &[(&str, u64)])] = &[
    ("hit", &[("hits", 1)]),
    ("remote hit", &[("hits", 1), ("remote_hits", 1)]),
    ("load", &[("misses", 1), ("loads", 1), ("stored", 1)]),
    (
        "own load",
        &[
            ("misses", 1),
            ("unshared", 1),
            ("loads", 1),
            ("not_stored", 1),
        ],
    ),
    (
        "load, not stored",
        &[("misses", 1), ("loads", 1), ("not_stored", 1)],
    ),
    (
        "corrupt, load",
        &[("corrupt", 1), ("misses", 1), ("loads", 1), ("stored", 1)],
    ),
    (
        "stale, load behind",
        &[("stale", 1), ("refreshes", 1), ("loads", 1), ("stored", 1)],
    ),
    (
        "stale, own load behind",
        &[
            ("stale", 1),
            ("refreshes", 1),
            ("unshared", 1),
            ("loads", 1),
            ("not_stored", 1),
        ],
    ),
    (
        "stale, load behind, not stored",
        &[
            ("stale", 1),
            ("refreshes", 1),
            ("loads", 1),
            ("not_stored", 1),
        ],
    ),
    (
        "failed load, stale",
        &[
            ("misses", 1),
            ("loads", 1),
            ("load_errors", 1),
            ("stale", 1),
        ],
    ),
    (
        "failed own load, stale",
        &[
            ("misses", 1),
            ("unshared", 1),
            ("loads", 1),
            ("load_errors", 1),
            ("stale", 1),
        ],
    ),
    (
        "error of the load",
        &[("misses", 1), ("loads", 1), ("load_errors", 1)],
    ),
    (
        "error of the own load",
        &[
            ("misses", 1),
            ("unshared", 1),
            ("loads", 1),
            ("load_errors", 1),
        ],
    ),
    (
        "remote hit; load",
        &[
            ("hits", 1),
            ("remote_hits", 1),
            ("misses", 1),
            ("loads", 1),
            ("stored", 1),
        ],
    ),
    (
        "remote hit; load, not stored",
        &[
            ("hits", 1),
            ("remote_hits", 1),
            ("misses", 1),
            ("loads", 1),
            ("not_stored", 1),
        ],
    ),
    (
        "remote hit; own load",
        &[
            ("hits", 1),
            ("remote_hits", 1),
            ("misses", 1),
            ("unshared", 1),
            ("loads", 1),
            ("not_stored", 1),
        ],
    ),
    (
        "corrupt; 2 in a load",
        &[("corrupt", 1), ("misses", 2), ("loads", 2), ("stored", 2)],
    ),
    ("2 in a load", &[("misses", 2), ("loads", 2), ("stored", 2)]),
    (
        "2 in an own load",
        &[
            ("misses", 2),
            ("unshared", 2),
            ("loads", 2),
            ("not_stored", 2),
        ],
    ),
];

/// Fails with the difference; or writes the document, if that is asked for.
pub(super) fn compare(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md");
    let document = fs::read_to_string(&path).expect("the document");
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (written, after) = rest.split_once(END).expect("where the table ends");
    let observed = render(rows);
    if written == observed {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let document = [before, BEGIN, &observed, END, after].concat();
        fs::write(&path, document).expect("the document is written");
        return;
    }
    panic!(
        "{} says something else than what was observed; `UPDATE_EXPECT=1` rewrites it:\n{}",
        path.display(),
        difference(written, &observed)
    );
}

pub(super) fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    let headings: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
    let _ = writeln!(text, "| | {} |", headings.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(headings.len()));
    let mut used = BTreeSet::new();
    for Row { fault, cells } in rows {
        let shown: Vec<_> = cells.iter().map(|cell| show(cell, &mut used)).collect();
        let _ = writeln!(text, "| {} | {} |", fault.name(), shown.join(" | "));
    }
    let _ = writeln!(text, "\n| in the table | in `Stats` |\n|---|---|");
    for (words, counts) in WORDS.iter().filter(|(words, _)| used.contains(words)) {
        let counts: Vec<_> = counts
            .iter()
            .map(|(name, n)| format!("`{name}` {n}"))
            .collect();
        let _ = writeln!(text, "| {words} | {} |", counts.join(", "));
    }
    text
}

fn show(cell: &Cell, used: &mut BTreeSet<&'static str>) -> String {
    let came = match &cell.came {
        Came::Said(said) => (*said).to_owned(),
        Came::Counted(counted) => match words(counted) {
            Some(words) => {
                used.insert(words);
                words.to_owned()
            }
            None => format!("{counted:?}"),
        },
    };
    match cell.time {
        Time::AtOnce => came,
        Time::Read => format!("{came}, **read time-out**"),
        Time::Write => format!("{came}, **write time-out**"),
        Time::Other(millis) => format!("{came}, {millis} ms"),
    }
}

fn words(counted: &Counters) -> Option<&'static str> {
    let same = |counts: &[(&str, u64)]| {
        let counts = counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        counts.collect::<Counters>() == *counted
    };
    let found = WORDS.iter().find(|(_, counts)| same(counts));
    found.map(|(words, _)| *words)
}

fn difference(written: &str, observed: &str) -> String {
    let only = |of: &str, than: &str, mark: char| {
        let lines = of
            .lines()
            .filter(|line| !than.lines().any(|other| other == *line));
        lines
            .map(|line| format!("{mark} {line}"))
            .collect::<Vec<_>>()
    };
    let lines = [only(written, observed, '-'), only(observed, written, '+')];
    lines.concat().join("\n")
}
