//! What changes something, as commands.

use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;

use super::error::{Trouble, checked};
use super::exchange::{Again, all_of, exchange, exchange_each, millis, states, yes};
use super::names::Names;
use super::node::{Kind, Node};
use super::opening::lock_command;
use super::pair::{Pair, expect_master};
use super::plan::mget;
use super::scripts::{ENSURE, FILL, Form, RELEASE, RENEW, REREAD};
use super::session::{Command, Packed};
use super::tokens::{Class, lease, tokens};
use super::wake::message;
use crate::remote::{
    Cell, CellState, Ended, EntryName, Fault, Fill, FillReply, Filled, LeaseId, Lock, LockReply,
    Locked, Release,
};

/// No script touches more keys: others would have to wait for it.
pub(super) const KEYS: usize = 256;

/// What the scripts touch besides cells.
pub(super) const LOCK_KEYS: usize = 3;
const FILL_KEYS: usize = 2;

/// For how long everybody loads at once after an answer that could not be stored.
const PASS: Duration = Duration::from_secs(1);

/// Where the stamps of an envelope are.
const STAMPS: (usize, usize) = (32, 48);

pub(super) async fn lock(
    node: &Arc<Node>,
    locks: Vec<Lock>,
    cells: Vec<Cell>,
    keep: Duration,
) -> Result<LockReply, Fault> {
    if locks.is_empty() && cells.is_empty() {
        return Ok(LockReply::default());
    }
    node.operate(Kind::Take, |pair| async move {
        // Mostly one script does all.
        let alone = locks.is_empty() || cells.len() > KEYS - LOCK_KEYS;
        let (first, apart) = cells.split_at(if alone { 0 } else { cells.len() });
        let chunks: Vec<_> = apart.chunks(KEYS).collect();
        let mut leases = vec![LeaseId([0; 8]); locks.len()];
        let count = locks.len() + chunks.len();
        let replies = exchange_each(&pair, count, Again::These, &mut |at, form| {
            let Some(lock) = locks.get(at) else {
                return ensure_command(node, form, chunks[at - locks.len()], keep);
            };
            let cells = if at == 0 { first } else { &[] };
            let (command, lease) = lock_command(node, form, lock, (cells, keep))?;
            leases[at] = lease;
            Ok(command)
        })
        .await?;
        let replies = match all_of(&replies) {
            Ok(()) => replies,
            Err(trouble) => {
                give_back(node, &pair, &locks, &leases, &replies).await;
                return Err(trouble);
            }
        };
        let mut replies = replies.into_iter();
        let (mut granted, mut tokens) = (Vec::with_capacity(leases.len()), Vec::new());
        for (lease, reply) in leases.into_iter().zip(replies.by_ref()) {
            let (outcome, rest) = first_of(reply)?;
            granted.push((locked(&outcome, lease)?, pair.incarnation()));
            tokens.push(rest);
        }
        Ok(LockReply {
            locks: granted,
            cells: states(tokens.into_iter().chain(replies), cells.len(), &pair)?,
        })
    })
    .await
}

/// Some were granted and others refused, or tokens were: nobody is to wait for a load that nobody runs.
async fn give_back(
    node: &Node,
    pair: &Pair,
    locks: &[Lock],
    leases: &[LeaseId],
    replies: &[Value],
) {
    let granted = Value::BulkString(b"G".to_vec());
    let is_granted =
        |reply: &Value| matches!(reply, Value::Array(list) if list.first() == Some(&granted));
    let taken = locks.iter().zip(leases).zip(replies);
    let taken: Vec<_> = taken
        .filter(|(_, reply)| is_granted(reply))
        .map(|((lock, lease), _)| (lock, lease))
        .collect();
    let channels = node.names().channels();
    let released = exchange(pair, taken.len(), Again::These, &mut |at, form| {
        let (lock, lease) = taken[at];
        let mut command = RELEASE.call(form, 1);
        command
            .word(node.names().lease(&lock.entry).parts())
            .bytes(&lease.0)
            .number(0)
            .word([""])
            .word([&channels])
            .bytes(&message(Ended::Failed, &lock.entry));
        Ok(command)
    })
    .await;
    // Where this cannot be done they run out by themselves.
    drop(released);
}

