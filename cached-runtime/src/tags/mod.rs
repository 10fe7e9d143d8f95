//! Tags: names under which many entries can be invalidated at once.
//!
//! `cell.rs` holds what a hit checks, `table.rs` finds a cell by its name, `rare.rs` is what a miss
//! asks besides.
//!
//! The rule everything rests on: one [`Sequence`] per cache numbers every start of a load and every
//! invalidation. An entry is current while none of its tags carries a number above the number at
//! which its load began. So an invalidation is one store, whatever it has for members, and an entry
//! whose load was already running is refused without anybody having to find it.
//!
//! A hit mostly looks at none of its tags: [`Changes`] counts what was invalidated or put in doubt in
//! the whole cache, and while the count stands, so does what was found before. Counted, not told by
//! its number: of two at once the one with the earlier number may come last.

mod cell;
mod rare;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub(crate) use self::cell::{Changes, Number, Sequence, TagCell, TagCells};
pub(crate) use self::rare::{Manner, Rare};
pub(crate) use self::table::{TagTable, name_of_prefix, name_of_tag};

/// The name of a tag, such as `user:42`.
///
/// Everything that is text is a tag; this type is what functions that take tags convert to.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Tag;
///
/// let tags: Vec<Tag> = vec!["team:7".into(), format!("user:{}", 42).into()];
/// assert_eq!(tags[1].as_str(), "user:42");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its cell is called, see [`name_of_tag`].
    pub(crate) fn name(&self) -> Arc<str> {
        match name_of_tag(&self.0) {
            Cow::Borrowed(_) => Arc::clone(&self.0),
            Cow::Owned(name) => name.into(),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&Tag> for Tag {
    fn from(tag: &Tag) -> Self {
        tag.clone()
    }
}

macro_rules! from_text {
    ($($text:ty),*) => {$(
        impl From<$text> for Tag {
            fn from(text: $text) -> Self {
                Self(text.into())
            }
        }
    )*};
}

from_text!(&str, String, Box<str>, Cow<'_, str>);

impl From<&String> for Tag {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}
