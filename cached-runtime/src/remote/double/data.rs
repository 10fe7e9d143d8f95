//! What the server holds, and what it does with it in one go.

use std::sync::Arc;
use std::time::Duration;

use super::generator::{INTENT, TOKEN};
use super::push::Log;
use super::shelf::Shelf;
use crate::remote::{
    Cell, CellState, Chunk, Ended, EntryName, Fill, Filled, Found, How, Incarnation, LeaseId, Lock,
    Locked, Part, Proof, Release, ServerTime,
};
#[cfg(feature = "rate-limit")]
use crate::remote::{Draw, Drawn, Level};

/// More processes than this are not told how a load ended.
const MOST_WAITERS: usize = 64;

/// How long everybody loads at once after an answer that is not stored.
const PASS: Duration = Duration::from_secs(1);

/// Memory is full, and this would have needed some.
#[derive(Debug)]
pub(super) struct Full;

/// A process, by its number at this server.
pub(super) type ClientId = usize;

/// The contents.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) entries: Shelf<EntryName, Vec<u8>>,
    pub(super) leases: Shelf<EntryName, Lease>,
    pub(super) cells: Shelf<Cell, Vec<u8>>,
    names: Shelf<Arc<str>, LeaseId>,
    #[cfg(feature = "rate-limit")]
    buckets: Shelf<EntryName, Level>,
}

#[derive(Clone, Debug)]
pub(super) enum Lease {
    Held {
        lease: LeaseId,
        waiters: Vec<ClientId>,
    },
    Pass,
    /// The last load failed.
    Rest,
    /// The source lags: as `Pass`, for whoever wants it however.
    Lag,
}

/// One life of the server.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) contents: Contents,
    pub(super) incarnation: Incarnation,
    /// Milliseconds since the server began, over all its lives.
    pub(super) elapsed: u64,
    /// What its clock shows is this much more.
    pub(super) origin: u64,
    /// Whether memory is full.
    pub(super) full: bool,
    /// What is to be told to whom.
    pub(super) news: Vec<(ClientId, EntryName, Ended)>,
    /// What is to be pushed to all who follow.
    pub(super) log: Log,
}

impl Data {
    pub(super) fn time(&self) -> ServerTime {
        ServerTime(self.origin.saturating_add(self.elapsed))
    }

    pub(super) fn found(&self, entry: &EntryName, part: Part) -> Found {
        let bytes = self.contents.entries.get(self.elapsed, entry);
        let bytes = match part {
            Part::Whole => bytes.cloned(),
            Part::AtMost(most) => bytes
                .map(|bytes| &bytes[..bytes.len().min(most)])
                .filter(|bytes| !bytes.is_empty())
                .map(<[u8]>::to_vec),
            // Like `GETRANGE`, which cannot tell nothing from less than that.
            Part::Identity => bytes
                .and_then(|bytes| bytes.get(16..bytes.len().min(32)))
                .filter(|bytes| !bytes.is_empty())
                .map(<[u8]>::to_vec),
        };
        Found {
            bytes: bytes.map(Chunk::from),
            incarnation: self.incarnation,
            now: self.time(),
        }
    }

    pub(super) fn cell(&self, cell: &Cell) -> CellState {
        let bytes = self.contents.cells.get(self.elapsed, cell);
        match bytes.and_then(|bytes| <&[u8; 16]>::try_from(bytes.as_slice()).ok()) {
            Some(token) if token[0] == TOKEN => {
                CellState::Current(Proof::new(token, self.incarnation))
            }
            Some(token) if token[0] == INTENT => CellState::Intent,
            _ => CellState::Missing,
        }
    }

    /// What is in a cell, which has a token from now on unless there is this entry.
    pub(super) fn ensure_without(
        &mut self,
        entry: &EntryName,
        cell: &Cell,
        fresh: [u8; 16],
        keep: Duration,
    ) -> Result<CellState, Full> {
        if self.contents.entries.get(self.elapsed, entry).is_some() {
            return Ok(self.cell(cell));
        }
        self.ensure(cell, fresh, keep)
    }

