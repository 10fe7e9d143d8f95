//! A glimpse of many keys at once: each cell is asked for once.

use std::collections::HashMap;
use std::ops::Range;

use crate::clock::Moment;
use crate::remote::{Cell, CellState, EntryName, LeaseId, Part, Read, Reading};

use super::Shared;
use super::deps::{Backing, Seen, Share, Sight};
use super::glimpse::{Witness, valid};
use super::look::Legible;

/// Keys, and all that is asked about them in one trip.
pub(super) struct Glance<'a> {
    keys: Vec<Key<'a>>,
    cells: Vec<Cell>,
    /// Where in `cells` those of each key are, one key after another.
    places: Vec<usize>,
}

struct Key<'a> {
    share: &'a Share,
    part: Part,
    /// Where in `places` are the cells that its answers depend on; behind them, up to the next key,
    /// are its families.
    depends_on: Range<usize>,
    end: usize,
}

impl<'a> Glance<'a> {
    pub(super) fn new(tier: &Shared, shares: impl ExactSizeIterator<Item = &'a Share>) -> Self {
        let mut glance = Self {
            keys: Vec::with_capacity(shares.len()),
            cells: Vec::new(),
            places: Vec::new(),
        };
        // One key names nothing twice, or it does not matter.
        let mut known = (shares.len() > 1).then(HashMap::default);
        for share in shares {
            let recalled = share.open_ended.then(|| tier.memory.recall(&share.name));
            let deps = &share.deps;
            let recalled = recalled.iter().flat_map(|cells| cells.iter());
            let recalled = recalled.filter(|cell| !deps.known.contains(cell));
            let start = glance.places.len();
            let expected = deps.known.len() + deps.families.len();
            glance.cells.reserve(expected);
            glance.places.reserve(expected);
            glance.add(start, deps.known.iter().chain(recalled), known.as_mut());
            let depends_on = start..glance.places.len();
            glance.add(start, deps.families.iter(), known.as_mut());
            glance.keys.push(Key {
                share,
                part: tier.late.part(&share.name, share.largest, &tier.clock),
                depends_on,
                end: glance.places.len(),
            });
        }
        glance
    }

    /// `start` is where the places of this key begin.
    fn add<'c>(
        &mut self,
        start: usize,
        cells: impl Iterator<Item = &'c Cell>,
        known: Option<&mut HashMap<Cell, usize, foldhash::fast::RandomState>>,
    ) {
        let Some(known) = known else {
            for cell in cells {
                self.places.push(self.cells.len());
                self.cells.push(cell.clone());
            }
            return;
        };
        let before = self.keys.last().map_or(0, |key| key.depends_on.start);
        for cell in cells {
            // The tags of one function stand at the same places.
            let alike = self.places.get(before + self.places.len() - start);
            let place = match alike {
                Some(&place) if self.cells[place].is_same(cell) => place,
                _ => *known.entry(cell.clone()).or_insert(self.cells.len()),
            };
            if place == self.cells.len() {
                self.cells.push(cell.clone());
            }
            self.places.push(place);
        }
    }

    pub(super) fn question(&self) -> Read {
        let entry = |key: &Key<'_>| (key.share.name.clone(), key.part);
        Read {
            entries: self.keys.iter().map(entry).collect(),
            cells: self.cells.clone(),
        }
    }

    /// Those of which all was asked, and no answer came.
    pub(super) fn late(&self) -> Vec<(&'a EntryName, Part)> {
        let late = self.keys.iter().map(|key| (&key.share.name, key.part));
        late.collect()
    }

    /// The entry of a key, taken out of the answer, if it is valid.
    pub(super) fn valid(&self, at: usize, reading: &mut Reading) -> Option<(Legible, Witness)> {
        let Key {
            share,
            part: Part::Whole,
            ref depends_on,
            ..
        } = self.keys[at]
        else {
            return None;
        };
        let places = &self.places[depends_on.clone()];
        let Reading { entries, cells, .. } = reading;
        let cell = |at: usize| self.cell(places[at], cells);
        valid(share, entries.get_mut(at)?, places.len(), cell)
    }

    fn cell(&self, place: usize, states: &[CellState]) -> (&Cell, Option<CellState>) {
        (&self.cells[place], states.get(place).copied())
    }

    /// What such an entry rests on.
    pub(super) fn backing(&self, at: usize, witness: &Witness, states: &[CellState]) -> Backing {
        let places = &self.places[self.keys[at].depends_on.clone()];
        witness.of(places.iter().map(|&place| self.cell(place, states)))
    }

    /// Whether an entry has the tokens that were expected of it.
    pub(super) fn expected(&self, at: usize, witness: &Witness) -> bool {
        self.keys[at].depends_on.len() == witness.tokens
    }

    /// What was seen of a key.
    pub(super) fn sight(
        &self,
        at: usize,
        entry: LeaseId,
        states: &[CellState],
        since: Moment,
    ) -> Sight {
        let key = &self.keys[at];
        let seen = self.places[key.depends_on.start..key.end].iter();
        let state = |place: usize| states.get(place).copied().unwrap_or(CellState::Missing);
        let seen = seen.map(|&place| (self.cells[place].clone(), state(place)));
        Sight {
            entry: Some(entry),
            cells: Seen(seen.collect()),
            since: Some(since),
        }
    }

    /// How much of each entry was asked for.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.keys.iter().map(|key| key.part).collect()
    }

    pub(super) fn into_cells(self) -> Vec<Cell> {
        self.cells
    }
}

#[cfg(test)]
mod tests;
