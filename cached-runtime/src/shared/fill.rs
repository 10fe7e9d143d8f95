//! Storing what was loaded.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::compress::Packed;
use crate::defect::Defect;
use crate::envelope::{Draft, EntryId, MAX_TOKENS, TokenRecord};
use crate::remote::{Cell, CellState, Fill, How, Incarnation, Proof, Read, Release};

use super::deps::{Backing, Proofs, Share, Sight, distinct};
use super::lease::Lease;
use super::{LONGEST_PROOF, Shared, token_life};

/// A loaded answer on its way into the store.
#[derive(Debug)]
pub(crate) struct Cargo {
    /// Of the value's type.
    pub(crate) schema: u16,
    pub(crate) lease: Lease,
    /// What it depends on, as seen before the load.
    pub(crate) proofs: Proofs,
    pub(crate) codec: u8,
    pub(crate) cost: Duration,
    pub(crate) fresh_for: Duration,
    pub(crate) usable_for: Duration,
    /// `None`: "not found".
    pub(crate) payload: Option<Packed>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Stored {
    /// It is stored, and nothing it depends on was invalidated until then: whoever waited for it
    /// may have it.
    Proven(Backing, Option<Incarnation>),
    /// The lease was lost, or something it depends on was invalidated.
    Overtaken,
    /// It has more or longer tags than an entry can have.
    Refused,
    /// The store cannot be used, so nothing is known.
    Unknown,
}

impl Shared {
    /// Stores answers under their leases, and reads their tokens again, in one trip.
    pub(crate) async fn fill(&self, cargo: Vec<Cargo>) -> Vec<Stored> {
        let mut cells: Vec<Cell> = Vec::new();
        let mut life = Duration::ZERO;
        let (mut fills, mut sealed) = (Vec::new(), Vec::new());
        for mut cargo in cargo {
            if Defect::UnfencedFill.is_on() {
                cargo.lease.take_again(How::TakeOver).await;
            }
            let Some(envelope) = cargo.envelope() else {
                cargo.lease.release(Release::NotStored);
                sealed.push(None);
                continue;
            };
            life = life.max(cargo.usable_for);
            cells.extend(cargo.proofs.iter().map(|(cell, _)| cell.clone()));
            fills.push(Fill {
                entry: cargo.lease.name.clone(),
                lease: cargo.lease.id,
                envelope,
                life: cargo.usable_for,
            });
            sealed.push(Some(cargo));
        }
        if fills.is_empty() {
            return sealed.iter().map(|_| Stored::Refused).collect();
        }
        let cells = distinct(cells.into_iter());
        let Ok(reply) = self
            .remote
            .fill(fills, cells.clone(), token_life(life))
            .await
        else {
            let unknown = |sealed: &Option<Cargo>| match sealed {
                Some(_) => Stored::Unknown,
                None => Stored::Refused,
            };
            return sealed.iter().map(unknown).collect();
        };
        let now: Vec<(Cell, CellState)> = cells.into_iter().zip(reply.cells).collect();
        let server = reply.incarnation;
        let mut fills = reply.fills.into_iter();
        let settle = |sealed: Option<Cargo>| {
            let Some(cargo) = sealed else {
                return Stored::Refused;
            };
            let Some(filled) = fills.next() else {
                return Stored::Unknown;
            };
            let (id, incarnation) = (cargo.lease.id, cargo.lease.incarnation);
            self.wake.look(&cargo.lease.name);
            cargo.lease.end();
            let proven =
                filled.stored && filled.incarnation == incarnation && confirms(&now, &cargo.proofs);
            if !proven {
                return Stored::Overtaken;
            }
            let backing = Backing::new(Some((id, incarnation)), cargo.proofs);
            Stored::Proven(backing.written_by(cargo.codec), server)
        };
        sealed.into_iter().map(settle).collect()
    }

