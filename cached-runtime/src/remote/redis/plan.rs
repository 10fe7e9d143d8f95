//! Which commands answer some look-ups, and which reply belongs to whom.

use std::collections::HashMap;
use std::ops::Range;

use ::redis::Value;

use super::error::{Trouble, checked};
use super::names::{Name, Names};
use super::pair::Pair;
use super::session::{self, Command, Packed, Replies};
use super::tokens::state_of;
use crate::remote::{Cell, CellState, Chunk, EntryName, Few, Found, Part, Read, Reading};

/// No command reads more keys: others would have to wait for it.
const KEYS: usize = 256;

/// A guess of the length of a name, packed.
const NAME: usize = 48;

/// Of an entry's name, mostly.
const ENTRY: usize = 112;

/// Where the entry's identity is, and the incarnation it belongs to.
const IDENTITY: (u64, u64) = (16, 31);

/// Where the reply to what is already asked for will be.
type Known<'a> = HashMap<Target<'a>, usize, foldhash::fast::RandomState>;

/// The commands for some look-ups. What several of them ask for is read once.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What reads entries and cells as a whole.
    whole: Vec<Command>,
    /// What reads in part, one entry each.
    parts: Vec<Command>,
    /// For each look-up and entry, then for each look-up and cell, where its reply is.
    places: Vec<usize>,
    role: bool,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Target<'a> {
    Entry(&'a EntryName),
    Beginning(&'a EntryName, usize),
    Identity(&'a EntryName),
    Cell(&'a Cell),
}

/// What came, and where in it the parts are that were asked for.
struct Came {
    replies: Replies,
    whole: Vec<session::Part>,
    parts: Vec<session::Part>,
}

impl Plan {
    pub(super) fn new(names: &Names, what: &[Read]) -> Self {
        let size = |read: &Read| read.entries.len() + read.cells.len();
        let most = what.iter().map(size).sum();
        let mut plan = Self {
            places: Vec::with_capacity(most),
            ..Self::default()
        };
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
                    Some(place) => plan.places.push(place),
                    None => plan.ask(names, Target::Cell(cell), known.as_mut()),
                }
            }
            last = Some((read, first));
        }
        plan
    }

    fn ask<'a>(&mut self, names: &Names, target: Target<'a>, known: Option<&mut Known<'a>>) {
        let new = match target {
            Target::Entry(_) | Target::Cell(_) => self.wholes(),
            Target::Identity(_) | Target::Beginning(..) => self.parts.len(),
        };
        let place = known.map_or(new, |known| *known.entry(target).or_insert(new));
        self.places.push(place);
        if place < new {
            return;
        }
        match target {
            Target::Entry(entry) => self.whole(new, names.value(entry)),
            Target::Cell(cell) => names.with_cell(cell, |name| self.whole(new, name)),
            Target::Identity(entry) => self.part(names.value(entry), IDENTITY),
            // There is no range without a byte: one too many is read then. And the server's
            // numbers have a sign.
            Target::Beginning(entry, most) => {
                let last = most.saturating_sub(1).min(isize::MAX.unsigned_abs());
                self.part(names.value(entry), (0, last as u64));
            }
        }
    }

    /// Reads the one at this place as a whole.
    fn whole(&mut self, place: usize, name: Name<'_>) {
        if place.is_multiple_of(KEYS) {
            let left = KEYS.min(self.places.capacity() - place);
            self.whole.push(mget(left * NAME + ENTRY));
        }
        // Pushed just now, or when its first name was.
        let last = self.whole.len() - 1;
        self.whole[last].word(name.parts());
    }

    fn part(&mut self, name: Name<'_>, (first, last): (u64, u64)) {
        let mut command = Command::with_capacity("GETRANGE", ENTRY);
        command.word(name.parts()).number(first).number(last);
        self.parts.push(command);
    }

    fn wholes(&self) -> usize {
        match self.whole.as_slice() {
            [] => 0,
            [full @ .., last] => full.len() * KEYS + last.count(),
        }
    }

    /// All commands in order, `role` last.
    pub(super) fn commands(&mut self, role: bool) -> Packed {
        self.role = role;
        let all = || self.whole.iter().chain(&self.parts);
        let length: usize = all().map(|command| command.len() + NAME).sum();
        let mut commands = Packed::with_capacity(length + NAME);
        all().for_each(|command| commands.add(command));
        if role {
            commands.wait();
        }
        commands
    }

    /// Gives each look-up its replies.
    pub(super) fn deal(
        self,
        what: &[Read],
        replies: Replies,
        pair: &Pair,
    ) -> Result<Vec<Reading>, Trouble> {
        let came = self.receive(replies)?;
        let (incarnation, now) = (pair.incarnation(), pair.server_time());
        let mut places = self.places.into_iter();
        let mut readings = Vec::with_capacity(what.len());
        for read in what {
            let mut reading = Reading {
                entries: Few::with_capacity(read.entries.len()),
                cells: Few::with_capacity(read.cells.len()),
                incarnation: Some(incarnation),
            };
            for ((_, part), place) in read.entries.iter().zip(&mut places) {
                let bytes = match part {
                    Part::Whole => came.whole(place).map(|text| came.replies.chunk(text)),
                    Part::AtMost(_) | Part::Identity => came.part(place, *part)?,
                };
                reading.entries.push(Found {
                    bytes,
                    incarnation,
                    now,
                });
            }
            for (_, place) in read.cells.iter().zip(&mut places) {
                let text = came.whole(place).map(|text| came.replies.bytes(text));
                let state = text.map(|bytes| state_of(bytes, incarnation));
                reading.cells.push(state.unwrap_or(CellState::Missing));
            }
            readings.push(reading);
        }
        Ok(readings)
    }

    /// Finds what was asked for. Nothing counts unless it came from a master.
    fn receive(&self, mut replies: Replies) -> Result<Came, Trouble> {
        let mut whole = Vec::with_capacity(self.wholes());
        for command in &self.whole {
            if replies.list()? != command.count() {
                return Err(Trouble::garbled());
            }
            for _ in 0..command.count() {
                whole.push(replies.part()?);
            }
        }
        let parts = self.parts.iter().map(|_| replies.part());
        let parts = parts.collect::<Result<_, _>>()?;
        if self.role {
            expect_master(&mut replies)?;
        }
        Ok(Came {
            replies,
            whole,
            parts,
        })
    }
}

