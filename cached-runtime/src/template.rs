//! Tags written as templates: `"user:{id}"`, `"org:{result.org_id}"`.

use std::cell::Cell;
use std::fmt::{self, Display, Write as _};

use crate::tags::Tag;

/// The text of a tag while it is written.
pub type Text = String;

thread_local! {
    /// Where tags are put together: each is kept in a piece of memory of its own length.
    static SCRATCH: Cell<Text> = const { Cell::new(Text::new()) };
}

/// The longest text whose memory is used again.
const KEPT: usize = 1_024;

/// A part of a template.
pub enum Piece<T> {
    #[doc(hidden)]
    Text(&'static str),
    #[doc(hidden)]
    Argument(String),
    #[doc(hidden)]
    Result(fn(&T, &mut Text)),
}

/// What can stand between the braces of a template: whatever implements `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written into a tag",
    note = "use a field of it, as in `{{user.id}}`, or implement `Display`"
)]
pub trait TagPart {
    #[doc(hidden)]
    fn write_into(&self, text: &mut Text);
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> TagPart for T {
    fn write_into(&self, text: &mut Text) {
        // Writing into a `String` fails only if `Display` does; then the tag ends there.
        let _ = write!(text, "{self}");
    }
}

/// Writes one part of a result into a tag.
pub fn write<T: TagPart + ?Sized>(text: &mut Text, part: &T) {
    part.write_into(text);
}

impl<T> Piece<T> {
    /// Plain text.
    pub fn text(text: &'static str) -> Self {
        Self::Text(text)
    }

    /// An argument, as it is now: the body may take it.
    pub fn arg<A: TagPart + ?Sized>(argument: &A) -> Self {
        let mut text = Text::new();
        argument.write_into(&mut text);
        Self::Argument(text)
    }

    /// Something the loaded value knows.
    pub fn result(write: fn(&T, &mut Text)) -> Self {
        Self::Result(write)
    }
}

impl<T> Clone for Piece<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text),
            Self::Argument(text) => Self::Argument(text.clone()),
            Self::Result(write) => Self::Result(*write),
        }
    }
}

impl<T> fmt::Debug for Piece<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(text) => text,
            Self::Argument(_) => "{argument}",
            Self::Result(_) => "{result}",
        })
    }
}

/// A whole template.
#[derive(Debug)]
pub(crate) struct Template<T>(Box<[Piece<T>]>);

impl<T> Clone for Template<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Template<T> {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Piece<T>>) -> Self {
        Self(pieces.into_iter().collect())
    }

    pub(crate) fn with_value(&self, value: &T) -> Option<Tag> {
        render(&self.0, Some(value))
    }

    /// The beginning of the tag up to its first colon, if it is the same for every value.
    pub(crate) fn family(&self) -> Option<&'static str> {
        match self.0.first() {
            Some(Piece::Text(text)) => text.find(':').map(|colon| &text[..=colon]),
            _ => None,
        }
    }
}

/// The tag, if it needs no value.
pub(crate) fn without_value<T>(pieces: &[Piece<T>]) -> Option<Tag> {
    render(pieces, None)
}

fn render<T>(pieces: &[Piece<T>], value: Option<&T>) -> Option<Tag> {
    if let [Piece::Text(plain)] = pieces {
        return Some((*plain).into());
    }
    // Taken, not borrowed: what a part writes may be made by another cached call.
    let mut text = SCRATCH.take();
    text.clear();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Argument(argument) => text.push_str(argument),
            Piece::Result(write) => write(value?, &mut text),
        }
    }
    let tag = text.as_str().into();
    if text.capacity() <= KEPT {
        SCRATCH.set(text);
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_its_own_text() {
        let tag = |id: u32| without_value::<()>(&[Piece::text("user:"), Piece::arg(&id)]);
        for id in [7, 12] {
            assert_eq!(tag(id), Some(format!("user:{id}").into()));
        }
    }
}
