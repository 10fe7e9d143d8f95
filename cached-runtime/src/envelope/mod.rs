//! What is stored for a key outside of this process: a header, and the bytes of the value.
//!
//! Version 1; numbers are little-endian but for one:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 2 | magic `CA 51` |
//! | 2 | 1 | version, 1 |
//! | 3 | 1 | flags: 1 = "not found", without payload |
//! | 4 | 1 | codec id |
//! | 5 | 1 | compression id |
//! | 6 | 1 | number of tokens, at most 64 |
//! | 7 | 1 | 0 |
//! | 8 | 2 | length of the header |
//! | 10 | 2 | [schema id](schema_id) of the value's type |
//! | 12 | 4 | what the load cost, in ms |
//! | 16 | 8 | id of the entry: the lease under which it was stored |
//! | 24 | 8 | incarnation of the server that granted the lease |
//! | 32 | 8 | born: ms of the server's clock, written by the server when it stores |
//! | 40 | 8 | born again, big-endian |
//! | 48 | 8 | fresh for, in ms |
//! | 56 | 8 | usable for, in ms |
//! | 64 | 4 | length of the payload before compression |
//! | 68 | 4 | CRC-32C of everything but itself and the two stamps |
//! | 72 | | tokens: length of the name (2), name, proof (8) |
//! | | | payload |
//!
//! The server cannot compute the checksum: the two forms of one stamp take its place for them.
//! The first two tokens have no name: the reader knows them. Where others have none, it is the empty
//! tag.
//!
//! Reading is total: anything else than an envelope of this version is an [`Unreadable`], which is
//! a miss. Nothing is believed before the checksum is, and the checksum is not believed about
//! sizes: whoever can write to the store can compute it.

mod layout;
mod open;
mod read;
mod schema;
#[cfg(any(test, fuzzing))]
mod stamp;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use self::layout::{EntryId, ID, LONGEST_HEADER, MAX_TOKENS, TokenRecord};
pub(crate) use self::read::{Header, parse};
pub(crate) use self::schema::schema_id;
pub(crate) use self::write::Draft;

// What the server does, and the reasons of a miss, for tests and for the fuzz target.
#[cfg(any(test, fuzzing))]
pub(crate) use self::{
    layout::STAMPS, open::Unreadable, read::Corrupt, stamp::stamp, write::CannotSeal,
};
