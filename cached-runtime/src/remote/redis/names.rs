//! What things are called in the server.
//!
//! Everything that belongs to one entry has the entry's name in braces, so that a cluster keeps it
//! in one slot.

use std::borrow::Cow;

use crate::remote::{Cell, EntryName};

/// The names of one namespace, seen by one process.
#[derive(Clone, Debug)]
pub(super) struct Names {
    namespace: String,
    /// What the names of each kind begin with.
    heads: [String; KINDS.len()],
}

/// What has names in braces. Its place among the [`KINDS`].
#[derive(Clone, Copy)]
enum Of {
    Value,
    Lease,
    Key,
    Tag,
    Family,
    Replaced,
    Lock,
    #[cfg(feature = "rate-limit")]
    Bucket,
}

const KINDS: [char; 8] = ['v', 'l', 'i', 't', 'e', 's', 'x', 'r'];

/// One name, in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    head: &'a str,
    text: &'a str,
}

impl<'a> Name<'a> {
    #[inline]
    pub(super) fn parts(self) -> [&'a str; 3] {
        [self.head, self.text, "}"]
    }
}

pub(super) fn whole(name: Name<'_>) -> String {
    name.parts().concat()
}

impl Names {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            heads: KINDS.map(|kind| format!("{namespace}:{kind}:{{")),
        }
    }

    /// The envelope.
    pub(super) fn value<'a>(&'a self, entry: &'a EntryName) -> Name<'a> {
        self.plain(Of::Value, entry.as_str())
    }

    /// The lease, and who waits for its end.
    pub(super) fn lease<'a>(&'a self, entry: &'a EntryName) -> Name<'a> {
        self.plain(Of::Lease, entry.as_str())
    }

    /// The token of a key.
    pub(super) fn key_token<'a>(&'a self, entry: &'a EntryName) -> Name<'a> {
        self.plain(Of::Key, entry.as_str())
    }

    #[cfg(test)]
    pub(super) fn cell(&self, cell: &Cell) -> String {
        self.with_cell(cell, whole)
    }

    /// Gives the name of a cell.
    #[inline]
    pub(super) fn with_cell<R>(&self, cell: &Cell, with: impl FnOnce(Name<'_>) -> R) -> R {
        match cell {
            Cell::Tag(text) => self.escaped(Of::Tag, text, with),
            Cell::Family(text) => self.escaped(Of::Family, text, with),
            Cell::Key(entry) => with(self.plain(Of::Key, entry.as_str())),
            Cell::Replaced(text) => self.escaped(Of::Replaced, text, with),
        }
    }

    /// The lease of a name.
    pub(super) fn lock(&self, name: &str) -> String {
        self.escaped(Of::Lock, name, whole)
    }

    /// What is missing in a bucket.
    #[cfg(feature = "rate-limit")]
    pub(super) fn bucket(&self, bucket: &EntryName) -> String {
        self.escaped(Of::Bucket, bucket.as_str(), whole)
    }

    /// What the channel of every process begins with; its id in hexadecimal digits follows.
    pub(super) fn channels(&self) -> String {
        format!("{}:w:", self.namespace)
    }

    /// What the names of all tags begin with, and those of the tokens of all keys: what is pushed.
    pub(super) fn pushed(&self) -> [String; 2] {
        [Of::Tag, Of::Key].map(|kind| self.head(kind).to_owned())
    }

    /// What one process writes to see that changes are pushed to it.
    pub(super) fn canary(&self, process: [u8; 8]) -> String {
        format!("{}:c:{:016x}", self.namespace, u64::from_be_bytes(process))
    }

    /// The tag or key whose name in the server this is.
    pub(super) fn cell_named(&self, name: &str) -> Option<Cell> {
        let name = name.strip_prefix(&self.namespace)?.strip_prefix(':')?;
        let (kind, text) = name.split_once(":{")?;
        let text = text.strip_suffix('}')?;
        if text.contains(['{', '}']) {
            return None;
        }
        match kind {
            "t" => Some(Cell::Tag(plain(text)?.into())),
            "i" => Some(Cell::Key(EntryName::new(text))),
            _ => None,
        }
    }

    pub(super) fn channel(&self, process: [u8; 8]) -> String {
        format!("{}{:016x}", self.channels(), u64::from_be_bytes(process))
    }

    fn head(&self, kind: Of) -> &str {
        &self.heads[kind as usize]
    }

    fn plain<'a>(&'a self, kind: Of, text: &'a str) -> Name<'a> {
        let head = self.head(kind);
        Name { head, text }
    }

    /// Percent signs keep texts apart that contain what stands for a brace.
    #[inline]
    fn escaped<R>(&self, kind: Of, text: &str, with: impl FnOnce(Name<'_>) -> R) -> R {
        // All of them are looked at, in one go: mostly there is none.
        let is_special = |byte: u8| matches!(byte, b'{' | b'}' | b'%');
        let special = text
            .bytes()
            .fold(false, |special, byte| special | is_special(byte));
        if special {
            with(self.plain(kind, &escape(text)))
        } else {
            with(self.plain(kind, text))
        }
    }
}

fn escape(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 8);
    for part in text.split_inclusive(['{', '}', '%']) {
        let mut chars = part.chars();
        let escape = match chars.next_back() {
            Some('{') => "%7B",
            Some('}') => "%7D",
            Some('%') => "%25",
            _ => {
                name.push_str(part);
                continue;
            }
        };
        name.push_str(chars.as_str());
        name.push_str(escape);
    }
    name
}

