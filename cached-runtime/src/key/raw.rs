//! A key that is written down.

use core::hash::{Hash, Hasher};
use core::{fmt, str};
use std::sync::Arc;

use super::canonical::Unkeyable;
use super::digest::{Digest, Escaped, Short};
use super::hash::{hash_head, hash_rest};
use super::sink::{BytesSink, Sink, tag, text};

/// The tag and the length before the bytes of a text.
const PREFIX_START: usize = 5;

/// A key in its canonical encoding, with its hash.
///
/// `Display` and `Debug` show the prefix and the digest, never an argument.
#[derive(Clone)]
pub struct RawKey {
    hash: u64,
    bytes: Bytes,
}

/// Most keys are short: they stand in the map's own node, so that a hit follows one pointer less.
#[derive(Clone)]
enum Bytes {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

/// What makes a [`RawKey`] one cache line.
const INLINE: usize = 54;

impl Bytes {
    fn new(from: &[u8]) -> Self {
        match u8::try_from(from.len()) {
            Ok(len) if from.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..from.len()].copy_from_slice(from);
                Self::Inline { len, bytes }
            }
            _ => Self::Shared(from.into()),
        }
    }

    #[inline]
    fn get(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len).min(INLINE)],
            Self::Shared(bytes) => bytes,
        }
    }
}

impl RawKey {
    /// Takes the encoding of a full key, prefix first.
    pub(super) fn from_encoded(bytes: &[u8]) -> Result<Self, Unkeyable> {
        let [tag::STR, _, _, _, _, ..] = *bytes else {
            return Err(Unkeyable);
        };
        let mut key = RawKey {
            hash: 0,
            bytes: Bytes::new(bytes),
        };
        key.hash = hash_rest(hash_head(key.head())?, key.rest())?;
        Ok(key)
    }

    /// The same of a head with this hash, and of what comes after its end.
    pub(super) fn from_head((head, end): (u64, usize), bytes: &[u8]) -> Result<Self, Unkeyable> {
        Ok(Self {
            hash: hash_rest(head, &bytes[end..])?,
            bytes: Bytes::new(bytes),
        })
    }

    /// The key of these two parts.
    pub(crate) fn of_head(head: &[u8], rest: &[u8]) -> Option<Self> {
        Self::from_encoded(&[head, rest].concat()).ok()
    }

    /// A key that stands for none: of a call that is not cached, to count it under its prefix.
    pub(crate) fn of_prefix(prefix: &str) -> Self {
        let mut sink = BytesSink(Vec::with_capacity(PREFIX_START + prefix.len()));
        let written = text(&mut sink, tag::STR, prefix.as_bytes());
        written
            .and_then(|()| Self::from_encoded(&sink.0))
            .unwrap_or_else(|_| RawKey {
                hash: 0,
                bytes: Bytes::new(&[tag::STR, 0, 0, 0, 0]),
            })
    }

    /// The hash; it differs from process to process.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The canonical encoding.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get()
    }

    /// The prefix and the version, as they are encoded.
    #[inline]
    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes()[..self.head_end()]
    }

    /// What comes after the head.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes()[self.head_end()..]
    }

    /// The prefix, as it was given.
    #[inline]
    pub(crate) fn prefix(&self) -> &str {
        str::from_utf8(&self.bytes()[PREFIX_START..self.prefix_end()]).unwrap_or_default()
    }

    /// SHA-256 of the canonical encoding.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.bytes())
    }

    /// What `Display` shows.
    pub(crate) fn text(&self) -> Arc<str> {
        let mut short = Short::default();
        if self.write(&mut short).is_ok() {
            return short.as_str().into();
        }
        let mut text = String::with_capacity(self.prefix().len() + 1 + 64);
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text);
        text.into()
    }

    fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        Escaped(self.prefix()).write(to)?;
        to.write_char(':')?;
        self.digest().write(to)
    }

    /// Whether it has a version.
    pub(crate) fn has_version(&self) -> bool {
        let start = self.prefix_end();
        self.after(start, tag::VERSION) > start
    }

    /// The same key with this version in place of the one it has.
    pub(super) fn with_version(&self, version: &str) -> Result<Self, Unkeyable> {
        let start = self.prefix_end();
        self.replace(start, tag::VERSION, version)
    }

    /// The same key with these type arguments in place of those it has.
    pub(super) fn with_types(&self, types: &str) -> Result<Self, Unkeyable> {
        self.replace(self.head_end(), tag::TYPES, types)
    }

    fn head_end(&self) -> usize {
        self.after(self.prefix_end(), tag::VERSION)
    }

    fn prefix_end(&self) -> usize {
        self.after(0, tag::STR)
    }

    /// Where the token that may be at `start` ends; `start` if another one is there.
    ///
    /// The value, which comes last, begins with neither of the two tags that this is used for.
    fn after(&self, start: usize, tag: u8) -> usize {
        match self.bytes()[start..] {
            [first, a, b, c, d, ..] if first == tag => {
                start + PREFIX_START + u32::from_le_bytes([a, b, c, d]) as usize
            }
            _ => start,
        }
    }

    fn replace(&self, start: usize, tag: u8, new: &str) -> Result<Self, Unkeyable> {
        let end = self.after(start, tag);
        let mut sink = BytesSink(Vec::with_capacity(self.bytes().len() + new.len() + 8));
        sink.encoded(&self.bytes()[..start])?;
        text(&mut sink, tag, new.as_bytes())?;
        sink.encoded(&self.bytes()[end..])?;
        RawKey::from_encoded(&sink.0)
    }
}

impl PartialEq for RawKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.bytes() == other.bytes()
    }
}

impl Eq for RawKey {}

impl Hash for RawKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Display for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}
