//! What is known of cells without a question, for readers who believe in that.

use crate::clock::Moment;
use crate::remote::{Cell, CellState, Proof, Reading, Watch};
use crate::tags::Number;

/// Of some cells, in their order, the token that pushes vouch for and the number of the question that told it.
/// Empty for who believes in nothing that was not asked for.
#[derive(Debug, Default)]
pub(super) struct Believed(Box<[Option<(Proof, Number)>]>);

impl Believed {
    /// By who came no later than `at`.
    pub(super) fn of<'a>(watch: &Watch, cells: impl Iterator<Item = &'a Cell>, at: Moment) -> Self {
        Self(watch.views(cells, at).collect())
    }

    /// Those that are still to be asked for.
    pub(super) fn unknown(&self, mut cells: Vec<Cell>) -> Vec<Cell> {
        let mut known = self.0.iter().map(Option::is_some);
        cells.retain(|_| !known.next().unwrap_or(false));
        cells
    }

    /// Puts what is known between what was asked for with that number, and learns the latter. Not for who believes
    /// nothing.
    pub(super) fn complete(
        &self,
        reading: &mut Reading,
        (watch, cells, number): (&Watch, &[Cell], Number),
    ) {
        let mut read = std::mem::take(&mut reading.cells).into_iter();
        let server = reading.incarnation;
        let told = |(cell, known): (&Cell, &Option<(Proof, Number)>)| {
            if let Some((proof, _)) = known {
                return CellState::Current(*proof);
            }
            let state = read.next().unwrap_or(CellState::Missing);
            if let Some(server) = server {
                watch.learn(cell, state, (number, server));
            }
            state
        };
        reading.cells = cells.iter().zip(&self.0).map(told).collect();
    }

    /// The oldest question on which it rests.
    pub(super) fn oldest(&self) -> Option<Number> {
        self.numbers().flatten().min()
    }

    /// Of each cell, nothing for those that were asked for.
    pub(super) fn numbers(&self) -> impl Iterator<Item = Option<Number>> {
        self.0.iter().map(|known| known.map(|(_, number)| number))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
