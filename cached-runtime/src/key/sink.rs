//! What the tokens of a canonical encoding are written to.

use serde::Serialize;

use super::canonical::{Canonical, Unkeyable};

/// The first byte of each token. Zero is none of them: [`HashSink`](super::hash::HashSink) relies on it.
pub(super) mod tag {
    pub(crate) const END: u8 = 1;
    pub(crate) const UINT: u8 = 2;
    pub(crate) const NEG: u8 = 3;
    pub(crate) const BIG: u8 = 4;
    pub(crate) const BIGNEG: u8 = 5;
    pub(crate) const FLOAT: u8 = 6;
    pub(crate) const FALSE: u8 = 7;
    pub(crate) const TRUE: u8 = 8;
    pub(crate) const CHAR: u8 = 9;
    pub(crate) const STR: u8 = 10;
    pub(crate) const BYTES: u8 = 11;
    pub(crate) const NONE: u8 = 12;
    pub(crate) const SOME: u8 = 13;
    pub(crate) const TUPLE: u8 = 14;
    pub(crate) const SEQ: u8 = 15;
    pub(crate) const STRUCT: u8 = 16;
    pub(crate) const MAP: u8 = 17;
    pub(crate) const UNIT_VARIANT: u8 = 18;
    pub(crate) const NEWTYPE_VARIANT: u8 = 19;
    pub(crate) const TUPLE_VARIANT: u8 = 20;
    pub(crate) const STRUCT_VARIANT: u8 = 21;
    pub(crate) const VERSION: u8 = 22;
    pub(crate) const TYPES: u8 = 23;
}

/// Takes the tokens of one canonical encoding.
pub trait Sink {
    /// Whether it matters in which order the entries of a map come.
    const ORDERED: bool = true;

    /// A token without content.
    fn tag(&mut self, tag: u8);
    /// A token with a word.
    fn word(&mut self, tag: u8, word: u64);
    /// A token with a double word.
    fn wide(&mut self, tag: u8, wide: u128);
    /// A token with bytes; `len` is their number.
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]);
    /// Whole tokens that are encoded already.
    fn encoded(&mut self, tokens: &[u8]);
}

/// Writes a token with bytes, unless they are too many.
#[inline]
pub(super) fn text<S: Sink>(sink: &mut S, tag: u8, bytes: &[u8]) -> Result<(), Unkeyable> {
    let len = u32::try_from(bytes.len()).map_err(|_| Unkeyable)?;
    sink.bytes(tag, len, bytes);
    Ok(())
}

/// Writes the encoding down.
#[derive(Default)]
pub(super) struct BytesSink(pub(super) Vec<u8>);

impl Sink for BytesSink {
    #[inline]
    fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) {
        self.0.push(tag);
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    #[inline]
    fn wide(&mut self, tag: u8, wide: u128) {
        self.0.push(tag);
        self.0.extend_from_slice(&wide.to_le_bytes());
    }

    #[inline]
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(&len.to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) {
        self.0.extend_from_slice(tokens);
    }
}

/// Compares the encoding with one that is written down.
pub(super) struct EqualSink<'a> {
    rest: &'a [u8],
    equal: bool,
}

impl<'a> EqualSink<'a> {
    #[inline]
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        EqualSink {
            rest: encoded,
            equal: true,
        }
    }

    #[inline]
    pub(super) fn finished(&self) -> bool {
        self.equal && self.rest.is_empty()
    }

    /// Goes on after `N` bytes if they are `same`; else nothing that follows is equal.
    #[inline]
    fn take<const N: usize>(&mut self, same: impl FnOnce(&[u8; N]) -> bool) {
        match self.rest.split_first_chunk() {
            Some((head, rest)) if same(head) => self.rest = rest,
            _ => self.differ(),
        }
    }

    #[inline]
    fn differ(&mut self) {
        self.rest = &[];
        self.equal = false;
    }
}

impl Sink for EqualSink<'_> {
    #[inline]
    fn tag(&mut self, tag: u8) {
        self.take(|&[first]| first == tag);
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) {
        self.take(|&[first, ref rest @ ..]: &[u8; 9]| {
            first == tag && u64::from_le_bytes(*rest) == word
        });
    }

    #[inline]
    fn wide(&mut self, tag: u8, wide: u128) {
        self.take(|&[first, ref rest @ ..]: &[u8; 17]| {
            first == tag && u128::from_le_bytes(*rest) == wide
        });
    }

    #[inline]
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) {
        self.take(|&[first, ref rest @ ..]: &[u8; 5]| {
            first == tag && u32::from_le_bytes(*rest) == len
        });
        self.encoded(bytes);
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) {
        match self.rest.split_at_checked(tokens.len()) {
            Some((head, rest)) if head == tokens => self.rest = rest,
            _ => self.differ(),
        }
    }
}

/// Counts the bytes of the encoding.
struct CountSink(usize);

impl Sink for CountSink {
    const ORDERED: bool = false;

    #[inline]
    fn tag(&mut self, _: u8) {
        self.0 += 1;
    }

    #[inline]
    fn word(&mut self, _: u8, _: u64) {
        self.0 += 9;
    }

    #[inline]
    fn wide(&mut self, _: u8, _: u128) {
        self.0 += 17;
    }

    #[inline]
    fn bytes(&mut self, _: u8, _: u32, bytes: &[u8]) {
        self.0 += 5 + bytes.len();
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) {
        self.0 += tokens.len();
    }
}

/// Estimates the size of a value by that of its encoding, without allocating; zero if it has none.
pub(crate) fn encoded_size<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut sink = CountSink(0);
    value
        .serialize(Canonical::new(&mut sink))
        .map_or(0, |()| sink.0)
}
