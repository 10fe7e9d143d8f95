//! What an answer depends on, and what was seen of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::remote::{Cell, CellState, EntryName, Incarnation, LeaseId, Proof};

use super::{Shared, namespace_cell};

/// One call's part in the shared tier.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something of its own"
)]
pub(crate) struct Share {
    pub(crate) tier: Arc<Shared>,
    pub(crate) name: EntryName,
    pub(crate) deps: Deps,
    /// Tells value types apart under one key.
    pub(crate) schema: u16,
    /// The largest payload that is for this call: no larger one is, if it could not be read in time.
    pub(crate) largest: usize,
    /// Whether the answer is kept there. Where it is not, the key has a token of its own there, and
    /// is invalidated like everything else.
    pub(crate) holds_entry: bool,
    /// Whether an entry may have tags that the call does not know beforehand.
    pub(crate) open_ended: bool,
    /// Whether what is known of tokens without a question will do.
    pub(crate) by_view: bool,
    /// Whether it can do with an entry that was softly invalidated.
    pub(crate) softens: bool,
    /// How long the answers of this call are kept at most: its tokens live longer.
    pub(crate) longest_life: Duration,
}

/// What the answers of a call depend on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deps {
    /// The namespace, the prefix, and the tags that are known before the load.
    pub(crate) known: Vec<Cell>,
    /// The families of the tags that only the loaded value tells.
    pub(crate) families: Vec<Cell>,
}

/// Cells and what was in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(super) Vec<(Cell, CellState)>);

/// What was seen of a key before a load of it: the load may be stored on the strength of this.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The entry that was there, valid or not.
    pub(crate) entry: Option<LeaseId>,
    /// What answers depend on: what is known, the tags that earlier answers had, and the families.
    pub(crate) cells: Seen,
    /// Before anything was asked.
    pub(crate) since: Option<Moment>,
}

/// What makes an entry of this process one of the shared tier: it is given out only after its
/// tokens were found current.
#[derive(Clone, Debug)]
pub(crate) struct Backing {
    /// The entry in the store; `None` for answers that are kept in the process only.
    pub(crate) entry: Option<(LeaseId, Incarnation)>,
    pub(crate) proofs: Proofs,
    /// How the bytes in the store were written.
    pub(crate) codec: Option<u8>,
}

/// The tokens of one entry, as they were before its load.
pub(crate) type Proofs = Arc<[(Cell, Proof)]>;

impl Seen {
    /// Takes over what is now known of the cells in it.
    fn update(&mut self, states: &[(Cell, CellState)]) {
        for (cell, state) in &mut self.0 {
            if let Some((_, now)) = states.iter().find(|(known, _)| known == cell) {
                *state = *now;
            }
        }
    }

    pub(crate) fn state(&self, cell: &Cell) -> Option<CellState> {
        let found = self.0.iter().find(|(known, _)| known == cell);
        found.map(|(_, state)| *state)
    }

    pub(crate) fn proof(&self, cell: &Cell) -> Option<Proof> {
        self.state(cell)?.proof()
    }

    /// Cells without a token.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Cell> {
        let missing = self
            .0
            .iter()
            .filter(|(_, state)| *state == CellState::Missing);
        missing.map(|(cell, _)| cell.clone())
    }

    /// The proofs of some of the cells, if all of them have one.
    pub(crate) fn proofs(&self, of: &[Cell]) -> Option<Proofs> {
        of.iter()
            .map(|cell| Some((cell.clone(), self.proof(cell)?)))
            .collect()
    }
}

impl Backing {
    pub(crate) fn new(entry: Option<(LeaseId, Incarnation)>, proofs: Proofs) -> Self {
        Self {
            entry,
            proofs,
            codec: None,
        }
    }

    pub(crate) fn written_by(self, codec: u8) -> Self {
        Self {
            codec: Some(codec),
            ..self
        }
    }
}

impl Sight {
    /// Before anything was seen.
    pub(crate) fn none_of(share: &Share, tags: &[Cell]) -> Self {
        let unseen = |cells: &mut dyn Iterator<Item = &Cell>| {
            Seen(
                cells
                    .map(|cell| (cell.clone(), CellState::Missing))
                    .collect(),
            )
        };
        Self {
            entry: None,
            cells: unseen(
                &mut share
                    .deps
                    .known
                    .iter()
                    .chain(tags)
                    .chain(&share.deps.families),
            ),
            since: Some(share.tier.clock.now()),
        }
    }

    pub(super) fn learn(&mut self, states: &[(Cell, CellState)]) {
        self.cells.update(states);
    }
}

impl Share {
    /// Whether one question for the entry and all tokens tells what there mostly is to know, where this process has
    /// nothing.
    pub(crate) fn is_plain(&self) -> bool {
        self.holds_entry && !self.by_view
    }

    /// The answer is not kept there after all: what happens to the key is seen by a token of its own.
    pub(crate) fn keeps_here(&mut self, sight: &mut Sight) {
        if std::mem::take(&mut self.holds_entry) {
            let key = Cell::Key(self.name.clone());
            sight.cells.0.push((key.clone(), CellState::Missing));
            self.deps.known.push(key);
        }
    }

    /// The cell of the prefix: the second of what is known.
    pub(super) fn prefix_cell(&self) -> Cell {
        self.deps
            .known
            .get(1)
            .cloned()
            .unwrap_or_else(namespace_cell)
    }
}

impl Deps {
    /// Whether an entry with these tokens has everything that answers of this call must have:
    /// one without would outlive an invalidation that is meant for it.
    pub(crate) fn are_in(&self, proofs: &[(Cell, Proof)]) -> bool {
        self.known
            .iter()
            .all(|cell| proofs.iter().any(|(known, _)| known == cell))
    }
}

/// So many cells are found as quickly one by one.
pub(super) const FEW: usize = 16;

/// Each cell once, in the order of their first coming.
pub(super) fn distinct(cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    let mut distinct: Vec<Cell> = Vec::new();
    let mut known = HashSet::with_hasher(foldhash::fast::RandomState::default());
    for cell in cells {
        // A few are found as quickly one by one.
        let new = if distinct.len() < FEW {
            !distinct.contains(&cell)
        } else {
            if known.is_empty() {
                known.extend(distinct.iter().cloned());
            }
            known.insert(cell.clone())
        };
        if new {
            distinct.push(cell);
        }
    }
    distinct
}

/// The family of a tag: its text up to and with the first colon, or all of it.
pub(crate) fn family_of(tag: &str) -> Cell {
    let end = tag.find(':').map_or(tag.len(), |colon| colon + 1);
    Cell::Family(tag[..end].into())
}

/// The family of all tags, for those whose beginning is known only with the value.
pub(crate) fn any_family() -> Cell {
    Cell::Family("*".into())
}
