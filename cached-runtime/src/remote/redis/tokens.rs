//! Bytes that were never sent before, and what tokens look like.
//!
//! Each attempt draws its own from the operating system, which does not repeat itself in a process
//! that was forked.

use ::redis::Value;

use super::error::Trouble;
use crate::remote::{CellState, Incarnation, LeaseId, Proof};

const NORMAL: u8 = 0;
const INTENT: u8 = 1;
/// The second byte of an intent that waits for a source which lags, and so is no write.
const LAG: u8 = 1;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Token,
    /// A write is under way.
    Intent,
    /// Nobody ends it.
    Lag,
}

/// Tokens for one attempt.
pub(super) fn tokens(class: Class, count: usize) -> Result<Vec<[u8; 16]>, Trouble> {
    let mut bytes = vec![0; count * 16];
    draw(&mut bytes)?;
    let (tokens, _) = bytes.as_chunks::<16>();
    let mut tokens = tokens.to_vec();
    for token in &mut tokens {
        match class {
            Class::Token => token[0] = NORMAL,
            Class::Intent => (token[0], token[1]) = (INTENT, 0),
            Class::Lag => (token[0], token[1]) = (INTENT, LAG),
        }
    }
    Ok(tokens)
}

/// A lease and tokens for one attempt. The system takes as long for one as for some of them.
pub(super) fn lease_and_tokens(count: usize) -> Result<(LeaseId, Vec<[u8; 16]>), Trouble> {
    let mut drawn = tokens(Class::Token, count + 1)?;
    let spare = drawn.pop().unwrap_or_default();
    Ok((LeaseId(std::array::from_fn(|at| spare[8 + at])), drawn))
}

/// A lease for one attempt.
pub(super) fn lease() -> Result<LeaseId, Trouble> {
    let mut bytes = [0; 8];
    draw(&mut bytes)?;
    Ok(LeaseId(bytes))
}

pub(super) fn draw(bytes: &mut [u8]) -> Result<(), Trouble> {
    getrandom::fill(bytes).map_err(|_| Trouble::unavailable("no random numbers"))
}

/// What a reply says about a cell.
pub(super) fn state(value: &Value, incarnation: Incarnation) -> CellState {
    match value {
        Value::BulkString(bytes) => state_of(bytes, incarnation),
        _ => CellState::Missing,
    }
}

/// What the bytes of a cell say; the class of a newer version is nothing that can be read.
pub(super) fn state_of(bytes: &[u8], incarnation: Incarnation) -> CellState {
    match <&[u8; 16]>::try_from(bytes) {
        Ok(token) if token[0] == NORMAL => CellState::Current(Proof::new(token, incarnation)),
        Ok(token) if token[0] == INTENT => CellState::Intent,
        _ => CellState::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i12_whatever_is_no_token_is_missing() {
        let inc = Incarnation(5);
        let of = |bytes: &[u8]| state(&Value::BulkString(bytes.to_vec()), inc);
        let mut token = [9; 16];
        token[0] = NORMAL;
        assert_eq!(of(&token), CellState::Current(Proof::new(&token, inc)));
        token[0] = INTENT;
        assert_eq!(of(&token), CellState::Intent);
        token[0] = 2;
        assert_eq!(of(&token), CellState::Missing);
        for other in [&token[..15], b"", &[0; 17]] {
            assert_eq!(of(other), CellState::Missing);
        }
        assert_eq!(state(&Value::Nil, inc), CellState::Missing);
        assert_eq!(state(&Value::Int(3), inc), CellState::Missing);
    }

    #[test]
    fn f1_no_two_attempts_have_the_same_bytes() {
        let draw = || tokens(Class::Token, 3).unwrap();
        let (one, two) = (draw(), draw());
        assert!(
            one.iter()
                .all(|token| token[0] == NORMAL && !two.contains(token))
        );
        assert_ne!(one[0], one[1]);
        assert_ne!(lease().unwrap(), lease().unwrap());
        let ((one, mine), (two, others)) =
            (lease_and_tokens(2).unwrap(), lease_and_tokens(2).unwrap());
        assert_ne!(one, two);
        assert_eq!((mine.len(), others.len()), (2, 2));
        assert!(mine.iter().all(|token| !others.contains(token)));
        assert!(mine.iter().all(|token| token[8..] != one.0));
        for class in [Class::Intent, Class::Lag] {
            let (one, two) = (tokens(class, 1).unwrap(), tokens(class, 1).unwrap());
            assert_ne!(one, two, "{class:?}");
        }
    }
}
