//! The hash of a key, which is the same whether the key is written down or not.

use core::hash::{BuildHasher, Hasher};
use std::hash::RandomState;
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use super::canonical::Unkeyable;
use super::sink::{Sink, tag};

/// Hashes the encoding without writing it down.
pub(super) struct HashSink<H> {
    hasher: H,
    /// The tags since the last content, oldest first. They are hashed together with the next
    /// content, so that a tag costs nothing where the compiler knows it, and its place counts.
    pending: u64,
}

impl<H: Hasher> HashSink<H> {
    #[inline]
    pub(super) fn new(hasher: H) -> Self {
        HashSink { hasher, pending: 0 }
    }

    #[inline]
    pub(super) fn finish(mut self) -> u64 {
        self.mix(0);
        self.hasher.finish()
    }

    /// Hashes the pending tags and one word.
    #[inline]
    fn mix(&mut self, word: u64) {
        self.hasher
            .write_u128(u128::from(self.pending) << 64 | u128::from(word));
        self.pending = 0;
    }
}

impl<H: Hasher> Sink for HashSink<H> {
    #[inline]
    fn tag(&mut self, tag: u8) -> Result<(), Unkeyable> {
        self.pending = self.pending << 8 | u64::from(tag);
        // Room for the tag of a token with content is always left.
        if self.pending >> 48 != 0 {
            self.mix(0);
        }
        Ok(())
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), Unkeyable> {
        self.pending = self.pending << 8 | u64::from(tag);
        self.mix(word);
        Ok(())
    }

    #[inline]
    fn wide(&mut self, tag: u8, wide: u128) -> Result<(), Unkeyable> {
        self.word(tag, 0)?;
        self.hasher.write_u128(wide);
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) -> Result<(), Unkeyable> {
        self.word(tag, u64::from(len))?;
        self.hasher.write(bytes);
        Ok(())
    }

    fn encoded(&mut self, tokens: &[u8]) -> Result<(), Unkeyable> {
        replay(tokens, self)
    }
}

/// Feeds a written encoding to a sink; fails if it ends within a token.
fn replay<S: Sink>(mut rest: &[u8], sink: &mut S) -> Result<(), Unkeyable> {
    while let Some((&tag, tail)) = rest.split_first() {
        rest = match tag {
            tag::UINT | tag::NEG | tag::FLOAT | tag::CHAR => {
                let (word, tail) = tail.split_first_chunk().ok_or(Unkeyable)?;
                sink.word(tag, u64::from_le_bytes(*word))?;
                tail
            }
            tag::BIG | tag::BIGNEG => {
                let (wide, tail) = tail.split_first_chunk().ok_or(Unkeyable)?;
                sink.wide(tag, u128::from_le_bytes(*wide))?;
                tail
            }
            tag::STR
            | tag::BYTES
            | tag::UNIT_VARIANT
            | tag::NEWTYPE_VARIANT
            | tag::TUPLE_VARIANT
            | tag::STRUCT_VARIANT
            | tag::VERSION
            | tag::TYPES => {
                let (len, tail) = tail.split_first_chunk().ok_or(Unkeyable)?;
                let len = u32::from_le_bytes(*len);
                let (bytes, tail) = tail.split_at_checked(len as usize).ok_or(Unkeyable)?;
                sink.bytes(tag, len, bytes)?;
                tail
            }
            _ => {
                sink.tag(tag)?;
                tail
            }
        };
    }
    Ok(())
}

/// A hasher that is the same for the whole process, so that the hash of a key fits every cache. It
/// goes on from a head, of which this is the hash.
#[inline]
pub(super) fn hasher(head: u64) -> FoldHasher<'static> {
    // The seeds come from the system: whoever sends the arguments must not be able to guess them.
    static SEED: LazyLock<(u64, SharedSeed)> = LazyLock::new(|| {
        let random = || RandomState::new().hash_one(());
        (random(), SharedSeed::from_u64(random()))
    });
    let (seed, shared) = &*SEED;
    FoldHasher::with_seed(*seed ^ head, shared)
}

/// The hash of a head that is written down.
pub(super) fn hash_head(encoded: &[u8]) -> Result<u64, Unkeyable> {
    hash_rest(0, encoded)
}

/// The hash of a key whose head has the hash `head`, and that goes on with `rest`.
pub(super) fn hash_rest(head: u64, rest: &[u8]) -> Result<u64, Unkeyable> {
    let mut sink = HashSink::new(hasher(head));
    sink.encoded(rest)?;
    Ok(sink.finish())
}