pub(super) async fn ensure(
    node: &Arc<Node>,
    cells: Vec<Cell>,
    then: Vec<Cell>,
    keep: Duration,
) -> Result<Vec<CellState>, Fault> {
    if cells.is_empty() && then.is_empty() {
        return Ok(Vec::new());
    }
    node.operate(Kind::Take, |pair| async move {
        let first_chunks: Vec<_> = cells.chunks(KEYS).collect();
        let later_chunks: Vec<_> = then.chunks(KEYS).collect();
        // Making tokens is a write, which shows who is the master; what is read after it is not.
        let role = !then.is_empty() && node.verifies(&pair);
        let (firsts, laters) = (first_chunks.len(), later_chunks.len());
        let count = firsts + laters + usize::from(role);
        let mut replies = exchange(&pair, count, Again::AndLater, &mut |at, form| {
            if let Some(cells) = first_chunks.get(at) {
                return ensure_command(node, form, cells, keep);
            }
            let Some(cells) = later_chunks.get(at - firsts) else {
                return Ok(Command::wait());
            };
            let mut command = mget(0);
            add_cells(&mut command, node.names(), cells);
            Ok(command)
        })
        .await?;
        if role {
            replies.pop().map_or(Ok(()), expect_master)?;
        }
        states(replies, cells.len() + then.len(), &pair)
    })
    .await
}

pub(super) async fn fill(
    node: &Arc<Node>,
    fills: Vec<Fill>,
    cells: Vec<Cell>,
    keep: Duration,
) -> Result<FillReply, Fault> {
    if fills.is_empty() && cells.is_empty() {
        return Ok(FillReply::default());
    }
    if fills.iter().any(|fill| fill.envelope.len() < STAMPS.1) {
        return Err(Fault::Refused("an envelope without stamps".to_owned()));
    }
    node.operate(Kind::Write, |pair| async move {
        // Mostly one script does all. The cells first: storing an entry is a write, which shows that
        // they came from a master.
        let alone = fills.len() != 1 || cells.len() > KEYS - FILL_KEYS;
        let (with, apart) = cells.split_at(if alone { 0 } else { cells.len() });
        let chunks: Vec<_> = apart.chunks(KEYS).collect();
        let role = fills.is_empty() && node.verifies(&pair);
        let count = chunks.len() + fills.len() + usize::from(role);
        let mut replies = exchange(&pair, count, Again::These, &mut |at, form| {
            if let Some(cells) = chunks.get(at) {
                return Ok(reread_command(node, form, cells, keep));
            }
            Ok(match fills.get(at - chunks.len()) {
                Some(fill) => fill_command(node, form, fill, (with, keep)),
                None => Command::wait(),
            })
        })
        .await?;
        if role {
            replies.pop().map_or(Ok(()), expect_master)?;
        }
        let stored = replies.split_off(chunks.len());
        let incarnation = pair.incarnation();
        let mut fills = Vec::with_capacity(stored.len());
        for reply in stored {
            let (stored, tokens) = first_of(reply)?;
            fills.push(Filled {
                stored: yes(&stored)?,
                incarnation,
            });
            replies.push(tokens);
        }
        Ok(FillReply {
            incarnation: Some(incarnation),
            fills,
            cells: states(replies, cells.len(), &pair)?,
        })
    })
    .await
}

pub(super) async fn renew(
    node: &Arc<Node>,
    leases: Vec<(String, LeaseId)>,
    ttl: Duration,
) -> Result<Vec<bool>, Fault> {
    node.operate(Kind::End, |pair| async move {
        let replies = exchange(&pair, leases.len(), Again::These, &mut |at, form| {
            let (name, lease) = &leases[at];
            let mut command = RENEW.call(form, 1);
            command.word([name]).bytes(&lease.0).number(millis(ttl));
            Ok(command)
        })
        .await?;
        replies.iter().map(yes).collect()
    })
    .await
}

