//! The server's part of an envelope, for tests and for the fuzz target.

use super::layout::{AT_BORN, AT_BORN_AGAIN, FIXED};
use super::read::Corrupt;
use super::write::put;

/// Does what the server does when it stores an envelope.
pub(crate) fn stamp(envelope: &mut [u8], born: u64) -> Result<(), Corrupt> {
    if envelope.len() < FIXED {
        return Err(Corrupt::Foreign);
    }
    put(envelope, AT_BORN, born.to_le_bytes());
    put(envelope, AT_BORN_AGAIN, born.to_be_bytes());
    Ok(())
}
