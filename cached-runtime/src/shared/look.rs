//! What is stored for a key, and is it valid?
//!
//! Every token of an entry is compared with the current one, read after the reader arrived. Cells
//! that are known beforehand are read along with the entry; those that only the entry names are
//! known from an earlier answer, or read in one more trip.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::defect::Defect;
use crate::envelope::{self, Header, ID};
use crate::remote::{
    Cell, CellState, EntryName, Fault, Found as Bytes, Incarnation, LeaseId, Part, Proof, Reading,
};

use super::asked::Asked;
use super::deps::{Backing, Seen, Share, Sight};
use super::glance::Glance;
use super::late::{self, Late};
use super::{Shared, namespace_cell};
use crate::clock::Moment;
use crate::tags::Number;

/// The answer to a look.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) sight: Sight,
    pub(crate) found: Found,
    /// The server that answered, if it was one and the same.
    pub(crate) server: Option<Incarnation>,
    /// The oldest question on which it rests, if one was asked before this look.
    pub(crate) oldest: Option<Number>,
}

/// What a look found.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    /// The entry of this process is the one in the store, and valid.
    Local,
    /// A valid entry of the store.
    Remote(Box<Fetched>),
    /// One that was softly invalidated: for a function with a stale window.
    Softly(Box<Fetched>),
    /// Damaged, truncated, foreign, or of another version; or late before, and larger than what the
    /// reader takes.
    Corrupt,
    /// An entry for another type of value.
    OtherType,
}

/// A valid entry, read from the store.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) header: Header,
    bytes: Vec<u8>,
    payload_at: usize,
    /// Not less than the time since it was stored.
    pub(crate) age: Duration,
    pub(crate) backing: Backing,
}

