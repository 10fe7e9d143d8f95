//! One key during a look.

use std::time::Duration;

use crate::defect::Defect;
use crate::envelope::{self, ID};
use crate::remote::{Cell, CellState, EntryName, Found as Bytes, LeaseId, Part, Proof};

use super::asked::Asked;
use super::deps::{Backing, Seen, Share, Sight};
use super::late::{self, Late};
use super::look::{Fetched, Found, Legible, Look, Sought};
use super::{Shared, namespace_cell};

/// What is known of it so far.
pub(super) struct View<'a> {
    share: &'a Share,
    local: Option<&'a Backing>,
    cells: Vec<Cell>,
    /// The entry that was there, valid or not.
    entry: Option<LeaseId>,
    /// How much of the entry is read where all of it is wanted.
    whole: Part,
    late: &'a Late,
    stage: Stage,
}

enum Stage {
    /// The answer of this process is kept nowhere else.
    Kept,
    /// Whether the store has the entry of this process.
    Identity(usize),
    Whole(usize),
    /// An entry whose tokens are all asked for.
    Entry(Fetched),
    Settled(Found),
}

impl<'a> View<'a> {
    pub(super) fn new(shared: &'a Shared, (share, local): Sought<'a>) -> Self {
        let local = local.filter(|backing| share.deps.are_in(&backing.proofs));
        let mut view = Self {
            share,
            local,
            cells: share.deps.known.clone(),
            entry: None,
            whole: shared.late.part(&share.name, share.largest, &shared.clock),
            late: &shared.late,
            stage: Stage::Kept,
        };
        if share.open_ended {
            view.depend_on(shared.memory.recall(&share.name).iter().cloned());
        }
        if let Some(local) = local {
            view.depend_on(local.proofs.iter().map(|(cell, _)| cell.clone()));
        }
        view
    }

    /// The same, where this much of the entry was asked for already.
    pub(super) fn of_asked(shared: &'a Shared, share: &'a Share, part: Part) -> Self {
        Self {
            whole: part,
            ..Self::new(shared, (share, None))
        }
    }

    /// Asks the first questions.
    pub(super) fn begin(&mut self, asked: &mut Asked<'_>) {
        let Self { share, local, .. } = *self;
        let kept_here = local.is_some_and(|local| local.entry.is_none());
        if share.holds_entry && !kept_here {
            let part = local.map_or(self.whole, |_| Part::Identity);
            let at = asked.entry(&share.name, part);
            self.stage = local.map_or(Stage::Whole(at), |_| Stage::Identity(at));
        }
        self.ask_for_cells(asked);
        for (cell, proof) in local.iter().flat_map(|local| local.proofs.iter()) {
            asked.cell_with(cell, *proof);
        }
    }

    /// The first questions are asked and answered.
    pub(super) fn go_on(&mut self, at: usize, asked: &mut Asked<'_>) {
        self.stage = Stage::Whole(at);
        self.ask_for_cells(asked);
        self.judge(asked);
    }

    fn ask_for_cells(&self, asked: &mut Asked<'_>) {
        let families = &self.share.deps.families;
        let cells = self.cells.iter().chain(families);
        cells.for_each(|cell| asked.cell(cell));
    }

    fn depend_on(&mut self, cells: impl Iterator<Item = Cell>) {
        for cell in cells {
            if !self.cells.contains(&cell) {
                self.cells.push(cell);
            }
        }
    }

    /// Makes what it can of the answers so far, and asks for what is still needed.
    pub(super) fn judge(&mut self, asked: &mut Asked<'_>) {
        match self.stage {
            Stage::Identity(at) => self.compare(at, asked),
            Stage::Whole(at) => self.read(at, asked),
            Stage::Entry(_) => self.soften(asked),
            Stage::Kept | Stage::Settled(_) => {}
        }
    }

    fn compare(&mut self, at: usize, asked: &mut Asked<'_>) {
        let bytes = asked.found.get(at).and_then(|found| found.bytes.as_deref());
        let ours = self.local.and_then(|local| local.entry);
        self.entry = bytes.and_then(|bytes| bytes.first_chunk().map(|id| LeaseId(*id)));
        let same = bytes.zip(ours).is_some_and(|(bytes, (id, incarnation))| {
            bytes == [id.0, incarnation.0.to_le_bytes()].concat()
        });
        let answered_by_its_server = asked
            .found
            .get(at)
            .zip(ours)
            .is_some_and(|(found, (_, incarnation))| found.incarnation == incarnation);
        let untouched = same && answered_by_its_server || Defect::TokensOnly.is_on();
        let local = self
            .local
            .filter(|local| untouched && asked.confirms(local));
        self.stage = if local.is_some() {
            Stage::Settled(Found::Local)
        } else if self.entry.is_some() && (!same || self.share.softens) {
            // Somebody stored another one, or it may be given as a stale one.
            Stage::Whole(asked.entry(&self.share.name, self.whole))
        } else {
            Stage::Settled(Found::Nothing)
        };
    }

