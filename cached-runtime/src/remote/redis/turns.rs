//! Invalidations and bracketed writes, as commands.

use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;

use super::commands::KEYS;
use super::error::Trouble;
use super::exchange::{Again, exchange, millis, yes};
use super::names::Names;
use super::node::{Kind, Memory, Node};
use super::plan::values;
use super::scripts::{CONCLUDE, Form, INTEND, REMOVE, ROTATE, Script};
use super::session::Command;
use super::tokens::{Class, tokens};
use super::wake::message;
use crate::remote::{Cell, Concluded, Ended, EntryName, Fault, Intent, Turn};

/// In order: one script does it at once, and a longer list is several, one after the other.
pub(super) async fn rotate(
    node: &Arc<Node>,
    first: Vec<Cell>,
    then: Vec<Cell>,
    turn: Turn,
) -> Result<(), Fault> {
    let cells = [first, then].concat();
    if cells.is_empty() {
        return Ok(());
    }
    let work = node.operate(Kind::End, |pair| async move {
        let chunks: Vec<_> = cells.chunks(KEYS).collect();
        let replies = exchange(&pair, chunks.len(), Again::AndLater, &mut |at, form| {
            rotate_command(node.names(), form, chunks[at], turn)
        })
        .await?;
        memory(&replies)
    });
    node.wrote(work.await?);
    Ok(())
}

pub(super) async fn remove(
    node: &Arc<Node>,
    entries: Vec<EntryName>,
    turn: Turn,
) -> Result<(), Fault> {
    let names = node.names();
    let channels = names.channels();
    let channels = &channels;
    node.operate(Kind::End, |pair| async move {
        let replies = exchange(&pair, entries.len(), Again::These, &mut |at, form| {
            let entry = &entries[at];
            let mut command = REMOVE.call(form, 3);
            command
                .word(names.value(entry).parts())
                .word(names.lease(entry).parts())
                .word(names.key_token(entry).parts());
            for token in tokens(class(turn), 1)? {
                command.bytes(&token);
            }
            command.number(or_zero(turn.lag)).word([channels]);
            command.bytes(&message(Ended::Invalidated, entry));
            Ok(command)
        })
        .await?;
        replies.iter().try_for_each(|reply| yes(reply).map(drop))
    })
    .await
}

pub(super) async fn intend(
    node: &Arc<Node>,
    cells: Vec<Cell>,
    life: Duration,
) -> Result<Vec<Intent>, Fault> {
    if cells.is_empty() {
        return Ok(Vec::new());
    }
    node.operate(Kind::Write, |pair| async move {
        let chunks: Vec<_> = cells.chunks(KEYS).collect();
        let mut drawn = vec![Vec::new(); chunks.len()];
        let replies = exchange(&pair, chunks.len(), Again::These, &mut |at, form| {
            let (mut command, marks) = call(&INTEND, node.names(), form, chunks[at]);
            command.number(millis(life));
            drawn[at] = tokens(Class::Intent, chunks[at].len())?;
            for (token, mark) in drawn[at].iter().zip(marks) {
                command.bytes(token).number(mark);
            }
            Ok(command)
        })
        .await?;
        let overlaps = numbers(replies, cells.len())?;
        let intents = drawn.into_iter().flatten().zip(overlaps);
        let intents = intents.map(|(token, overlaps)| Intent {
            token,
            overlaps: overlaps == 1,
        });
        Ok(intents.collect())
    })
    .await
}