impl Fetched {
    pub(super) fn new(
        header: Header,
        bytes: Vec<u8>,
        payload_at: usize,
        age: Duration,
        backing: Backing,
    ) -> Self {
        Self {
            header,
            bytes,
            payload_at,
            age,
            backing,
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }
}

/// What came of looks for several keys.
type Looks = Option<Vec<Option<Look>>>;

/// A key to look for, and what backs the entry that this process has.
pub(crate) type Sought<'a> = (&'a Share, Option<&'a Backing>);

impl Shared {
    /// Looks for keys, from `since` on; `None` if the store cannot be used. `None` for a key on which
    /// a bracketed write is under way: what depends on that is neither read nor stored.
    pub(crate) async fn look_each(self: &Arc<Self>, sought: &[Sought<'_>], since: Moment) -> Looks {
        let plain =
            |(share, local): &Sought<'_>| share.holds_entry && local.is_none() && !share.by_view;
        if sought.iter().all(plain) {
            if !self.may_be_used() {
                return None;
            }
            let glance = Glance::new(self, sought.iter().map(|(share, _)| *share));
            let reading = self.remote.read(glance.question()).await;
            return match self.glanced(sought, since, glance, reading) {
                Ok(looks) => looks,
                Err(more) => more.await,
            };
        }
        let views = sought.iter().all(|(share, _)| share.by_view);
        let mut asked = Asked::new(since, views.then_some(&*self.watch));
        let mut views: Vec<View<'_>> = sought.iter().map(|each| View::new(self, *each)).collect();
        for view in &mut views {
            view.begin(&mut asked);
        }
        Box::pin(self.look_on(asked, views)).await
    }

    /// Where this process has nothing, one answer mostly tells all. If not, what is still to be asked
    /// comes on the heap.
    fn glanced<'a>(
        self: &'a Arc<Self>,
        sought: &'a [Sought<'a>],
        since: Moment,
        glance: Glance<'a>,
        reading: Result<Reading, Fault>,
    ) -> Result<Looks, Pin<Box<dyn Future<Output = Looks> + Send + 'a>>> {
        let mut reading = match reading {
            Ok(reading) => reading,
            Err(fault) => {
                self.gave_no_answer(&fault, glance.late());
                return Ok(None);
            }
        };
        let mut left = Vec::new();
        let mut looks: Vec<Option<Look>> = Vec::with_capacity(sought.len());
        for (at, (share, _)) in sought.iter().enumerate() {
            let Some(fetched) = glance.valid(at, &mut reading) else {
                left.push(at);
                looks.push(None);
                continue;
            };
            if share.open_ended && !glance.expected(at, fetched.backing.proofs.len()) {
                self.remember(share, &fetched);
            }
            let entry = LeaseId(fetched.header.id.0);
            looks.push(Some(Look {
                sight: glance.sight(at, entry, &reading.cells, since),
                found: Found::Remote(Box::new(fetched)),
                server: reading.incarnation,
                oldest: None,
            }));
        }
        if left.is_empty() {
            return Ok(Some(looks));
        }
        let mut asked = Asked::answered(since, glance.into_cells(), reading);
        let view = |at: &usize| {
            let mut view = View::new(self, sought[*at]);
            view.go_on(*at, &mut asked);
            view
        };
        let views: Vec<_> = left.iter().map(view).collect();
        Err(Box::pin(async move {
            let others = self.look_on(asked, views).await?;
            for (at, look) in left.into_iter().zip(others) {
                looks[at] = look;
            }
            Some(looks)
        }))
    }

    /// Asks until nothing more has to be known.
    async fn look_on(self: &Arc<Self>, mut asked: Asked<'_>, mut views: Vec<View<'_>>) -> Looks {
        while asked.wants_more() {
            if !self.may_be_used() {
                return None;
            }
            if let Err(fault) = asked.send(self).await {
                self.gave_no_answer(&fault, views.iter().filter_map(View::late).collect());
                return None;
            }
            for view in &mut views {
                view.judge(&mut asked);
            }
        }
        let look = |view: View<'_>| (!view.is_hidden(&asked)).then(|| view.settle(self, &asked));
        Some(views.into_iter().map(look).collect())
    }

    /// Of entries of which all was asked for. The last are remembered; of more than can be they are
    /// others each time, so that the turn of each comes.
    fn gave_no_answer(&self, fault: &Fault, mut late: Vec<(&EntryName, Part)>) {
        if !matches!(fault, Fault::Lost(_)) {
            return;
        }
        let first = fastrand::usize(..late.len().max(1));
        late.rotate_left(first);
        for (name, part) in late {
            self.late.was_late(name, part, &self.clock);
        }
    }

    /// The tags that only the value told.
    fn remember(&self, share: &Share, fetched: &Fetched) {
        let known = &share.deps.known;
        let cells = fetched.backing.proofs.iter().map(|(cell, _)| cell);
        let of_value = cells.filter(|cell| !known.contains(cell)).cloned();
        self.memory.remember(&share.name, of_value);
    }
}

/// One key during a look.
struct View<'a> {
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
    fn new(shared: &'a Shared, (share, local): Sought<'a>) -> Self {
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

    /// Asks the first questions.
    fn begin(&mut self, asked: &mut Asked<'_>) {
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
    fn go_on(&mut self, at: usize, asked: &mut Asked<'_>) {
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
    fn judge(&mut self, asked: &mut Asked<'_>) {
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
    fn late(&self) -> Option<(&EntryName, Part)> {
        matches!(self.stage, Stage::Whole(_)).then_some((&self.share.name, self.whole))
    }

    fn read(&mut self, at: usize, asked: &mut Asked<'_>) {
        let bytes = asked.found.get(at).and_then(|found| found.bytes.as_deref());
        let is_cut = late::is_cut(self.whole, bytes.map_or(0, <[u8]>::len));
        if !is_cut && self.whole != Part::Whole {
            self.late.came(&self.share.name);
        }
        let Some(Bytes {
            bytes: Some(bytes),
            incarnation,
            now,
        }) = asked.found.get_mut(at)
        else {
            self.stage = Stage::Settled(Found::Nothing);
            return;
        };
        let (bytes, incarnation, now) = (std::mem::take(bytes), *incarnation, *now);
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
        self.stage = Stage::Entry(Fetched::new(header, bytes, payload_at, age, backing));
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
    fn is_hidden(&self, asked: &Asked<'_>) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|cell| asked.state(cell) == CellState::Intent)
    }

    fn settle(self, shared: &Shared, asked: &Asked<'_>) -> Look {
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