/// The text that was escaped; `None` if none gives this.
fn plain(escaped: &str) -> Option<Cow<'_, str>> {
    let mut parts = escaped.split('%');
    let first = parts.next()?;
    if first.len() == escaped.len() {
        return Some(first.into());
    }
    let mut text = String::with_capacity(escaped.len());
    text.push_str(first);
    for part in parts {
        let (escape, rest) = part.split_at_checked(2)?;
        text.push(match escape {
            "7B" => '{',
            "7D" => '}',
            "25" => '%',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_tag(namespace in "[a-z:%]{1,4}", text in "[{}%:a-c7BD25é]{0,12}") {
            let names = Names::new(&namespace);
            let tag = Cell::Tag(text.into());
            prop_assert_eq!(names.cell_named(&names.cell(&tag)).map(|cell| cell == tag), Some(true));
        }

        #[test]
        fn a_name_leads_back_to_its_key(namespace in "[a-z:%]{1,4}", text in "[%:a-c7BD25é]{0,12}") {
            let names = Names::new(&namespace);
            let key = Cell::Key(EntryName::new(text));
            prop_assert_eq!(names.cell_named(&names.cell(&key)).map(|cell| cell == key), Some(true));
        }

        #[test]
        fn any_name_is_read_or_refused(name in "n?:?[ti]?:?\\{?[{}%:a7é]{0,6}\\}?") {
            let names = Names::new("n");
            if let Some(cell) = names.cell_named(&name) {
                prop_assert_eq!(names.cell(&cell), name);
            }
        }
    }

    #[test]
    fn names_are_what_operators_look_for() {
        let names = Names::new("shop");
        let entry = EntryName::new("user:9f86");
        assert_eq!(whole(names.value(&entry)), "shop:v:{user:9f86}");
        assert_eq!(whole(names.lease(&entry)), "shop:l:{user:9f86}");
        assert_eq!(names.cell(&Cell::Key(entry)), "shop:i:{user:9f86}");
        assert_eq!(names.cell(&Cell::Tag("user:7".into())), "shop:t:{user:7}");
        assert_eq!(names.cell(&Cell::Family("user:".into())), "shop:e:{user:}");
        let mark = Cell::Replaced("user:7".into());
        assert_eq!(names.cell(&mark), "shop:s:{user:7}");
        assert_eq!(names.lock("nightly"), "shop:x:{nightly}");
        let process = [0, 1, 2, 3, 4, 5, 6, 255];
        assert_eq!(names.channel(process), "shop:w:00010203040506ff");
        assert_eq!(names.canary(process), "shop:c:00010203040506ff");
        assert_eq!(names.pushed(), ["shop:t:{", "shop:i:{"]);
    }

    #[test]
    fn no_text_ends_the_braces_and_no_two_texts_meet() {
        let names = Names::new("n");
        let texts = ["{", "}", "%", "%7B", "a}b{c%", "ab", "", "%%7D}"];
        let all: Vec<_> = texts
            .iter()
            .map(|text| names.cell(&Cell::Tag((*text).into())))
            .collect();
        for (at, name) in all.iter().enumerate() {
            let inside = name
                .strip_prefix("n:t:{")
                .unwrap()
                .strip_suffix('}')
                .unwrap();
            assert!(!inside.contains(['{', '}']), "{name}");
            assert!(!all[..at].contains(name), "{name}");
        }
        assert_eq!(all[4], "n:t:{a%7Db%7Bc%25}");
    }
}
