//! Wishes for leases, and the look-up that has one where it finds nothing: one script for both.

use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;

use super::commands::{KEYS, LOCK_KEYS, add_cells, first_of, locked};
use super::error::{Effect, Trouble};
use super::exchange::{Again, exchange, millis, states};
use super::node::{Kind, Node};
use super::pair::Pair;
use super::scripts::{Form, LOCK};
use super::session::Command;
use super::tokens::lease_and_tokens;
use crate::remote::{Cell, Chunk, EntryName, Fault, Found, How, LeaseId, Lock, Locked, ReadOrLock};

pub(super) async fn read_or_lock(
    node: &Arc<Node>,
    entry: EntryName,
    ttl: Duration,
    cells: Vec<Cell>,
    keep: Duration,
) -> Result<ReadOrLock, Fault> {
    if cells.len() > KEYS - LOCK_KEYS {
        return Err(Fault::Refused("too many cells for one script".to_owned()));
    }
    let asked = node.operate(Kind::Take, |pair| async move {
        match opened(node, &pair, (&entry, ttl), (&cells, keep)).await {
            // Whoever asks goes on with a look-up, and with a wish where that finds nothing. What is
            // refused then is told.
            Err(trouble) if trouble.effect == Effect::Refused => Ok(Err(trouble.fault)),
            outcome => outcome.map(Ok),
        }
    });
    let opened = asked.await??;
    node.has_read();
    Ok(opened)
}

async fn opened(
    node: &Node,
    pair: &Pair,
    (entry, ttl): (&EntryName, Duration),
    (cells, keep): (&[Cell], Duration),
) -> Result<ReadOrLock, Trouble> {
    let mut id = LeaseId([0; 8]);
    let replies = exchange(pair, 1, Again::These, &mut |_, form| {
        let wish = Wish::unless_found(entry, ttl);
        let (command, lease) = lock_command(node, form, wish, (cells, keep))?;
        id = lease;
        Ok(command)
    })
    .await?;
    let (outcome, tokens) = first_of(replies.into_iter().next().unwrap_or_default())?;
    let (bytes, locked) = match outcome {
        Value::Array(list) if matches!(list[..], [Value::BulkString(_)]) => {
            let bytes = list.into_iter().next();
            let bytes = bytes.and_then(|bytes| match bytes {
                Value::BulkString(bytes) => Some(bytes),
                _ => None,
            });
            (bytes, Locked::Changed)
        }
        outcome => (None, locked(&outcome, id)?),
    };
    Ok(ReadOrLock {
        entry: Found {
            bytes: bytes.map(Chunk::from),
            incarnation: pair.incarnation(),
            now: pair.server_time(),
        },
        locked,
        cells: states([tokens], cells.len(), pair)?,
    })
}

/// The way that marks the key, too.
const REPLACE: &str = "r";

/// A wish for a lease, in the words of the script.
pub(super) struct Wish<'a> {
    entry: &'a EntryName,
    ttl: Duration,
    how: &'static str,
    seen: &'a [u8],
}

impl<'a> Wish<'a> {
    /// The entry, or if there is none its lease.
    fn unless_found(entry: &'a EntryName, ttl: Duration) -> Self {
        Self {
            entry,
            ttl,
            how: "n",
            seen: &[],
        }
    }
}

impl<'a> From<&'a Lock> for Wish<'a> {
    fn from(lock: &'a Lock) -> Self {
        let (how, seen) = match &lock.how {
            How::IfFree { seen } => ("f", seen.as_ref()),
            How::IfRested { seen } => ("e", seen.as_ref()),
            How::TakeOver => ("t", None),
            How::Replace => (REPLACE, None),
        };
        Self {
            entry: &lock.entry,
            ttl: lock.ttl,
            how,
            seen: seen.map_or(&[], |seen| &seen.0),
        }
    }
}

/// And missing tokens of cells, which are kept for so long. With the lease that may be granted.
pub(super) fn lock_command<'a>(
    node: &Node,
    form: Form,
    wish: impl Into<Wish<'a>>,
    (cells, keep): (&[Cell], Duration),
) -> Result<(Command, LeaseId), Trouble> {
    let (wish, names) = (wish.into(), node.names());
    let (lease, tokens) = lease_and_tokens(cells.len())?;
    let replaces = wish.how == REPLACE;
    let keys = LOCK_KEYS - usize::from(!replaces) + cells.len();
    let mut command = LOCK.call(form, keys);
    command
        .word(names.value(wish.entry).parts())
        .word(names.lease(wish.entry).parts());
    if replaces {
        command.word(names.key_token(wish.entry).parts());
    }
    add_cells(&mut command, names, cells);
    command
        .bytes(&lease.0)
        .number(millis(wish.ttl))
        .bytes(&[wish.how.as_bytes(), wish.seen].concat())
        .bytes(node.ear().process());
    if !cells.is_empty() {
        command.number(millis(keep)).bytes(tokens.as_flattened());
    }
    Ok((command, lease))
}