    pub(super) fn lock(
        &mut self,
        client: ClientId,
        lock: &Lock,
        fresh: LeaseId,
    ) -> Result<Locked, Full> {
        let (now, entry) = (self.elapsed, &lock.entry);
        let running = self.contents.leases.get_mut(now, entry);
        if let How::IfFree { seen } | How::IfRested { seen } = lock.how {
            let stored = self.contents.entries.get(now, entry);
            if stored.and_then(|bytes| identity(bytes)) != seen {
                return Ok(Locked::Changed);
            }
            match running {
                Some(Lease::Pass | Lease::Lag) => return Ok(Locked::Pass),
                Some(Lease::Rest) if matches!(lock.how, How::IfRested { .. }) => {
                    return Ok(Locked::Resting(self.contents.leases.left(now, entry)));
                }
                Some(Lease::Held { waiters, .. }) => {
                    if !waiters.contains(&client) && waiters.len() < MOST_WAITERS {
                        if self.full {
                            return Err(Full);
                        }
                        waiters.push(client);
                    }
                    return Ok(Locked::Busy(self.contents.leases.left(now, entry)));
                }
                Some(Lease::Rest) | None => {}
            }
        }
        if matches!(self.contents.leases.get(now, entry), Some(Lease::Lag)) {
            return Ok(Locked::Pass);
        }
        if self.full {
            return Err(Full);
        }
        let waiters = match self.contents.leases.take(now, entry) {
            Some(Lease::Held { waiters, .. }) => waiters,
            Some(Lease::Pass | Lease::Rest | Lease::Lag) | None => Vec::new(),
        };
        if lock.how == How::Replace {
            self.contents.entries.take(now, entry);
            // For those who follow: their copies are not what is stored any more.
            let cell = Cell::Key(entry.clone());
            let (token, left) = match self.contents.cells.get(now, &cell).cloned() {
                Some(token) => (token, self.contents.cells.left(now, &cell)),
                None => (Vec::new(), Duration::from_millis(1)),
            };
            self.put_cell(cell, token, left);
        }
        let lease = Lease::Held {
            lease: fresh,
            waiters,
        };
        self.contents
            .leases
            .put(now, entry.clone(), lease, lock.ttl);
        Ok(Locked::Granted(fresh))
    }

    pub(super) fn fill(&mut self, fill: &Fill) -> Result<Filled, Full> {
        let stored = self.holds(&fill.entry, fill.lease);
        if stored {
            if self.full {
                return Err(Full);
            }
            let mut bytes = fill.envelope.clone();
            if bytes.len() < 48 {
                bytes.resize(48, 0);
            }
            let ServerTime(time) = self.time();
            bytes[32..40].copy_from_slice(&time.to_le_bytes());
            bytes[40..48].copy_from_slice(&time.to_be_bytes());
            let (now, entry) = (self.elapsed, fill.entry.clone());
            self.contents.entries.put(now, entry, bytes, fill.life);
            self.end(&fill.entry, Ended::Filled);
        }
        Ok(Filled {
            stored,
            incarnation: self.incarnation,
        })
    }

    pub(super) fn renew(&mut self, entry: &EntryName, lease: LeaseId, ttl: Duration) -> bool {
        let held = self.holds(entry, lease);
        if held {
            self.contents.leases.expire(self.elapsed, entry, ttl);
        }
        held
    }

    pub(super) fn release(&mut self, entry: &EntryName, lease: LeaseId, why: Release) {
        if !self.holds(entry, lease) {
            return;
        }
        let (ended, mark) = match why {
            Release::Failed => (Ended::Failed, None),
            Release::NotStored => (Ended::NotStored, Some((Lease::Pass, PASS))),
            Release::Rests(time) => (Ended::Failed, Some((Lease::Rest, time))),
        };
        self.end(entry, ended);
        if let Some((mark, lasts)) = mark {
            self.contents
                .leases
                .put(self.elapsed, entry.clone(), mark, lasts);
        }
    }

    pub(super) fn ensure(
        &mut self,
        cell: &Cell,
        fresh: [u8; 16],
        keep: Duration,
    ) -> Result<CellState, Full> {
        if self.cell(cell) == CellState::Missing {
            if self.full {
                return Err(Full);
            }
            self.put_cell(cell.clone(), fresh.to_vec(), keep);
        }
        Ok(self.cell(cell))
    }

    /// The state of a cell, which stays for half of `keep` at least. An intent ends when its writer
    /// said.
    pub(super) fn keep(&mut self, cell: &Cell, keep: Duration) -> CellState {
        let state = self.cell(cell);
        if state.proof().is_some() && self.contents.cells.left(self.elapsed, cell) < keep / 2 {
            self.contents.cells.expire(self.elapsed, cell, keep);
            self.log.changed(cell);
        }
        state
    }

