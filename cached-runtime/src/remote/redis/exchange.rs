//! Commands that are scripts, and what their replies say.
//!
//! Every command is built with bytes that were never sent before. It is built again, with new
//! ones, only if the server said that it does not know the script, so did nothing.

use std::time::Duration;

use ::redis::Value;

use super::error::{Effect, Trouble};
use super::pair::Pair;
use super::plan::values;
use super::scripts::Form;
use super::session::{Command, Packed};
use super::tokens::state;
use crate::remote::CellState;

/// The longest life, which is about a hundred years: the server adds it to its own time.
const FOREVER: u64 = 1 << 42;

/// What is built again when the server does not know a script.
#[derive(Clone, Copy)]
pub(super) enum Again {
    /// The commands that were not known.
    These,
    /// And those behind them, which rely on them.
    AndLater,
}

/// Makes the command of a place. Not named by type: what is sent and read is compiled once.
type Make<'a> = &'a mut (dyn FnMut(usize, Form) -> Result<Command, Trouble> + Send);

/// Sends `count` commands in order, and gives their replies; none of them is an error.
pub(super) async fn exchange(
    pair: &Pair,
    count: usize,
    again: Again,
    command: Make<'_>,
) -> Result<Vec<Value>, Trouble> {
    let replies = exchange_each(pair, count, again, command).await?;
    all_of(&replies)?;
    Ok(replies)
}

/// Fails if one of them is an error.
pub(super) fn all_of(replies: &[Value]) -> Result<(), Trouble> {
    replies.iter().try_for_each(|reply| match reply {
        Value::ServerError(error) => Err(Trouble::from(error)),
        _ => Ok(()),
    })
}

/// The same where each reply may be an error.
pub(super) async fn exchange_each(
    pair: &Pair,
    count: usize,
    again: Again,
    command: Make<'_>,
) -> Result<Vec<Value>, Trouble> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut commands = Packed::default();
    for at in 0..count {
        commands.add(&command(at, Form::Known)?);
    }
    let mut replies = pair.send(commands).await?;
    let unknown = |reply: &Value| match reply {
        Value::ServerError(error) => Trouble::from(error).effect == Effect::NoScript,
        _ => false,
    };
    let mut places: Vec<_> = (0..count).filter(|at| unknown(&replies[*at])).collect();
    if let (Again::AndLater, Some(first)) = (again, places.first().copied()) {
        places = (first..count).collect();
    }
    if !places.is_empty() {
        let mut commands = Packed::default();
        for at in &places {
            commands.add(&command(*at, Form::Text)?);
        }
        for (at, reply) in places.into_iter().zip(pair.send(commands).await?) {
            replies[at] = reply;
        }
    }
    Ok(replies)
}

/// At least one: the server refuses a life of nothing.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(FOREVER)
        .clamp(1, FOREVER)
}

pub(super) fn yes(reply: &Value) -> Result<bool, Trouble> {
    match reply {
        Value::Int(number) => Ok(*number == 1),
        _ => Err(Trouble::garbled()),
    }
}

/// The states in lists of tokens, of which there are `count` in all.
pub(super) fn states(
    lists: impl IntoIterator<Item = Value>,
    count: usize,
    pair: &Pair,
) -> Result<Vec<CellState>, Trouble> {
    let mut states = Vec::with_capacity(count);
    for list in lists {
        let tokens = values(Some(list))?;
        states.extend(tokens.iter().map(|token| state(token, pair.incarnation())));
    }
    if states.len() == count {
        Ok(states)
    } else {
        Err(Trouble::garbled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_life_is_refused_by_the_server() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_micros(900)), 1);
        assert_eq!(millis(Duration::from_secs(2)), 2_000);
        assert_eq!(millis(Duration::MAX), FOREVER);
    }
}