    /// The tokens of an answer with these tags, which only the loaded value told; `None` if it
    /// cannot be shown that they were current before the load.
    ///
    /// Tags that were read before the load are fine as they are. For others, no tag of their
    /// family must have been invalidated: the families are read again *after* the tags, and an
    /// invalidation rotates the family *before* the tag, so a token that is new to the load cannot
    /// come with families that are old to it.
    pub(crate) async fn prove_tags(
        self: &Arc<Self>,
        share: &Share,
        sight: &Sight,
        known: &Proofs,
        tags: Vec<Cell>,
    ) -> Option<Proofs> {
        let new: Vec<Cell> = tags
            .iter()
            .filter(|cell| sight.cells.proof(cell).is_none())
            .cloned()
            .collect();
        if known.len() + tags.len() <= MAX_TOKENS {
            self.memory.remember(&share.name, tags.iter().cloned());
        }
        let mut states: Vec<(Cell, CellState)> = Vec::new();
        if !new.is_empty() {
            let families = sight.cells.proofs(&share.deps.families)?;
            if families.is_empty() || !self.may_be_used() {
                return None;
            }
            let keep = token_life(share.longest_life);
            let again = share.deps.families.clone();
            let asked = new.iter().chain(&again).cloned().collect::<Vec<_>>();
            let reply = self.remote.ensure(new, again, keep).await.ok()?;
            states = asked.into_iter().zip(reply).collect();
            let took = sight.since.map(|since| self.clock.now().since(since));
            if !confirms(&states, &families) || took.is_none_or(|took| took > LONGEST_PROOF) {
                return None;
            }
        }
        let proof = |cell: Cell| {
            let state = states.iter().find(|(asked, _)| *asked == cell);
            let proof = match state {
                Some((_, state)) => state.proof(),
                None => sight.cells.proof(&cell),
            };
            Some((cell, proof?))
        };
        let all = known
            .iter()
            .cloned()
            .map(Some)
            .chain(tags.into_iter().map(proof));
        all.collect()
    }

    /// The tokens on which an answer rests that is kept in this process only.
    pub(crate) async fn tokens_for(
        self: &Arc<Self>,
        share: &Share,
        sight: &mut Sight,
    ) -> Option<Proofs> {
        self.tokens_for_each(vec![(share, sight)]).await.pop()?
    }

    /// The same for many, in one trip.
    pub(crate) async fn tokens_for_each(
        self: &Arc<Self>,
        mut keys: Vec<(&Share, &mut Sight)>,
    ) -> Vec<Option<Proofs>> {
        let missing = distinct(keys.iter().flat_map(|(_, sight)| sight.cells.missing()));
        let lives = keys.iter().map(|(share, _)| share.longest_life);
        let life = lives.max().unwrap_or_default();
        if !missing.is_empty() && self.may_be_used() {
            let reply = self
                .remote
                .ensure(missing.clone(), Vec::new(), token_life(life));
            let states: Vec<_> = missing
                .into_iter()
                .zip(reply.await.unwrap_or_default())
                .collect();
            for (_, sight) in &mut keys {
                sight.learn(&states);
            }
        }
        keys.iter()
            .map(|(share, sight)| sight.cells.proofs(&share.deps.known))
            .collect()
    }

    /// Whether these tokens are current still.
    pub(crate) async fn confirm(&self, proofs: &Proofs) -> bool {
        self.confirmed_by(proofs).await.is_some()
    }

    /// The server that says so, if it says that these tokens are current still.
    pub(crate) async fn confirmed_by(&self, proofs: &Proofs) -> Option<Incarnation> {
        let (now, server) = self.states(proofs).await?;
        server.filter(|_| confirms(&now, proofs))
    }

    /// The tokens as they are now: a [`Defect`](crate::defect::Defect).
    pub(crate) async fn current(&self, proofs: Proofs) -> Proofs {
        let (now, _) = self.states(&proofs).await.unwrap_or_default();
        let now = now
            .into_iter()
            .map(|(cell, state)| Some((cell, state.proof()?)));
        now.collect::<Option<Proofs>>().unwrap_or(proofs)
    }

    async fn states(
        &self,
        proofs: &Proofs,
    ) -> Option<(Vec<(Cell, CellState)>, Option<Incarnation>)> {
        let cells: Vec<Cell> = proofs.iter().map(|(cell, _)| cell.clone()).collect();
        let read = Read {
            entries: Vec::new(),
            cells: cells.clone(),
        };
        let reading = self.remote.read(read).await.ok()?;
        let states = cells.into_iter().zip(reading.cells).collect();
        Some((states, reading.incarnation))
    }
}

impl Cargo {
    fn envelope(&self) -> Option<Vec<u8>> {
        let tokens = self.proofs.iter().enumerate();
        let tokens = tokens.map(|(at, (cell, proof))| TokenRecord {
            name: match cell {
                // The namespace and the prefix, which whoever reads the key knows.
                _ if at < 2 => Box::default(),
                Cell::Tag(name) => (&**name).into(),
                Cell::Family(_) | Cell::Key(_) | Cell::Replaced(_) => Box::default(),
            },
            proof: proof.0,
        });
        let draft = Draft {
            codec: self.codec,
            schema: self.schema,
            cost: self.cost,
            id: EntryId(self.lease.id.0),
            incarnation: self.lease.incarnation.0,
            fresh_for: self.fresh_for,
            usable_for: self.usable_for,
            tokens: tokens.collect(),
        };
        draft.seal(self.payload.as_ref()).ok()
    }
}

fn confirms(now: &[(Cell, CellState)], proofs: &[(Cell, Proof)]) -> bool {
    proofs.iter().all(|(cell, proof)| {
        now.iter()
            .any(|(known, state)| known == cell && *state == CellState::Current(*proof))
    })
}
