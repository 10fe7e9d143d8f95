//! What things are called in the server.
//!
//! Everything that belongs to one entry has the entry's name in braces, so that a cluster keeps it
//! in one slot.

use crate::remote::{Cell, EntryName};

/// The names of one namespace, seen by one process.
#[derive(Clone, Debug)]
pub(super) struct Names {
    namespace: String,
}

impl Names {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
        }
    }

    /// The envelope.
    pub(super) fn value(&self, entry: &EntryName) -> String {
        self.plain('v', entry.as_str())
    }

    /// The lease, and who waits for its end.
    pub(super) fn lease(&self, entry: &EntryName) -> String {
        self.plain('l', entry.as_str())
    }

    /// The token of a key.
    pub(super) fn key_token(&self, entry: &EntryName) -> String {
        self.plain('i', entry.as_str())
    }

    pub(super) fn cell(&self, cell: &Cell) -> String {
        match cell {
            Cell::Tag(text) => self.escaped('t', text),
            Cell::Family(text) => self.escaped('e', text),
            Cell::Key(entry) => self.key_token(entry),
        }
    }

    /// The lease of a name.
    pub(super) fn lock(&self, name: &str) -> String {
        self.escaped('x', name)
    }

    /// What the channel of every process begins with; its id in hexadecimal digits follows.
    pub(super) fn channels(&self) -> String {
        format!("{}:w:", self.namespace)
    }

    pub(super) fn channel(&self, process: [u8; 8]) -> String {
        format!("{}{:016x}", self.channels(), u64::from_be_bytes(process))
    }

    fn plain(&self, kind: char, text: &str) -> String {
        let mut name = String::with_capacity(self.namespace.len() + text.len() + 5);
        self.open(kind, &mut name);
        name.push_str(text);
        name.push('}');
        name
    }

    /// Percent signs keep texts apart that contain what stands for a brace.
    fn escaped(&self, kind: char, text: &str) -> String {
        let mut name = String::with_capacity(self.namespace.len() + text.len() + 5);
        self.open(kind, &mut name);
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
        name.push('}');
        name
    }

    fn open(&self, kind: char, name: &mut String) {
        name.push_str(&self.namespace);
        name.push(':');
        name.push(kind);
        name.push_str(":{");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_operators_look_for() {
        let names = Names::new("shop");
        let entry = EntryName::new("user:9f86");
        assert_eq!(names.value(&entry), "shop:v:{user:9f86}");
        assert_eq!(names.lease(&entry), "shop:l:{user:9f86}");
        assert_eq!(names.cell(&Cell::Key(entry)), "shop:i:{user:9f86}");
        assert_eq!(names.cell(&Cell::Tag("user:7".into())), "shop:t:{user:7}");
        assert_eq!(names.cell(&Cell::Family("user:".into())), "shop:e:{user:}");
        assert_eq!(names.lock("nightly"), "shop:x:{nightly}");
        let process = [0, 1, 2, 3, 4, 5, 6, 255];
        assert_eq!(names.channel(process), "shop:w:00010203040506ff");
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
