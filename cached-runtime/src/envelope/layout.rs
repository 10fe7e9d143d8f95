//! Where what is.

use std::ops::Range;

pub(super) const MAGIC: [u8; 2] = [0xCA, 0x51];
pub(super) const VERSION: u8 = 1;
pub(super) const NEGATIVE: u8 = 1;

pub(super) const AT_VERSION: usize = 2;
pub(super) const AT_FLAGS: usize = 3;
pub(super) const AT_CODEC: usize = 4;
pub(super) const AT_COMPRESSION: usize = 5;
pub(super) const AT_TOKENS: usize = 6;
pub(super) const AT_ZERO: usize = 7;
pub(super) const AT_HEADER_LEN: usize = 8;
pub(super) const AT_SCHEMA: usize = 10;
pub(super) const AT_COST: usize = 12;
pub(super) const AT_ID: usize = 16;
pub(super) const AT_INCARNATION: usize = 24;
pub(super) const AT_BORN: usize = 32;
pub(super) const AT_BORN_AGAIN: usize = 40;
pub(super) const AT_FRESH_FOR: usize = 48;
pub(super) const AT_USABLE_FOR: usize = 56;
pub(super) const AT_RAW_LEN: usize = 64;
pub(super) const AT_CHECKSUM: usize = 68;
/// The length of a header without tokens.
pub(super) const FIXED: usize = 72;
/// No header is longer: its length is written in two bytes.
pub(crate) const LONGEST_HEADER: usize = 0xFFFF;

/// What tells one entry from all others: the lease and who granted it.
pub(crate) const ID: Range<usize> = AT_ID..AT_INCARNATION;
/// What the server writes.
pub(crate) const STAMPS: Range<usize> = AT_BORN..AT_FRESH_FOR;
/// An entry has no more tokens than this.
pub(crate) const MAX_TOKENS: usize = 64;

/// The lease under which an entry was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryId(pub(crate) [u8; 8]);

/// A token as it was before the load: while it is the same, the entry is not invalidated.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenRecord {
    /// Empty where the reader knows it: the namespace and the function.
    pub(crate) name: Box<str>,
    pub(crate) proof: u64,
}

/// Names hold what users put into tags.
impl std::fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRecord").finish_non_exhaustive()
    }
}

/// The checksum of an envelope at least [`FIXED`] bytes long.
pub(super) fn checksum(envelope: &[u8]) -> u32 {
    let parts = [
        0..STAMPS.start,
        STAMPS.end..AT_CHECKSUM,
        FIXED..envelope.len(),
    ];
    parts.into_iter().fold(0, |crc, part| {
        crc32c::crc32c_append(crc, envelope.get(part).unwrap_or_default())
    })
}
