//! Invalidations and bracketed writes in the server.

use std::time::Duration;

use super::data::{Data, Full, Lease};
use super::generator::{INTENT, LAG, TOKEN};
use crate::defect::Defect;
use crate::remote::{Cell, Concluded, Ended, EntryName, Intent, Turn};

/// What is in a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Nothing,
    Token,
    /// A source lags.
    Lag,
    /// A write is under way.
    Write,
}

impl Data {
    pub(super) fn rotate(&mut self, cell: &Cell, fresh: [u8; 16], turn: Turn) -> Result<(), Full> {
        let (token, class) = self.content(cell);
        if turn.soft.is_none() {
            self.unmark(cell);
        }
        let intent = matches!(class, Class::Lag | Class::Write);
        // Whoever set an intent ends it; nothing that is older can be read until then.
        if intent && !Defect::IntentReplaced.is_on() {
            self.live(cell, turn.lag);
            return Ok(());
        }
        if self.turns_nothing(class, turn)? {
            self.unmark(cell);
            return Ok(());
        }
        if let Some((soft, mark)) = turn.soft.zip(cell.mark()) {
            match class {
                Class::Token => self.put_cell(mark, token, soft),
                Class::Nothing | Class::Lag | Class::Write => self.unmark(cell),
            }
        }
        self.turn(cell, fresh, turn);
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        entry: &EntryName,
        fresh: [u8; 16],
        turn: Turn,
    ) -> Result<(), Full> {
        let now = self.elapsed;
        let lagging = matches!(self.contents.leases.get(now, entry), Some(Lease::Lag));
        let left = if lagging {
            self.contents.leases.left(now, entry)
        } else {
            Duration::ZERO
        };
        self.contents.entries.take(now, entry);
        self.end(entry, Ended::Invalidated);
        let lag = turn.lag.unwrap_or_default();
        if !lag.max(left).is_zero() {
            let name = entry.clone();
            self.contents
                .leases
                .put(now, name, Lease::Lag, lag.max(left));
        }
        let cell = Cell::Key(entry.clone());
        let (token, class) = self.content(&cell);
        let left = self.contents.cells.left(now, &cell);
        let (token, life) = match class {
            Class::Lag | Class::Write => (token, left.max(lag)),
            Class::Nothing | Class::Token if turn.lag.is_some() => (fresh.to_vec(), lag),
            Class::Nothing | Class::Token if left.is_zero() => {
                // For those who follow: a cell that is no token, and is gone at once.
                self.put_cell(cell, Vec::new(), Duration::from_millis(1));
                return Ok(());
            }
            Class::Nothing | Class::Token => (fresh.to_vec(), left),
        };
        if self.full {
            return Err(Full);
        }
        self.put_cell(cell, token, life);
        Ok(())
    }

    /// Whether another write is under way.
    pub(super) fn intend(
        &mut self,
        cell: &Cell,
        fresh: [u8; 16],
        life: Duration,
    ) -> Result<bool, Full> {
        if self.full {
            return Err(Full);
        }
        let (_, class) = self.content(cell);
        let life = match class {
            Class::Lag | Class::Write => life.max(self.contents.cells.left(self.elapsed, cell)),
            Class::Nothing | Class::Token => life,
        };
        self.put_cell(cell.clone(), fresh.to_vec(), life);
        self.unmark(cell);
        Ok(class == Class::Write)
    }

    pub(super) fn conclude(
        &mut self,
        cell: &Cell,
        intent: Intent,
        fresh: [u8; 16],
        turn: Turn,
    ) -> Result<Concluded, Full> {
        let (token, class) = self.content(cell);
        let mine = token == intent.token;
        if class == Class::Write && (!mine || intent.overlaps) {
            self.live(cell, turn.lag);
            return Ok(Concluded::Left);
        }
        if class == Class::Lag {
            self.live(cell, turn.lag);
        } else if !self.turns_nothing(class, turn)? {
            self.turn(cell, fresh, turn);
        }
        self.unmark(cell);
        Ok(if mine {
            Concluded::Ended
        } else {
            Concluded::Weakened
        })
    }

    fn content(&self, cell: &Cell) -> (Vec<u8>, Class) {
        let bytes = self.contents.cells.get(self.elapsed, cell);
        let bytes = bytes.cloned().unwrap_or_default();
        let class = match bytes[..] {
            [TOKEN, ..] if bytes.len() == 16 => Class::Token,
            [INTENT, LAG, ..] if bytes.len() == 16 => Class::Lag,
            [INTENT, ..] if bytes.len() == 16 => Class::Write,
            _ => Class::Nothing,
        };
        (bytes, class)
    }

    /// Whether a cell that is not there stays so, because memory is full: it proves nothing, as if
    /// the new token had been evicted at once. New bytes take the room of those that are there.
    fn turns_nothing(&self, class: Class, turn: Turn) -> Result<bool, Full> {
        let nothing = self.full && class == Class::Nothing;
        if nothing && turn.lag.is_some() {
            return Err(Full);
        }
        Ok(nothing)
    }

    /// New bytes, a token or where the source lags an intent.
    fn turn(&mut self, cell: &Cell, fresh: [u8; 16], turn: Turn) {
        let life = turn.lag.unwrap_or(turn.keep);
        self.put_cell(cell.clone(), fresh.to_vec(), life);
    }

    /// At least for as long as the source lags.
    fn live(&mut self, cell: &Cell, lag: Option<Duration>) {
        let left = self.contents.cells.left(self.elapsed, cell);
        if let Some(lag) = lag.filter(|lag| left < *lag) {
            self.contents.cells.expire(self.elapsed, cell, lag);
            self.log.changed(cell);
        }
    }

    /// What was softly invalidated before may not be given any more.
    fn unmark(&mut self, cell: &Cell) {
        if let Some(mark) = cell.mark() {
            self.contents.cells.take(0, &mark);
        }
    }
}