/// The next reply, to `WAIT`, is that of a master: a number, whichever it is.
fn expect_master(replies: &mut Replies) -> Result<(), Trouble> {
    replies.number().map(drop).map_err(Trouble::of_wait)
}

impl Came {
    /// A value of another type is nothing.
    fn whole(&self, place: usize) -> Option<Range<usize>> {
        match self.whole.get(place) {
            Some(session::Part::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// What is there of an entry. A value of another type is not an entry, and neither is one that
    /// is too short to have an identity.
    fn part(&self, place: usize, part: Part) -> Result<Option<Chunk>, Trouble> {
        match self.parts.get(place) {
            Some(session::Part::Text(text)) => {
                Ok(cut(text.clone(), part).map(|text| self.replies.chunk(text)))
            }
            Some(session::Part::Nothing) => Ok(None),
            Some(session::Part::Error(at)) if self.replies.is_wrong_type(*at) => Ok(None),
            Some(session::Part::Error(at)) => Err(self.replies.error(*at)),
            Some(session::Part::Other) | None => Err(Trouble::garbled()),
        }
    }
}

/// The server is asked for one byte at least, and gives fewer where there are no more.
fn cut(text: Range<usize>, part: Part) -> Option<Range<usize>> {
    let most = match part {
        Part::Whole => text.len(),
        Part::AtMost(most) => text.len().min(most),
        Part::Identity if text.len() == 16 => 16,
        Part::Identity => 0,
    };
    (most > 0).then(|| text.start..text.start + most)
}

/// The names are to be added, for which there is so much room.
pub(super) fn mget(bytes: usize) -> Command {
    Command::with_capacity("MGET", bytes)
}

/// The elements of a reply that is a list.
pub(super) fn values(reply: Option<Value>) -> Result<Vec<Value>, Trouble> {
    match checked(reply.ok_or_else(Trouble::garbled)?)? {
        Value::Array(values) => Ok(values),
        _ => Err(Trouble::garbled()),
    }
}

pub(super) mod lone;
#[cfg(test)]
mod tests;
