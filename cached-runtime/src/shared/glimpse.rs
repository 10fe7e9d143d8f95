//! The first question of a look for a key of which this process has nothing.
//!
//! Mostly the entry is there, its tokens are what was read along with it, and that is all. Whatever
//! else there may be is left to `look.rs`, which goes on with what was read here.

use std::iter::repeat;
use std::time::Duration;

use crate::clock::Moment;
use crate::envelope;
use crate::remote::{
    Cell, CellState, EntryName, Fault, Few, Found as Bytes, Incarnation, LeaseId, Part, Proof,
    Read, ReadReply, Reading,
};

use super::believed::Believed;
use super::deps::{Backing, Deps, Seen, Share, Sight};
use super::look::Legible;
use crate::tags::Number;

/// One key, and all that is asked about it in one trip.
pub(crate) struct Glimpse {
    share: Share,
    part: Part,
    /// Tags that earlier answers had, besides those that are known.
    recalled: Box<[Cell]>,
    /// Of all its cells.
    believed: Believed,
}

/// What comes of it.
pub(crate) enum Glimpsed {
    /// The store cannot be used.
    NoAnswer,
    /// All that is to be known of it.
    Valid(Sighted),
    /// There may be more to be asked.
    More(Glimpse, Reading),
}

/// A key whose entry is valid.
pub(crate) struct Sighted {
    glimpse: Glimpse,
    pub(crate) legible: Legible,
    witness: Witness,
    states: Few<CellState, 5>,
    /// The server that answered.
    pub(crate) server: Option<Incarnation>,
    since: Moment,
}

impl Glimpse {
    /// Of a key of which this process has nothing and whose answers are entries of the store.
    pub(crate) fn new(share: Share) -> Self {
        let tier = &share.tier;
        let mut recalled = Vec::new();
        if share.open_ended {
            let known = &share.deps.known;
            let cells = tier.memory.recall(&share.name);
            recalled.extend(cells.iter().filter(|cell| !known.contains(cell)).cloned());
        }
        Self {
            part: tier.late.part(&share.name, share.largest, &tier.clock),
            recalled: recalled.into(),
            share,
            believed: Believed::default(),
        }
    }

    /// The same, of one who came no later than `at` and may believe in views.
    pub(crate) fn believing(share: Share, at: Moment) -> Self {
        let mut glimpse = Self::new(share);
        if glimpse.share.by_view {
            let watch = glimpse.share.tier.watch();
            glimpse.believed = Believed::of(watch, glimpse.all_cells(), at);
        }
        glimpse
    }

    /// To be done first, and once, with what comes of a question that was asked with that number.
    pub(crate) fn complete(&self, reading: &mut Result<Reading, Fault>, number: Number) {
        if self.believed.is_empty() {
            return;
        }
        if let Ok(reading) = reading {
            let watch = self.share.tier.watch();
            let question = (watch, &*self.cells(), number);
            self.believed.complete(reading, question);
        }
    }

    /// Asks for it, if the store can be used.
    pub(crate) fn ask(&self) -> Option<ReadReply<'_>> {
        let tier = &self.share.tier;
        tier.may_be_used()
            .then(|| tier.remote.read(self.question()))
    }

    /// What the answer tells to a question that was asked from `since` on.
    #[inline]
    pub(crate) fn told(self, reading: Result<Reading, Fault>, since: Moment) -> Glimpsed {
        let mut reading = match reading {
            Ok(reading) => reading,
            Err(fault) => {
                let tier = &self.share.tier;
                tier.gave_no_answer(&fault, vec![(&self.share.name, self.part)]);
                return Glimpsed::NoAnswer;
            }
        };
        match self.valid(&mut reading) {
            Some((legible, witness)) => Glimpsed::Valid(Sighted {
                glimpse: self,
                legible,
                witness,
                states: reading.cells,
                server: reading.incarnation,
                since,
            }),
            None => Glimpsed::More(self, reading),
        }
    }

    /// The entry and what `of` makes of it, if it is valid and that is something. Else it stays in the
    /// answer.
    #[inline]
    pub(crate) fn take<S>(
        &self,
        reading: &mut Reading,
        of: impl FnOnce(&Legible) -> Option<S>,
    ) -> Option<(S, Legible)> {
        let (legible, _) = self.valid(reading)?;
        if let Some(made) = of(&legible) {
            return Some((made, legible));
        }
        if let Some(found) = reading.entries.first_mut() {
            found.bytes = Some(legible.bytes);
        }
        None
    }

    /// The entry, taken out of the answer if it is valid.
    fn valid(&self, reading: &mut Reading) -> Option<(Legible, Witness)> {
        let Reading { entries, cells, .. } = reading;
        let found = entries.first_mut().filter(|_| self.part == Part::Whole)?;
        let cell = |at: usize| (self.cell(at), cells.get(at).copied());
        let (legible, witness) = valid(&self.share, found, self.depends_on(), cell)?;
        if !self.expected(&witness) {
            // Of the tags that earlier answers had, these are left.
            let share = &self.share;
            let of_value = &self.recalled[..witness.tokens - share.deps.known.len()];
            let memory = &share.tier.memory;
            memory.remember(&share.name, of_value.iter().cloned());
        }
        Some((legible, witness))
    }

    /// Whether an entry has the tags of earlier answers.
    fn expected(&self, witness: &Witness) -> bool {
        !self.share.open_ended || witness.tokens == self.depends_on()
    }

    pub(super) fn part(&self) -> Part {
        self.part
    }

    pub(crate) fn share(&self) -> &Share {
        &self.share
    }

    pub(super) fn into_share(self) -> Share {
        self.share
    }

    pub(super) fn question(&self) -> Read {
        Read {
            entries: vec![(self.share.name.clone(), self.part)],
            cells: self.believed.unknown(self.cells()),
        }
    }

    /// In order: what its answers depend on, then its families.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let families = &self.share.deps.families;
        let mut cells = Vec::with_capacity(self.depends_on() + families.len());
        cells.extend(self.all_cells().cloned());
        cells
    }

    fn all_cells(&self) -> impl Iterator<Item = &Cell> {
        let Deps { known, families } = &self.share.deps;
        known.iter().chain(&self.recalled).chain(families)
    }

    pub(super) fn believed(&self) -> &Believed {
        &self.believed
    }

    /// How many cells its answers depend on.
    fn depends_on(&self) -> usize {
        self.share.deps.known.len() + self.recalled.len()
    }

    fn cell(&self, at: usize) -> &Cell {
        let known = &self.share.deps.known;
        known
            .get(at)
            .unwrap_or_else(|| &self.recalled[at - known.len()])
    }

    /// Its entry, if all of that is asked for.
    pub(super) fn whole(&self) -> Option<&EntryName> {
        (self.part == Part::Whole).then_some(&self.share.name)
    }

    /// What is seen of a key that has no entry.
    pub(super) fn of_nothing(&self, states: &[CellState], since: Moment) -> Sight {
        let cells = self.cells().into_iter().zip(states.iter().copied());
        Sight {
            entry: None,
            cells: Seen(cells.collect()),
            since: Some(since),
        }
    }
}