/// What is announced has the name of an entry; what has no entry is announced to nobody.
pub(super) async fn release(
    node: &Arc<Node>,
    leases: Vec<(String, LeaseId, Option<EntryName>)>,
    why: Release,
) -> Result<(), Fault> {
    let (lasts, mark, ended) = match why {
        Release::Failed => (0, "", Ended::Failed),
        Release::NotStored => (millis(PASS), "P", Ended::NotStored),
        Release::Rests(time) => (millis(time), "R", Ended::Failed),
    };
    let channels = node.names().channels();
    let channels = &channels;
    node.operate(Kind::End, |pair| async move {
        let replies = exchange(&pair, leases.len(), Again::These, &mut |at, form| {
            let (name, lease, entry) = &leases[at];
            let mut command = RELEASE.call(form, 1);
            command.word([name]).bytes(&lease.0).number(lasts);
            let said = entry.as_ref().map(|entry| message(ended, entry));
            let said = said.unwrap_or_default();
            command.word([mark]).word([channels]).bytes(&said);
            Ok(command)
        })
        .await?;
        replies.iter().try_for_each(|reply| yes(reply).map(drop))
    })
    .await
}

pub(super) async fn lock_name(
    node: &Arc<Node>,
    name: &str,
    ttl: Duration,
) -> Result<Option<LeaseId>, Fault> {
    let name = node.names().lock(name);
    node.operate(Kind::Take, |pair| async move {
        let lease = lease()?;
        let mut command = Command::with_capacity("SET", 0);
        command.word([&name]).bytes(&lease.0).word(["NX"]);
        command.word(["PX"]).number(millis(ttl));
        let mut commands = Packed::default();
        commands.add(&command);
        match checked(pair.send(commands).await?.pop().unwrap_or_default())? {
            Value::Okay => Ok(Some(lease)),
            Value::Nil => Ok(None),
            _ => Err(Trouble::garbled()),
        }
    })
    .await
}

/// And reads cells again, which are kept for so long.
fn fill_command(
    node: &Node,
    form: Form,
    fill: &Fill,
    (cells, keep): (&[Cell], Duration),
) -> Command {
    let names = node.names();
    let keys = FILL_KEYS + cells.len();
    let mut command = FILL.call_with_room(form, keys, fill.envelope.len());
    command
        .word(names.value(&fill.entry).parts())
        .word(names.lease(&fill.entry).parts());
    add_cells(&mut command, names, cells);
    command
        .bytes(&fill.lease.0)
        .number(millis(fill.life))
        .bytes(&fill.envelope[..STAMPS.0])
        .bytes(&fill.envelope[STAMPS.1..])
        .number(millis(keep));
    command
}

/// With a fresh token for each of the cells.
fn ensure_command(
    node: &Node,
    form: Form,
    cells: &[Cell],
    keep: Duration,
) -> Result<Command, Trouble> {
    let mut command = ENSURE.call(form, cells.len());
    add_cells(&mut command, node.names(), cells);
    command.number(millis(keep));
    for token in tokens(Class::Token, cells.len())? {
        command.bytes(&token);
    }
    Ok(command)
}

fn reread_command(node: &Node, form: Form, cells: &[Cell], keep: Duration) -> Command {
    let mut command = REREAD.call(form, cells.len());
    add_cells(&mut command, node.names(), cells);
    command.number(millis(keep));
    command
}

pub(super) fn add_cells(command: &mut Command, names: &Names, cells: &[Cell]) {
    for cell in cells {
        names.with_cell(cell, |name| _ = command.word(name.parts()));
    }
}

/// The first of a list, and the rest of it.
pub(super) fn first_of(reply: Value) -> Result<(Value, Value), Trouble> {
    match reply {
        Value::Array(mut list) if !list.is_empty() => {
            let first = list.remove(0);
            Ok((first, Value::Array(list)))
        }
        _ => Err(Trouble::garbled()),
    }
}

pub(super) fn locked(reply: &Value, lease: LeaseId) -> Result<Locked, Trouble> {
    match reply {
        Value::BulkString(word) if word == b"G" => Ok(Locked::Granted(lease)),
        Value::BulkString(word) if word == b"C" => Ok(Locked::Changed),
        Value::BulkString(word) if word == b"P" => Ok(Locked::Pass),
        Value::Int(left) => Ok(Locked::Busy(time_left(*left)?)),
        Value::Array(rest) => match rest.as_slice() {
            [Value::Int(left)] => Ok(Locked::Resting(time_left(*left)?)),
            _ => Err(Trouble::garbled()),
        },
        _ => Err(Trouble::garbled()),
    }
}

fn time_left(millis: i64) -> Result<Duration, Trouble> {
    let millis = u64::try_from(millis).map_err(|_| Trouble::garbled())?;
    Ok(Duration::from_millis(millis))
}
