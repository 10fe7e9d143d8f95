//! From an entry to its bytes.

use std::time::Duration;

use super::layout::{
    AT_CHECKSUM, AT_CODEC, AT_COMPRESSION, AT_COST, AT_FLAGS, AT_FRESH_FOR, AT_HEADER_LEN, AT_ID,
    AT_INCARNATION, AT_RAW_LEN, AT_SCHEMA, AT_TOKENS, AT_USABLE_FOR, AT_VERSION, EntryId, FIXED,
    MAGIC, MAX_TOKENS, NEGATIVE, TokenRecord, VERSION, checksum,
};
use crate::codec::compress::{LARGEST, Packed};

/// An entry before the server has stamped it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) codec: u8,
    pub(crate) schema: u16,
    pub(crate) cost: Duration,
    pub(crate) id: EntryId,
    pub(crate) incarnation: u64,
    pub(crate) fresh_for: Duration,
    pub(crate) usable_for: Duration,
    pub(crate) tokens: Vec<TokenRecord>,
}

/// Why an entry has no envelope. It is not stored then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotSeal {
    #[error("an entry has at most {MAX_TOKENS} tokens, with those it has by itself")]
    TooManyTokens,
    #[error("the names of the tokens are too long together")]
    NamesTooLong,
    #[error("the payload is larger than {LARGEST} bytes")]
    PayloadTooLarge,
}

impl Draft {
    /// The envelope of a value, or of "not found" if there is none. The stamps are zero.
    pub(crate) fn seal(&self, payload: Option<&Packed>) -> Result<Vec<u8>, CannotSeal> {
        let header_len = self.header_len()?;
        let raw_len = payload.map_or(0, |payload| payload.raw_len);
        let bytes = payload.map_or(&[][..], |payload| &payload.bytes);
        if raw_len.max(bytes.len()) > LARGEST {
            return Err(CannotSeal::PayloadTooLarge);
        }
        let mut out = Vec::with_capacity(usize::from(header_len) + bytes.len());
        out.resize(FIXED, 0);
        put(&mut out, 0, MAGIC);
        put(&mut out, AT_VERSION, [VERSION]);
        if payload.is_none() {
            put(&mut out, AT_FLAGS, [NEGATIVE]);
        }
        put(&mut out, AT_CODEC, [self.codec]);
        let compression = payload.map_or_else(Default::default, |payload| payload.compression);
        put(&mut out, AT_COMPRESSION, [compression.id()]);
        put(&mut out, AT_HEADER_LEN, header_len.to_le_bytes());
        put(&mut out, AT_SCHEMA, self.schema.to_le_bytes());
        let cost = u32::try_from(self.cost.as_millis()).unwrap_or(u32::MAX);
        put(&mut out, AT_COST, cost.to_le_bytes());
        put(&mut out, AT_ID, self.id.0);
        put(&mut out, AT_INCARNATION, self.incarnation.to_le_bytes());
        put(&mut out, AT_FRESH_FOR, millis(self.fresh_for));
        put(&mut out, AT_USABLE_FOR, millis(self.usable_for));
        let raw_len = u32::try_from(raw_len).map_err(|_| CannotSeal::PayloadTooLarge)?;
        put(&mut out, AT_RAW_LEN, raw_len.to_le_bytes());
        let tokens = u8::try_from(self.tokens.len()).map_err(|_| CannotSeal::TooManyTokens)?;
        put(&mut out, AT_TOKENS, [tokens]);
        for token in &self.tokens {
            let len = u16::try_from(token.name.len()).map_err(|_| CannotSeal::NamesTooLong)?;
            out.extend(len.to_le_bytes());
            out.extend(token.name.as_bytes());
            out.extend(token.proof.to_le_bytes());
        }
        out.extend(bytes);
        let checksum = checksum(&out);
        put(&mut out, AT_CHECKSUM, checksum.to_le_bytes());
        Ok(out)
    }

    fn header_len(&self) -> Result<u16, CannotSeal> {
        if self.tokens.len() > MAX_TOKENS {
            return Err(CannotSeal::TooManyTokens);
        }
        let records = self.tokens.iter().map(|token| 2 + token.name.len() + 8);
        u16::try_from(FIXED + records.sum::<usize>()).map_err(|_| CannotSeal::NamesTooLong)
    }
}

/// All places are within the fixed part, whose length the callers have seen to.
pub(super) fn put<const N: usize>(envelope: &mut [u8], at: usize, bytes: [u8; N]) {
    envelope[at..at + N].copy_from_slice(&bytes);
}

fn millis(duration: Duration) -> [u8; 8] {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .to_le_bytes()
}