impl Sighted {
    pub(crate) fn schema(&self) -> u16 {
        self.glimpse.share.schema
    }

    /// The oldest question on which it rests, if one was asked before this look.
    pub(crate) fn oldest(&self) -> Option<Number> {
        self.glimpse.believed.oldest()
    }

    pub(crate) fn backing(&self) -> Backing {
        let cell = |at| (self.glimpse.cell(at), self.states.get(at).copied());
        self.witness.of((0..self.witness.tokens).map(cell))
    }

    #[cfg(test)]
    pub(super) fn is_expected(&self) -> bool {
        self.glimpse.expected(&self.witness)
    }

    pub(crate) fn into_legible(self) -> Legible {
        self.legible
    }

    /// What was seen, for who has to load all the same.
    pub(crate) fn into_sight(self) -> (Share, Sight) {
        let states = self
            .states
            .iter()
            .copied()
            .chain(repeat(CellState::Missing));
        let seen = self.glimpse.cells().into_iter().zip(states);
        let sight = Sight {
            entry: Some(self.witness.entry.0),
            cells: Seen(seen.collect()),
            since: Some(self.since),
        };
        (self.glimpse.share, sight)
    }
}

/// What an entry depends on besides its place in the store, to be made a [`Backing`].
pub(super) struct Witness {
    entry: (LeaseId, Incarnation),
    pub(super) tokens: usize,
    codec: u8,
}

/// An entry, taken out of the answer: if it is there, can be read as a whole, and each of its tokens
/// is the one that was read with it. `cell` gives the cells that it may depend on, of which there are
/// `count`, and what was read of them.
pub(super) fn valid<'c>(
    share: &Share,
    found: &mut Bytes,
    count: usize,
    cell: impl Fn(usize) -> (&'c Cell, Option<CellState>),
) -> Option<(Legible, Witness)> {
    let bytes = found.bytes.as_deref()?;
    let (header, tokens, payload) = envelope::parse(bytes).ok()?;
    let (now, incarnation) = (found.now, found.incarnation);
    let age = Duration::from_millis(now.0.saturating_sub(header.born));
    if header.schema != share.schema
        || header.incarnation != incarnation.0
        // The clock of the server is never behind what it wrote.
        || header.born > now.0
        || age >= header.usable_for
        || !(share.deps.known.len()..=count).contains(&tokens.len())
    {
        return None;
    }
    let stands = |(at, (name, proof)): (usize, (&[u8], u64))| {
        let (cell, state) = cell(at);
        // The names of the first two are implied.
        let named = at == 0 || at == 1 && name.is_empty() || cell.is_tag(name);
        named && state == Some(CellState::Current(Proof(proof)))
    };
    let hidden = |at: usize| cell(at).1 == Some(CellState::Intent);
    if !tokens.raw().enumerate().all(stands) || (tokens.len()..count).any(hidden) {
        return None;
    }
    let payload_at = bytes.len() - payload.len();
    let witness = Witness {
        entry: (LeaseId(header.id.0), incarnation),
        tokens: tokens.len(),
        codec: header.codec,
    };
    let legible = Legible {
        header,
        bytes: found.bytes.take()?,
        payload_at,
        age,
    };
    Some((legible, witness))
}

impl Witness {
    /// The tokens of a valid entry are those that were read with it.
    pub(super) fn of<'c>(
        &self,
        cells: impl Iterator<Item = (&'c Cell, Option<CellState>)>,
    ) -> Backing {
        let proof = |state: Option<CellState>| state.and_then(CellState::proof);
        // One allocation: as many as there are tokens, and each has one.
        let cells = cells.take(self.tokens);
        let proofs = cells.map(|(cell, state)| (cell.clone(), proof(state).unwrap_or(Proof(0))));
        Backing::new(Some(self.entry), proofs.collect()).written_by(self.codec)
    }
}