    pub(super) fn lock_name(
        &mut self,
        name: &Arc<str>,
        fresh: LeaseId,
        ttl: Duration,
    ) -> Result<Option<LeaseId>, Full> {
        if self.contents.names.get(self.elapsed, name).is_some() {
            return Ok(None);
        }
        if self.full {
            return Err(Full);
        }
        let (now, name) = (self.elapsed, Arc::clone(name));
        self.contents.names.put(now, name, fresh, ttl);
        Ok(Some(fresh))
    }

    pub(super) fn renew_name(&mut self, name: &Arc<str>, lease: LeaseId, ttl: Duration) -> bool {
        let held = self.contents.names.get(self.elapsed, name) == Some(&lease);
        if held {
            self.contents.names.expire(self.elapsed, name, ttl);
        }
        held
    }

    pub(super) fn release_name(&mut self, name: &Arc<str>, lease: LeaseId) {
        if self.contents.names.get(self.elapsed, name) == Some(&lease) {
            self.contents.names.take(self.elapsed, name);
        }
    }

    #[cfg(feature = "rate-limit")]
    pub(super) fn draw(&mut self, draw: &Draw) -> Result<Drawn, Full> {
        let now = self.time().0.saturating_mul(1_000);
        let held = self.contents.buckets.get(self.elapsed, &draw.bucket);
        let (drawn, level) = draw.pace.draw(held.copied(), draw.parts, now);
        if let Some(level) = level {
            if self.full {
                return Err(Full);
            }
            let life = Duration::from_micros(draw.pace.time_for(level.missing));
            // Whole milliseconds, as with every life here: rounded up, or it would be full too soon.
            let life = Duration::from_millis(1).saturating_add(life);
            let bucket = draw.bucket.clone();
            self.contents.buckets.put(self.elapsed, bucket, level, life);
        }
        Ok(drawn)
    }

    pub(super) fn largest_entry(&self) -> usize {
        let sizes = self.contents.entries.values().map(Vec::len);
        sizes.max().unwrap_or_default()
    }

    pub(super) fn put_entry(&mut self, entry: EntryName, bytes: Vec<u8>, life: Duration) {
        self.contents.entries.put(self.elapsed, entry, bytes, life);
    }

    pub(super) fn put_cell(&mut self, cell: Cell, bytes: Vec<u8>, life: Duration) {
        self.log.changed(&cell);
        self.contents.cells.put(self.elapsed, cell, bytes, life);
    }

    fn holds(&self, entry: &EntryName, wanted: LeaseId) -> bool {
        matches!(
            self.contents.leases.get(self.elapsed, entry),
            Some(Lease::Held { lease, .. }) if *lease == wanted
        )
    }

    /// Ends whatever lease is in force.
    pub(super) fn end(&mut self, entry: &EntryName, how: Ended) {
        if let Some(Lease::Held { waiters, .. }) = self.contents.leases.take(self.elapsed, entry) {
            let told = waiters
                .into_iter()
                .map(|client| (client, entry.clone(), how));
            self.news.extend(told);
        }
    }
}

/// What goes away without being asked.
impl Data {
    pub(super) fn advance(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed = self.elapsed.saturating_add(by);
        for cell in self.contents.cells.take_ended(self.elapsed) {
            self.log.changed(&cell);
        }
    }

    pub(super) fn flush(&mut self) {
        self.contents = Contents::default();
        self.log.changed_everything();
    }

    pub(super) fn evict_cell(&mut self, cell: &Cell) {
        if self.contents.cells.take(0, cell).is_some() {
            self.log.changed(cell);
        }
    }

    pub(super) fn evict_cells(&mut self) {
        for cell in self.contents.cells.take_ended(u64::MAX) {
            self.log.changed(&cell);
        }
    }
}

impl Contents {
    pub(super) fn evict_entry(&mut self, entry: &EntryName) {
        self.entries.take(0, entry);
    }

    pub(super) fn evict_lease(&mut self, entry: &EntryName) {
        self.leases.take(0, entry);
    }

    pub(super) fn evict_name(&mut self, name: &str) {
        self.names.take(0, name);
    }
}

/// The lease under which an entry was stored.
fn identity(bytes: &[u8]) -> Option<LeaseId> {
    bytes.get(16..24)?.try_into().ok().map(LeaseId)
}
