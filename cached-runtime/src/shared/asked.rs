//! The questions and answers of one look.

use std::collections::HashMap;
use std::iter::repeat;

use crate::clock::Moment;
use crate::remote::{
    Cell, CellState, EntryName, Fault, Found as Bytes, Incarnation, Part, Proof, Read, Reading,
    Watch,
};

use super::Shared;
use super::believed::Believed;
use super::deps::{Backing, FEW};
use crate::tags::Number;

/// All that was asked and answered during one look.
#[derive(Default)]
pub(super) struct Asked<'a> {
    next: Read,
    /// Where in `states` the cells are that `next` asks for.
    wanted: Vec<usize>,
    pub(super) found: Vec<Bytes>,
    states: Vec<Known>,
    /// Who knows tokens without a question, where that will do.
    watch: Option<&'a Watch>,
    /// Where in `states` a cell is, once there are many.
    places: HashMap<Cell, usize, foldhash::fast::RandomState>,
    pub(super) since: Option<Moment>,
    servers: Vec<Incarnation>,
}

/// One cell.
struct Known {
    cell: Cell,
    /// `None` until it is answered.
    state: Option<CellState>,
    /// Nobody was asked: the number of the question that told it.
    by_view: Option<Number>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(since: Moment, watch: Option<&'a Watch>) -> Self {
        Self {
            since: Some(since),
            watch,
            ..Self::default()
        }
    }

    /// With what was asked and answered already, in one trip.
    pub(super) fn answered(since: Moment, cells: Vec<Cell>, reading: Reading) -> Self {
        let states = reading.cells.into_iter().map(Some).chain(repeat(None));
        let known = cells.into_iter().zip(states).map(|(cell, state)| Known {
            cell,
            state,
            by_view: None,
        });
        let states: Vec<Known> = known.collect();
        let places = states.iter().enumerate();
        let places = places.map(|(at, known)| (known.cell.clone(), at));
        Self {
            since: Some(since),
            found: reading.entries.into_iter().collect(),
            places: if states.len() < FEW {
                HashMap::default()
            } else {
                places.collect()
            },
            states,
            servers: reading.incarnation.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Some of the answers were believed and not asked for.
    pub(super) fn resting_on(mut self, watch: &'a Watch, believed: &Believed) -> Self {
        for (known, number) in self.states.iter_mut().zip(believed.numbers()) {
            known.by_view = number;
        }
        self.watch = Some(watch);
        self
    }

    pub(super) fn entry(&mut self, name: &EntryName, part: Part) -> usize {
        self.next.entries.push((name.clone(), part));
        self.found.len() + self.next.entries.len() - 1
    }

    pub(super) fn cell(&mut self, cell: &Cell) {
        if self.place(cell).is_some() {
            return;
        }
        let view = self.watch.and_then(|watch| watch.view(cell));
        self.states.push(Known {
            cell: cell.clone(),
            state: view.map(|(proof, _)| CellState::Current(proof)),
            by_view: view.map(|(_, number)| number),
        });
        if view.is_none() {
            self.want(self.states.len() - 1);
        }
        match self.states.len() {
            FEW => {
                let places = self.states.iter().enumerate();
                self.places = places.map(|(at, known)| (known.cell.clone(), at)).collect();
            }
            many if many > FEW => {
                self.places.insert(cell.clone(), many - 1);
            }
            _ => {}
        }
    }

    fn want(&mut self, place: usize) {
        self.next.cells.push(self.states[place].cell.clone());
        self.wanted.push(place);
    }

    /// As [`cell`](Self::cell), for what should hold this token: a view that says otherwise may be
    /// the older of the two, so the store is asked.
    pub(super) fn cell_with(&mut self, cell: &Cell, proof: Proof) {
        self.cell(cell);
        let Some(place) = self.place(cell) else {
            return;
        };
        let known = &mut self.states[place];
        if known.by_view.is_some() && known.state != Some(CellState::Current(proof)) {
            (known.state, known.by_view) = (None, None);
            self.want(place);
        }
    }

    fn place(&self, cell: &Cell) -> Option<usize> {
        if self.states.len() < FEW {
            return self.states.iter().position(|known| known.cell == *cell);
        }
        self.places.get(cell).copied()
    }

    pub(super) fn wants_more(&self) -> bool {
        !self.next.entries.is_empty() || !self.next.cells.is_empty()
    }

    pub(super) async fn send(&mut self, shared: &Shared) -> Result<(), Fault> {
        let (read, wanted) = (
            std::mem::take(&mut self.next),
            std::mem::take(&mut self.wanted),
        );
        let number = self.watch.map(Watch::asking);
        let reading = shared.remote.read(read).await?;
        self.found.extend(reading.entries);
        self.servers.extend(reading.incarnation);
        for (place, read) in wanted.into_iter().zip(reading.cells) {
            let known = &mut self.states[place];
            known.state = Some(read);
            if let (Some(watch), Some(asked)) = (self.watch, number.zip(reading.incarnation)) {
                watch.learn(&known.cell, read, asked);
            }
        }
        Ok(())
    }

    pub(super) fn state(&self, cell: &Cell) -> CellState {
        let place = self.place(cell);
        place
            .and_then(|place| self.states[place].state)
            .unwrap_or(CellState::Missing)
    }

    /// The oldest question on which the answers rest, if one was asked before this look.
    pub(super) fn oldest(&self) -> Option<Number> {
        self.states.iter().filter_map(|known| known.by_view).min()
    }

    pub(super) fn server(&self) -> Option<Incarnation> {
        let (first, others) = self.servers.split_first()?;
        others.iter().all(|other| other == first).then_some(*first)
    }

    /// Whether all of these cells are answered.
    pub(super) fn knows(&self, backing: &Backing) -> bool {
        let mut proofs = backing.proofs.iter();
        proofs.all(|(cell, _)| {
            self.place(cell)
                .is_some_and(|place| self.states[place].state.is_some())
        })
    }

    /// Asks for what the tags had before that are not what they were.
    pub(super) fn marks(&mut self, backing: &Backing) {
        for (cell, proof) in backing.proofs.iter() {
            if self.state(cell) != CellState::Current(*proof)
                && let Some(mark) = cell.mark()
            {
                self.cell(&mark);
            }
        }
    }

    /// Whether tokens are what they were, or were so before a soft invalidation.
    pub(super) fn confirms_softly(&self, backing: &Backing) -> bool {
        let mut proofs = backing.proofs.iter();
        proofs.all(|(cell, proof)| {
            let current = CellState::Current(*proof);
            let marked = || cell.mark().is_some_and(|mark| self.state(&mark) == current);
            self.state(cell) == current || marked()
        })
    }

    pub(super) fn confirms(&self, backing: &Backing) -> bool {
        let mut proofs = backing.proofs.iter();
        proofs.all(|(cell, proof)| self.state(cell) == CellState::Current(*proof))
    }
}
