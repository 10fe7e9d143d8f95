//! From bytes to an entry, or to the reason why there is none.

use std::fmt;
use std::time::Duration;

use super::layout::{
    AT_BORN, AT_BORN_AGAIN, AT_CHECKSUM, AT_CODEC, AT_COMPRESSION, AT_COST, AT_FLAGS, AT_FRESH_FOR,
    AT_HEADER_LEN, AT_ID, AT_INCARNATION, AT_RAW_LEN, AT_SCHEMA, AT_TOKENS, AT_USABLE_FOR,
    AT_VERSION, AT_ZERO, EntryId, FIXED, MAGIC, MAX_TOKENS, NEGATIVE, VERSION, checksum,
};

/// What an envelope says about its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// "Not found" is what was found.
    pub(crate) negative: bool,
    pub(crate) codec: u8,
    /// The id: this build may not know it.
    pub(crate) compression: u8,
    pub(crate) schema: u16,
    pub(crate) cost: Duration,
    pub(crate) id: EntryId,
    pub(crate) incarnation: u64,
    /// In ms of the server's clock.
    pub(crate) born: u64,
    pub(crate) fresh_for: Duration,
    pub(crate) usable_for: Duration,
    pub(crate) raw_len: u32,
}

/// The tokens that were current before the load. They stand in the envelope and are not copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens<'a> {
    /// Well-formed records, as many as `count`.
    records: &'a [u8],
    count: usize,
}

/// Header, tokens, and the payload as it is stored.
pub(crate) type Parsed<'a> = (Header, Tokens<'a>, &'a [u8]);

/// Bytes that are no envelope of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Corrupt {
    /// Somebody else wrote this key, or next to nothing is left of it.
    #[error("not an envelope")]
    Foreign,
    /// A newer or an older library wrote it.
    #[error("an envelope of another version")]
    Version,
    #[error("a damaged envelope")]
    Damaged,
}

/// What is in an envelope.
pub(crate) fn parse(envelope: &[u8]) -> Result<Parsed<'_>, Corrupt> {
    let Some(fixed) = envelope.first_chunk::<FIXED>() else {
        return Err(Corrupt::Foreign);
    };
    if !fixed.starts_with(&MAGIC) {
        return Err(Corrupt::Foreign);
    }
    if fixed[AT_VERSION] != VERSION {
        return Err(Corrupt::Version);
    }
    parse_this_version(fixed, envelope).ok_or(Corrupt::Damaged)
}

fn parse_this_version<'a>(fixed: &[u8; FIXED], envelope: &'a [u8]) -> Option<Parsed<'a>> {
    if u32::from_le_bytes(at(fixed, AT_CHECKSUM)) != checksum(envelope) {
        return None;
    }
    let born = u64::from_le_bytes(at(fixed, AT_BORN));
    if born != u64::from_be_bytes(at(fixed, AT_BORN_AGAIN)) {
        return None;
    }
    let negative = match fixed[AT_FLAGS] {
        0 => false,
        NEGATIVE => true,
        _ => return None,
    };
    if fixed[AT_ZERO] != 0 {
        return None;
    }
    let header_len = usize::from(u16::from_le_bytes(at(fixed, AT_HEADER_LEN)));
    let records = envelope.get(FIXED..header_len)?;
    let payload = envelope.get(header_len..)?;
    let raw_len = u32::from_le_bytes(at(fixed, AT_RAW_LEN));
    if negative && (raw_len != 0 || !payload.is_empty()) {
        return None;
    }
    let header = Header {
        negative,
        codec: fixed[AT_CODEC],
        compression: fixed[AT_COMPRESSION],
        schema: u16::from_le_bytes(at(fixed, AT_SCHEMA)),
        cost: Duration::from_millis(u32::from_le_bytes(at(fixed, AT_COST)).into()),
        id: EntryId(at(fixed, AT_ID)),
        incarnation: u64::from_le_bytes(at(fixed, AT_INCARNATION)),
        born,
        fresh_for: Duration::from_millis(u64::from_le_bytes(at(fixed, AT_FRESH_FOR))),
        usable_for: Duration::from_millis(u64::from_le_bytes(at(fixed, AT_USABLE_FOR))),
        raw_len,
    };
    let tokens = Tokens::parse(records, fixed[AT_TOKENS].into())?;
    Some((header, tokens, payload))
}

impl<'a> Tokens<'a> {
    /// Exactly `count` records.
    fn parse(records: &'a [u8], count: usize) -> Option<Self> {
        let mut rest = records;
        if count > MAX_TOKENS {
            return None;
        }
        for _ in 0..count {
            let name;
            ((name, _), rest) = token(rest)?;
            std::str::from_utf8(name).ok()?;
        }
        rest.is_empty().then_some(Self { records, count })
    }

    pub(crate) fn len(self) -> usize {
        self.count
    }

    /// The name, and the proof.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a str, u64)> {
        let text = |(name, proof)| Some((std::str::from_utf8(name).ok()?, proof));
        self.raw().map_while(text)
    }

    /// The bytes of the name, which are text, and the proof.
    pub(crate) fn raw(self) -> Records<'a> {
        Records(self.records)
    }
}

/// A name and a proof.
type Record<'a> = (&'a [u8], u64);

/// What is left of well-formed records.
pub(crate) struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, others) = token(self.0)?;
        self.0 = others;
        Some(first)
    }
}

/// Names hold what users put into tags.
impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// The first record, and the others.
fn token(records: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (len, rest) = records.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
    let (proof, rest) = rest.split_first_chunk()?;
    Some(((name, u64::from_le_bytes(*proof)), rest))
}

/// All places are constants within the fixed part.
fn at<const N: usize>(fixed: &[u8; FIXED], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&fixed[at..at + N]);
    bytes
}
