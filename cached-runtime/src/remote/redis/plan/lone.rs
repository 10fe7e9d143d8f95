//! A look-up that goes by itself and wants nothing in part, as most do: one command, and what it gives comes in the
//! order in which it was asked for.

use super::super::error::Trouble;
use super::super::names::Names;
use super::super::session::{Packed, Part as Came, Replies};
use super::super::tokens::state_of;
use super::{KEYS, expect_master};
use crate::remote::{Cell, CellState, Few, Found, Incarnation, Part, Read, Reading, ServerTime};

/// Of what stands around a name: its length, and what kind of name it is.
const AROUND: usize = 48;

/// Its commands, if it is such a look-up.
pub(in super::super) fn commands(names: &Names, what: &Read, role: bool) -> Option<Packed> {
    let Read { entries, cells } = what;
    let count = entries.len() + cells.len();
    if count > KEYS || entries.iter().any(|(_, part)| *part != Part::Whole) {
        return None;
    }
    let entries_len = entries.iter().map(|(entry, _)| entry.as_str().len());
    let text: usize = entries_len.chain(cells.iter().map(Cell::text_len)).sum();
    let mut commands = Packed::with_capacity(text + (count + 2) * AROUND);
    commands.begin("MGET", count);
    for (entry, _) in entries {
        commands.word(names.value(entry).parts());
    }
    for cell in cells {
        names.with_cell(cell, |name| commands.word(name.parts()));
    }
    if role {
        commands.wait();
    }
    Some(commands)
}

/// What it found.
pub(in super::super) fn deal(
    what: &Read,
    mut replies: Replies,
    role: bool,
    (incarnation, now): (Incarnation, ServerTime),
) -> Result<Reading, Trouble> {
    let Read { entries, cells } = what;
    if replies.list()? != entries.len() + cells.len() {
        return Err(Trouble::garbled());
    }
    let mut reading = Reading {
        entries: Few::with_capacity(entries.len()),
        cells: Few::with_capacity(cells.len()),
        incarnation: Some(incarnation),
    };
    for _ in entries {
        // A value of another type is nothing.
        let bytes = match replies.part()? {
            Came::Text(text) => Some(replies.chunk(text)),
            _ => None,
        };
        reading.entries.push(Found {
            bytes,
            incarnation,
            now,
        });
    }
    for _ in cells {
        let state = match replies.part()? {
            Came::Text(text) => state_of(replies.bytes(text), incarnation),
            _ => CellState::Missing,
        };
        reading.cells.push(state);
    }
    if role {
        expect_master(&mut replies)?;
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::EntryName;
    use crate::remote::redis::plan::Plan;

    fn read(entries: &[(&str, Part)], cells: &[&str]) -> Read {
        let entries = entries.iter();
        Read {
            entries: entries
                .map(|(name, part)| (EntryName::new(*name), *part))
                .collect(),
            cells: cells.iter().map(|tag| Cell::Tag((*tag).into())).collect(),
        }
    }

    #[test]
    fn p11_who_goes_alone_asks_what_it_would_ask_among_others() {
        let names = Names::new("n");
        let whole = Part::Whole;
        for read in [
            read(&[("k", whole)], &[]),
            read(
                &[("k", whole)],
                &["a", "{b}", "long enough for two digits, as most are"],
            ),
            read(&[("one", whole), ("two", whole)], &["a"]),
            read(&[], &["a"]),
        ] {
            for role in [true, false] {
                let alone = commands(&names, &read, role).unwrap();
                let among = Plan::new(&names, std::slice::from_ref(&read)).commands(role);
                assert_eq!(alone.count(), among.count());
                assert_eq!(alone.into_bytes(), among.into_bytes());
            }
        }
        assert!(commands(&names, &read(&[("k", Part::Identity)], &[]), true).is_none());
        assert!(commands(&names, &read(&[], &["a"; KEYS + 1]), true).is_none());
    }

    const MASTER: &str = ":2\r\n";
    const HERE: (Incarnation, ServerTime) = (Incarnation(1), ServerTime(5));

    fn dealt(read: &Read, replies: &str, role: bool) -> Result<Reading, Trouble> {
        let replies = Replies::new(replies.as_bytes());
        deal(read, replies, role, HERE)
    }

    #[test]
    fn each_finds_its_own() {
        let read = read(
            &[
                ("one", Part::Whole),
                ("two", Part::Whole),
                ("three", Part::Whole),
            ],
            &["a", "b"],
        );
        let token = "\0three-times-six";
        let replies =
            format!("*5\r\n$3\r\nfir\r\n$-1\r\n$4\r\nlast\r\n$16\r\n{token}\r\n$-1\r\n{MASTER}");
        let Reading {
            entries,
            cells,
            incarnation,
        } = dealt(&read, &replies, true).unwrap();
        let bytes: Vec<_> = entries.iter().map(|found| found.bytes.as_deref()).collect();
        assert_eq!(bytes, [Some(&b"fir"[..]), None, Some(b"last")]);
        assert_eq!(
            cells[..],
            [state_of(token.as_bytes(), HERE.0), CellState::Missing]
        );
        assert_ne!(cells[0], CellState::Missing);
        assert_eq!(incarnation, Some(HERE.0));
        assert!(
            entries
                .iter()
                .all(|found| (found.incarnation, found.now) == HERE)
        );
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let read = read(&[("k", Part::Whole)], &["a"]);
        let reading = dealt(&read, "*2\r\n$-1\r\n$-1\r\n", false).unwrap();
        assert_eq!(reading.entries[0].bytes, None);
        assert_eq!(reading.cells[..], [CellState::Missing]);
    }

    #[test]
    fn f3_nothing_counts_unless_it_came_from_a_master() {
        let read = read(&[("k", Part::Whole)], &[]);
        let why = |rest: &str, role| {
            dealt(&read, &format!("*1\r\n$1\r\nv\r\n{rest}"), role)
                .unwrap_err()
                .why()
        };
        assert_eq!(
            why(
                "-ERR WAIT cannot be used with replica instances. Please also note\r\n",
                true
            ),
            "not a master"
        );
        assert_eq!(
            why("-LOADING Redis is loading\r\n", true),
            "loading its data"
        );
        for garbled in ["$1\r\n1\r\n", "*1\r\n:1\r\n", "+OK\r\n", ""] {
            assert_eq!(why(garbled, true), "the reply cannot be read", "{garbled}");
        }
        for list in ["*2\r\n$-1\r\n$-1\r\n", "*0\r\n", "*-1\r\n"] {
            let why = dealt(&read, list, false).unwrap_err().why();
            assert_eq!(why, "the reply cannot be read", "{list}");
        }
        let denied = dealt(
            &read,
            "-NOPERM no permissions to run the 'mget' command\r\n",
            false,
        );
        assert_eq!(denied.unwrap_err().why(), "no permission for MGET");
    }
}
