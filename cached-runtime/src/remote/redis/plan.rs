//! Which commands answer some look-ups, and which reply belongs to whom.

use std::collections::HashMap;

use ::redis::{Cmd, Pipeline, Value, cmd};

use super::error::{Trouble, checked};
use super::names::Names;
use super::pair::{Pair, expect_master};
use super::tokens::state;
use crate::remote::{Cell, EntryName, Found, Part, Read, Reading};

/// No command reads more keys: others would have to wait for it.
const KEYS: usize = 256;

/// A guess of the length of a name.
const NAME: usize = 48;

/// Where the entry's identity is, and the incarnation it belongs to.
const IDENTITY: (usize, usize) = (16, 31);

/// Where the reply to what is already asked for will be.
type Known<'a> = HashMap<Target<'a>, usize, foldhash::fast::RandomState>;

/// The commands for some look-ups. What several of them ask for is read once.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is read as a whole: entries and cells.
    whole: Lot,
    /// What is read in part.
    parts: Lot,
    /// For each look-up and entry, then for each look-up and cell, where its reply is.
    places: Vec<usize>,
    role: bool,
    /// For names on their way into a command.
    name: String,
}

/// What is read by the same command, and how many still want the reply of each.
#[derive(Debug, Default)]
struct Lot {
    commands: Vec<Cmd>,
    wanted: Vec<usize>,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Target<'a> {
    Entry(&'a EntryName),
    Beginning(&'a EntryName, usize),
    Identity(&'a EntryName),
    Cell(&'a Cell),
}

impl Plan {
    pub(super) fn new(names: &Names, what: &[Read]) -> Self {
        let size = |read: &Read| read.entries.len() + read.cells.len();
        let most = what.iter().map(size).sum();
        let mut plan = Self {
            places: Vec::with_capacity(most),
            name: String::with_capacity(128),
            ..Self::default()
        };
        plan.whole.wanted.reserve(most);
        // A single look-up names nothing twice, or it does not matter.
        let mut known = (what.len() > 1)
            .then(|| Known::with_capacity_and_hasher(most, foldhash::fast::RandomState::default()));
        let mut last: Option<(&Read, usize)> = None;
        for read in what {
            for (entry, part) in &read.entries {
                match part {
                    Part::Whole => plan.ask(names, Target::Entry(entry), known.as_mut()),
                    Part::AtMost(most) => {
                        plan.ask(names, Target::Beginning(entry, *most), known.as_mut());
                    }
                    // To find out whether it is known already costs more than the few bytes.
                    Part::Identity => plan.ask(names, Target::Identity(entry), None),
                }
            }
            let first = plan.places.len();
            for (at, cell) in read.cells.iter().enumerate() {
                // Mostly it is the same function that asks: its tags stand at the same places.
                let same = last.and_then(|(read, first)| {
                    let same = read.cells.get(at)?.is_same(cell);
                    same.then(|| plan.places[first + at])
                });
                match same {
                    Some(place) => {
                        plan.whole.wanted[place] += 1;
                        plan.places.push(place);
                    }
                    None => plan.ask(names, Target::Cell(cell), known.as_mut()),
                }
            }
            last = Some((read, first));
        }
        plan
    }

    fn ask<'a>(&mut self, names: &Names, target: Target<'a>, known: Option<&mut Known<'a>>) {
        let lot = match target {
            Target::Entry(_) | Target::Cell(_) => &mut self.whole,
            Target::Identity(_) | Target::Beginning(..) => &mut self.parts,
        };
        let new = lot.wanted.len();
        let place = known.map_or(new, |known| *known.entry(target).or_insert(new));
        self.places.push(place);
        if place < new {
            lot.wanted[place] += 1;
            return;
        }
        lot.wanted.push(1);
        self.name.clear();
        match target {
            Target::Cell(cell) => names.write_cell(cell, &mut self.name),
            Target::Entry(entry) | Target::Identity(entry) | Target::Beginning(entry, _) => {
                names.write_value(entry, &mut self.name);
            }
        }
        let range = match target {
            Target::Entry(_) | Target::Cell(_) => {
                if new.is_multiple_of(KEYS) {
                    let names = KEYS.min(self.places.capacity() - new);
                    let mut command = Cmd::with_capacity(names + 1, (names + 1) * NAME);
                    command.arg("MGET");
                    lot.commands.push(command);
                }
                if let Some(command) = lot.commands.last_mut() {
                    command.arg(&self.name);
                }
                return;
            }
            Target::Identity(_) => IDENTITY,
            // There is no range without a byte: one too many is read then. And the server's
            // numbers have a sign.
            Target::Beginning(_, most) => {
                (0, most.saturating_sub(1).min(isize::MAX.unsigned_abs()))
            }
        };
        let mut command = cmd("GETRANGE");
        command.arg(&self.name).arg(range.0).arg(range.1);
        lot.commands.push(command);
    }

    /// All commands in one pipeline, `role` last.
    pub(super) fn commands(&mut self, role: Option<Cmd>) -> Pipeline {
        self.role = role.is_some();
        let count = self.whole.commands.len() + self.parts.commands.len() + 1;
        let mut commands = Pipeline::with_capacity(count);
        let all = self.whole.commands.drain(..);
        for command in all.chain(self.parts.commands.drain(..)).chain(role) {
            commands.add_command(command);
        }
        commands
    }

    /// Gives each look-up its replies.
    pub(super) fn deal(
        mut self,
        what: &[Read],
        replies: Vec<Value>,
        pair: &Pair,
    ) -> Result<Vec<Reading>, Trouble> {
        let mut replies = replies.into_iter();
        let mut whole = Vec::new();
        while whole.len() < self.whole.wanted.len() {
            let expected = KEYS.min(self.whole.wanted.len() - whole.len());
            let values = values(replies.next())?;
            if values.len() != expected {
                return Err(Trouble::garbled());
            }
            if whole.is_empty() {
                whole = values;
            } else {
                whole.extend(values);
            }
        }
        let mut parts: Vec<_> = replies.by_ref().take(self.parts.wanted.len()).collect();
        if parts.len() != self.parts.wanted.len() {
            return Err(Trouble::garbled());
        }
        // Nothing counts unless it came from a master.
        match replies.next() {
            Some(role) => expect_master(role)?,
            None if self.role => return Err(Trouble::garbled()),
            None => {}
        }

        let (incarnation, now) = (pair.incarnation(), pair.server_time());
        let mut places = std::mem::take(&mut self.places).into_iter();
        let mut readings = Vec::with_capacity(what.len());
        for read in what {
            let mut reading = Reading {
                entries: Vec::with_capacity(read.entries.len()),
                cells: Vec::with_capacity(read.cells.len()),
                incarnation: Some(incarnation),
            };
            for ((_, part), place) in read.entries.iter().zip(&mut places) {
                let value = match part {
                    Part::Whole => self.whole.take(&mut whole, place),
                    Part::AtMost(_) | Part::Identity => self.parts.take(&mut parts, place),
                };
                reading.entries.push(Found {
                    bytes: found(value, *part)?,
                    incarnation,
                    now,
                });
            }
            for (_, place) in read.cells.iter().zip(&mut places) {
                reading.cells.push(state(&whole[place], incarnation));
            }
            readings.push(reading);
        }
        Ok(readings)
    }
}

impl Lot {
    /// The last one who wants a value gets it without a copy.
    fn take(&mut self, values: &mut [Value], place: usize) -> Value {
        self.wanted[place] -= 1;
        if self.wanted[place] == 0 {
            std::mem::take(&mut values[place])
        } else {
            values[place].clone()
        }
    }
}

pub(super) fn mget(names: &[String]) -> Cmd {
    let bytes = names.iter().map(|name| name.len() + 16).sum();
    let mut command = Cmd::with_capacity(names.len() + 1, bytes);
    command.arg("MGET").arg(names);
    command
}

/// The elements of a reply that is a list.
pub(super) fn values(reply: Option<Value>) -> Result<Vec<Value>, Trouble> {
    match checked(reply.ok_or_else(Trouble::garbled)?)? {
        Value::Array(values) => Ok(values),
        _ => Err(Trouble::garbled()),
    }
}

/// What is there of an entry. A value of another type is not an entry, and neither is one that is
/// too short to have an identity.
fn found(value: Value, part: Part) -> Result<Option<Vec<u8>>, Trouble> {
    match (value, part) {
        (Value::BulkString(bytes), Part::Whole) => Ok(Some(bytes)),
        (Value::BulkString(mut bytes), Part::AtMost(most)) => {
            bytes.truncate(most);
            Ok((!bytes.is_empty()).then_some(bytes))
        }
        (Value::BulkString(bytes), Part::Identity) => Ok((bytes.len() == 16).then_some(bytes)),
        (Value::Nil, _) => Ok(None),
        (Value::ServerError(error), _) if error.code() == "WRONGTYPE" => Ok(None),
        (value, _) => {
            checked(value)?;
            Err(Trouble::garbled())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(what: &[Read]) -> String {
        let commands = Plan::new(&Names::new("n"), what).commands(Some(cmd("ROLE")));
        String::from_utf8(commands.get_packed_pipeline()).unwrap()
    }

    #[test]
    fn p11_a_look_up_is_one_command_and_a_look_at_the_role() {
        let read = Read {
            entries: vec![(EntryName::new("k"), Part::Whole)],
            cells: vec![Cell::Tag("a".into()), Cell::Family("b".into())],
        };
        let sent = sent(&[read]);
        assert!(sent.starts_with("*4\r\n$4\r\nMGET\r\n"), "{sent}");
        assert!(sent.ends_with("*1\r\n$4\r\nROLE\r\n"), "{sent}");
        assert_eq!(sent.matches("\r\n*").count(), 1, "{sent}");
    }

    #[test]
    fn what_several_ask_for_is_read_once() {
        let read = |key: &str| Read {
            entries: vec![(EntryName::new(key), Part::Whole)],
            cells: vec![Cell::Tag("shared".into())],
        };
        let sent = sent(&[read("one"), read("two"), read("one")]);
        for name in ["n:v:{one}", "n:v:{two}", "n:t:{shared}"] {
            assert_eq!(sent.matches(name).count(), 1, "{sent}");
        }
    }

    #[test]
    fn who_asks_for_the_same_gets_the_same() {
        let mut lot = Lot {
            wanted: vec![2, 1],
            ..Lot::default()
        };
        let mut replies = [1, 2].map(Value::Int);
        for (place, reply) in [(0, 1), (1, 2), (0, 1)] {
            assert_eq!(lot.take(&mut replies, place), Value::Int(reply));
        }
    }

    #[test]
    fn the_places_of_one_function_are_known_and_those_of_others_are_found() {
        let tags: Vec<Cell> = ["a", "b", "c"].map(|name| Cell::Tag(name.into())).into();
        let read = |cells: &[usize]| Read {
            entries: Vec::new(),
            cells: cells.iter().map(|at| tags[*at].clone()).collect(),
        };
        let what = [
            read(&[0, 1]),
            read(&[0, 2]),
            read(&[2, 1, 0]),
            read(&[0, 1]),
        ];
        let plan = Plan::new(&Names::new("n"), &what);
        assert_eq!(plan.places, [0, 1, 0, 2, 2, 1, 0, 0, 1]);
        assert_eq!(plan.whole.wanted, [4, 3, 2]);
    }

    #[test]
    fn a_beginning_that_several_ask_for_is_read_once() {
        let read = |most: usize| Read {
            entries: vec![(EntryName::new("k"), Part::AtMost(most))],
            cells: Vec::new(),
        };
        let all = [read(10), read(10), read(20)];
        let sent = sent(&all);
        assert_eq!(sent.matches("GETRANGE").count(), 2, "{sent}");
        assert!(sent.contains("$1\r\n0\r\n$1\r\n9\r\n"), "{sent}");
    }

    #[test]
    fn long_look_ups_are_several_commands() {
        let read = Read {
            entries: Vec::new(),
            cells: (0..=KEYS)
                .map(|number| Cell::Tag(number.to_string().into()))
                .collect(),
        };
        assert_eq!(sent(&[read]).matches("MGET").count(), 2);
    }

    #[test]
    fn only_what_may_be_an_entry_is_one() {
        let bytes = |length: usize| Value::BulkString(vec![1; length]);
        assert_eq!(found(bytes(16), Part::Identity).unwrap().unwrap().len(), 16);
        assert!(found(bytes(15), Part::Identity).unwrap().is_none());
        assert!(found(bytes(0), Part::Identity).unwrap().is_none());
        assert_eq!(found(bytes(15), Part::AtMost(9)).unwrap(), Some(vec![1; 9]));
        assert!(found(bytes(0), Part::AtMost(9)).unwrap().is_none());
        assert!(found(bytes(1), Part::AtMost(0)).unwrap().is_none());
        assert!(found(Value::Nil, Part::Whole).unwrap().is_none());
        assert!(found(Value::Int(1), Part::Whole).is_err());
    }
}