    /// An entry of which all was asked for.
    pub(super) fn late(&self) -> Option<(&EntryName, Part)> {
        matches!(self.stage, Stage::Whole(_)).then_some((&self.share.name, self.whole))
    }

    fn read(&mut self, at: usize, asked: &mut Asked<'_>) {
        let bytes = asked.found.get(at).and_then(|found| found.bytes.as_deref());
        let is_cut = late::is_cut(self.whole, bytes.map_or(0, <[u8]>::len));
        if !is_cut && self.whole != Part::Whole {
            self.late.came(&self.share.name);
        }
        let found = asked.found.get_mut(at).map(std::mem::take);
        let Some(Bytes {
            bytes: Some(bytes),
            incarnation,
            now,
        }) = found
        else {
            self.stage = Stage::Settled(Found::Nothing);
            return;
        };
        let id = bytes.get(ID).and_then(|bytes| bytes.first_chunk());
        self.entry = id.map(|id| LeaseId(*id));
        // Neither is what was cut: its checksum is that of all bytes.
        let Ok((header, tokens, payload)) = envelope::parse(&bytes) else {
            self.stage = Stage::Settled(Found::Corrupt);
            return;
        };
        if header.schema != self.share.schema {
            self.stage = Stage::Settled(Found::OtherType);
            return;
        }
        let age = Duration::from_millis(now.0.saturating_sub(header.born));
        let proofs = tokens.iter().enumerate();
        let proofs: Vec<(Cell, Proof)> = proofs
            .map(|(at, (name, proof))| (self.named(at, name), Proof(proof)))
            .collect();
        // The clock of the server is never behind what it wrote.
        if header.incarnation != incarnation.0
            || header.born > now.0
            || age >= header.usable_for
            || !self.share.deps.are_in(&proofs)
        {
            self.stage = Stage::Settled(Found::Nothing);
            return;
        }
        let payload_at = bytes.len() - payload.len();
        for (cell, proof) in &proofs {
            asked.cell_with(cell, *proof);
        }
        self.depend_on(proofs.iter().map(|(cell, _)| cell.clone()));
        let identity = (LeaseId(header.id.0), incarnation);
        let backing = Backing::new(Some(identity), proofs.into()).written_by(header.codec);
        let legible = Legible {
            header,
            bytes,
            payload_at,
            age,
        };
        self.stage = Stage::Entry(Fetched { legible, backing });
        self.soften(asked);
    }

    /// An entry that is not valid may be given as a stale one all the same: one more trip says so.
    fn soften(&self, asked: &mut Asked<'_>) {
        if let Stage::Entry(fetched) = &self.stage
            && self.share.softens
            && asked.knows(&fetched.backing)
            && !self.is_hidden(asked)
        {
            asked.marks(&fetched.backing);
        }
    }

    /// The names of the first two tokens are implied. Mostly the others are known, too.
    fn named(&self, at: usize, name: &str) -> Cell {
        match at {
            0 => return namespace_cell(),
            1 if name.is_empty() => return self.share.prefix_cell(),
            _ => {}
        }
        let mut known = self.cells.iter();
        let known = known.find(|cell| cell.is_tag(name));
        known.cloned().unwrap_or_else(|| Cell::Tag(name.into()))
    }

    /// An intent in a family hides nothing: it keeps answers out that add tags of that family.
    pub(super) fn is_hidden(&self, asked: &Asked<'_>) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|cell| asked.state(cell) == CellState::Intent)
    }

    pub(super) fn settle(self, shared: &Shared, asked: &Asked<'_>) -> Look {
        let found = match self.stage {
            Stage::Kept => match self.local {
                Some(local) if asked.confirms(local) => Found::Local,
                _ => Found::Nothing,
            },
            Stage::Entry(fetched) if asked.confirms(&fetched.backing) => {
                if self.share.open_ended {
                    shared.remember(self.share, &fetched);
                }
                Found::Remote(Box::new(fetched))
            }
            Stage::Entry(fetched)
                if self.share.softens && asked.confirms_softly(&fetched.backing) =>
            {
                Found::Softly(Box::new(fetched))
            }
            Stage::Settled(found) => found,
            Stage::Entry(_) | Stage::Identity(_) | Stage::Whole(_) => Found::Nothing,
        };
        let cells = self
            .cells
            .into_iter()
            .chain(self.share.deps.families.iter().cloned());
        let seen = cells.map(|cell| {
            let state = asked.state(&cell);
            (cell, state)
        });
        Look {
            sight: Sight {
                entry: self.entry,
                cells: Seen(seen.collect()),
                since: asked.since,
            },
            found,
            server: asked.server(),
            oldest: asked.oldest(),
        }
    }
}
