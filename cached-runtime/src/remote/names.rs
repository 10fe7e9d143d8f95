//! Names in the shared tier. None of them shows an argument: an entry is a prefix and a digest.

use std::fmt;
use std::sync::Arc;

use crate::key::RawKey;

/// Names one entry: its prefix and the digest of its key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(Arc<str>);

/// Names a token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A tag. Those that start with one `@` stand for a prefix or for the namespace.
    Tag(Arc<str>),
    /// All tags with the same beginning, up to the first colon; `*` stands for all tags.
    Family(Arc<str>),
    /// A key whose value stays in the process; it has a token and no entry.
    Key(EntryName),
    /// The token that a tag had before it was softly invalidated; only to be read.
    Replaced(Arc<str>),
}

impl EntryName {
    /// An entry by its text, in which `{`, `}` and `%` are escaped.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn of(key: &RawKey) -> Self {
        Self(key.text())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Cell {
    /// Where the token of a tag is kept that was softly invalidated.
    pub(crate) fn mark(&self) -> Option<Self> {
        match self {
            Self::Tag(name) => Some(Self::Replaced(Arc::clone(name))),
            Self::Family(_) | Self::Key(_) | Self::Replaced(_) => None,
        }
    }

    /// Whether it is the same, as far as that is known without reading the text.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tag(one), Self::Tag(other))
            | (Self::Family(one), Self::Family(other))
            | (Self::Replaced(one), Self::Replaced(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    pub(crate) fn is_tag(&self, name: impl AsRef<[u8]>) -> bool {
        matches!(self, Self::Tag(tag) if tag.as_bytes() == name.as_ref())
    }

    /// The length of its name.
    pub(crate) fn text_len(&self) -> usize {
        match self {
            Self::Tag(name) | Self::Family(name) | Self::Replaced(name) => name.len(),
            Self::Key(entry) => entry.as_str().len(),
        }
    }
}

/// Names are for the trace level only.
impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntryName")
    }
}

/// A tag may be made of arguments: it is not shown.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tag(_) => "Tag",
            Self::Family(_) => "Family",
            Self::Key(_) => "Key",
            Self::Replaced(_) => "Replaced",
        })
    }
}
