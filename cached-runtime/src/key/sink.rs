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

/// Takes the tokens of one canonical encoding. A method fails where no more need be said: what is
/// compared differs.
pub trait Sink {
    /// Whether it matters in which order the entries of a map come.
    const ORDERED: bool = true;

    /// A token without content.
    fn tag(&mut self, tag: u8) -> Result<(), Unkeyable>;
    /// A token with a word.
    fn word(&mut self, tag: u8, word: u64) -> Result<(), Unkeyable>;
    /// A token with a double word.
    fn wide(&mut self, tag: u8, wide: u128) -> Result<(), Unkeyable>;
    /// A token with bytes; `len` is their number.
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) -> Result<(), Unkeyable>;
    /// Whole tokens that are encoded already.
    fn encoded(&mut self, tokens: &[u8]) -> Result<(), Unkeyable>;
}

/// Writes a token with bytes, unless they are too many.
#[inline]
pub(super) fn text<S: Sink>(sink: &mut S, tag: u8, bytes: &[u8]) -> Result<(), Unkeyable> {
    let len = u32::try_from(bytes.len()).map_err(|_| Unkeyable)?;
    sink.bytes(tag, len, bytes)
}

/// Writes the encoding down.
#[derive(Default)]
pub(super) struct BytesSink(pub(super) Vec<u8>);

impl Sink for BytesSink {
    #[inline]
    fn tag(&mut self, tag: u8) -> Result<(), Unkeyable> {
        self.0.push(tag);
        Ok(())
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), Unkeyable> {
        self.0.push(tag);
        self.encoded(&word.to_le_bytes())
    }

    #[inline]
    fn wide(&mut self, tag: u8, wide: u128) -> Result<(), Unkeyable> {
        self.0.push(tag);
        self.encoded(&wide.to_le_bytes())
    }

    #[inline]
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) -> Result<(), Unkeyable> {
        if tag == tag::TYPES && names_a_closure(bytes) {
            return Err(Unkeyable);
        }
        self.0.push(tag);
        self.0.extend_from_slice(&len.to_le_bytes());
        self.encoded(bytes)
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) -> Result<(), Unkeyable> {
        self.0.extend_from_slice(tokens);
        Ok(())
    }
}

/// Whether one of these types is a closure: all those of one function have one name, so that a key
/// with it would be that of others, too. What only stands in one has a path that goes on.
fn names_a_closure(types: &[u8]) -> bool {
    const CLOSURE: &[u8] = b"{{closure}}";
    let mut ends = (CLOSURE.len()..=types.len()).filter(|end| types[..*end].ends_with(CLOSURE));
    ends.any(|end| !types[end..].starts_with(b"::"))
}

/// Compares the encoding with one that is written down. Once something differs nothing is equal any
/// more, whatever the value that is compared makes of the error.
pub(super) struct EqualSink<'a> {
    rest: &'a [u8],
}

impl<'a> EqualSink<'a> {
    #[inline]
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        EqualSink { rest: encoded }
    }

    /// Whether all of it was equal, if nothing failed.
    #[inline]
    pub(super) fn finished(&self) -> bool {
        self.rest.is_empty()
    }

    #[cold]
    fn differs(&mut self) -> Result<(), Unkeyable> {
        // No token begins like this, so none takes it away.
        self.rest = &[0];
        Err(Unkeyable)
    }

    /// Goes on after `N` bytes if they are `same`.
    #[inline]
    fn take<const N: usize>(
        &mut self,
        same: impl FnOnce(&[u8; N]) -> bool,
    ) -> Result<(), Unkeyable> {
        match self.rest.split_first_chunk() {
            Some((head, rest)) if same(head) => {
                self.rest = rest;
                Ok(())
            }
            _ => self.differs(),
        }
    }
}

impl Sink for EqualSink<'_> {
    #[inline]
    fn tag(&mut self, tag: u8) -> Result<(), Unkeyable> {
        self.take(|&[first]| first == tag)
    }

    #[inline]
    fn word(&mut self, tag: u8, word: u64) -> Result<(), Unkeyable> {
        self.take(|&[first, ref rest @ ..]: &[u8; 9]| {
            first == tag && u64::from_le_bytes(*rest) == word
        })
    }

    #[inline]
    fn wide(&mut self, tag: u8, wide: u128) -> Result<(), Unkeyable> {
        self.take(|&[first, ref rest @ ..]: &[u8; 17]| {
            first == tag && u128::from_le_bytes(*rest) == wide
        })
    }

    #[inline]
    fn bytes(&mut self, tag: u8, len: u32, bytes: &[u8]) -> Result<(), Unkeyable> {
        self.take(|&[first, ref rest @ ..]: &[u8; 5]| {
            first == tag && u32::from_le_bytes(*rest) == len
        })?;
        self.encoded(bytes)
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) -> Result<(), Unkeyable> {
        match self.rest.split_at_checked(tokens.len()) {
            Some((head, rest)) if same(head, tokens) => {
                self.rest = rest;
                Ok(())
            }
            _ => self.differs(),
        }
    }
}

/// Whether two runs of bytes of one length are equal: most arguments are short, and not worth a
/// call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    let (len, word) = (a.len(), |word: &[u8; 8]| u64::from_le_bytes(*word));
    if len > 16 {
        return a == b;
    }
    match (a.split_first_chunk(), b.split_first_chunk()) {
        (Some((first, _)), Some((other, _))) => {
            let last = a.last_chunk().map(word) == b.last_chunk().map(word);
            last && word(first) == word(other)
        }
        _ => a == b,
    }
}

/// Counts the bytes of the encoding.
struct CountSink(usize);

impl Sink for CountSink {
    const ORDERED: bool = false;

    #[inline]
    fn tag(&mut self, _: u8) -> Result<(), Unkeyable> {
        self.0 += 1;
        Ok(())
    }

    #[inline]
    fn word(&mut self, _: u8, _: u64) -> Result<(), Unkeyable> {
        self.0 += 9;
        Ok(())
    }

    #[inline]
    fn wide(&mut self, _: u8, _: u128) -> Result<(), Unkeyable> {
        self.0 += 17;
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, _: u8, _: u32, bytes: &[u8]) -> Result<(), Unkeyable> {
        self.0 += 5 + bytes.len();
        Ok(())
    }

    #[inline]
    fn encoded(&mut self, tokens: &[u8]) -> Result<(), Unkeyable> {
        self.0 += tokens.len();
        Ok(())
    }
}

/// Estimates the size of a value by that of its encoding, without allocating; zero if it has none.
pub(crate) fn encoded_size<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut sink = CountSink(0);
    value
        .serialize(Canonical::new(&mut sink))
        .map_or(0, |()| sink.0)
}