pub(super) async fn conclude(
    node: &Arc<Node>,
    first: Vec<Cell>,
    intents: Vec<(Cell, Intent)>,
    turn: Turn,
) -> Result<Vec<Concluded>, Fault> {
    if first.is_empty() && intents.is_empty() {
        return Ok(Vec::new());
    }
    node.operate(Kind::End, |pair| async move {
        let before: Vec<_> = first.chunks(KEYS).collect();
        let chunks: Vec<_> = intents.chunks(KEYS).collect();
        let count = before.len() + chunks.len();
        let mut replies = exchange(&pair, count, Again::AndLater, &mut |at, form| match before
            .get(at)
        {
            Some(cells) => rotate_command(node.names(), form, cells, turn),
            None => conclude_command(node.names(), form, chunks[at - before.len()], turn),
        })
        .await?;
        let ended = numbers(replies.split_off(before.len()), intents.len())?;
        memory(&replies)?;
        ended
            .into_iter()
            .map(|ended| match ended {
                0 => Ok(Concluded::Ended),
                1 => Ok(Concluded::Left),
                2 => Ok(Concluded::Weakened),
                _ => Err(Trouble::garbled()),
            })
            .collect()
    })
    .await
}

fn rotate_command(
    names: &Names,
    form: Form,
    cells: &[Cell],
    turn: Turn,
) -> Result<Command, Trouble> {
    let (mut command, marks) = call(&ROTATE, names, form, cells);
    command
        .number(millis(turn.keep))
        .number(or_zero(turn.lag))
        .number(or_zero(turn.soft));
    for (token, mark) in tokens(class(turn), cells.len())?.iter().zip(marks) {
        command.bytes(token).number(mark);
    }
    Ok(command)
}

fn conclude_command(
    names: &Names,
    form: Form,
    intents: &[(Cell, Intent)],
    turn: Turn,
) -> Result<Command, Trouble> {
    let cells = intents.iter().map(|(cell, _)| cell);
    let (mut command, marks) = call(&CONCLUDE, names, form, cells);
    command.number(millis(turn.keep)).number(or_zero(turn.lag));
    let tokens = tokens(class(turn), intents.len())?;
    for (((_, intent), token), mark) in intents.iter().zip(&tokens).zip(marks) {
        command
            .bytes(&intent.token)
            .number(u64::from(intent.overlaps))
            .bytes(token)
            .number(mark);
    }
    Ok(command)
}

/// A script with cells and their marks, and where in its keys the mark of each cell is; 0 if it
/// has none.
fn call<'a>(
    script: &Script,
    names: &Names,
    form: Form,
    cells: impl IntoIterator<Item = &'a Cell>,
) -> (Command, Vec<u64>) {
    let cells: Vec<_> = cells.into_iter().collect();
    let marks: Vec<_> = cells.iter().map(|cell| cell.mark()).collect();
    let marked = marks.iter().flatten();
    let mut command = script.call(form, cells.len() + marked.clone().count());
    for cell in cells.iter().copied().chain(marked) {
        names.with_cell(cell, |name| command.word(name.parts()));
    }
    let mut last = cells.len() as u64;
    let places = marks.iter().map(|mark| match mark {
        Some(_) => {
            last += 1;
            last
        }
        None => 0,
    });
    (command, places.collect())
}

/// What all of these rotations have shown.
fn memory(replies: &[Value]) -> Result<Memory, Trouble> {
    let mut each = replies.iter().map(|reply| match reply {
        Value::Int(0) => Ok(Memory::Unknown),
        Value::Int(1) => Ok(Memory::There),
        Value::Int(2) => Ok(Memory::Full),
        _ => Err(Trouble::garbled()),
    });
    each.try_fold(Memory::Unknown, |most, memory| Ok(most.max(memory?)))
}

fn class(turn: Turn) -> Class {
    turn.lag.map_or(Class::Token, |_| Class::Lag)
}

fn or_zero(time: Option<Duration>) -> u64 {
    time.map_or(0, millis)
}

/// The numbers in lists of them, of which there are `count` in all.
fn numbers(lists: Vec<Value>, count: usize) -> Result<Vec<i64>, Trouble> {
    let mut numbers = Vec::with_capacity(count);
    for list in lists {
        for value in values(Some(list))? {
            let Value::Int(number) = value else {
                return Err(Trouble::garbled());
            };
            numbers.push(number);
        }
    }
    if numbers.len() == count {
        Ok(numbers)
    } else {
        Err(Trouble::garbled())
    }
}
