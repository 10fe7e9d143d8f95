//! Which tags, besides those that are known before, the answers of a key had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::remote::{Cell, EntryName};

/// Per generation; two are kept.
const KEYS: usize = 32 * 1_024;
/// The same for the texts of all names together. Most keys take a few hundred.
const BYTES: usize = 8 * 1_024 * 1_024;

/// Names only: what was remembered wrongly costs a read, never a wrong answer. Keys that are not
/// asked for while 32,768 others are remembered, or fewer with many tags, are forgotten.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Generations>);

type Tags = HashMap<EntryName, Arc<[Cell]>, foldhash::fast::RandomState>;

#[derive(Debug, Default)]
struct Generations {
    young: Tags,
    old: Tags,
    /// Of the young.
    bytes: usize,
}

impl Memory {
    pub(super) fn recall(&self, entry: &EntryName) -> Arc<[Cell]> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cells) = generations.young.get(entry) {
            return Arc::clone(cells);
        }
        match generations.old.remove(entry) {
            Some(cells) => {
                generations.keep(entry, Arc::clone(&cells));
                cells
            }
            None => Arc::default(),
        }
    }

    pub(super) fn remember(&self, entry: &EntryName, cells: impl IntoIterator<Item = Cell>) {
        let cells: Arc<[Cell]> = cells.into_iter().collect();
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.is_empty() {
            generations.forget(entry);
            generations.old.remove(entry);
        } else {
            generations.keep(entry, cells);
        }
    }
}

impl Generations {
    fn keep(&mut self, entry: &EntryName, cells: Arc<[Cell]>) {
        self.forget(entry);
        let bytes = bytes_of(entry, &cells);
        if self.young.len() >= KEYS || self.bytes + bytes > BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.young.insert(entry.clone(), cells);
    }

    fn forget(&mut self, entry: &EntryName) {
        if let Some(cells) = self.young.remove(entry) {
            self.bytes -= bytes_of(entry, &cells);
        }
    }
}

fn bytes_of(entry: &EntryName, cells: &[Cell]) -> usize {
    let texts = cells.iter().map(|cell| size_of::<Cell>() + cell.text_len());
    texts.sum::<usize>() + entry.as_str().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let memory = Memory::default();
        let name = |n: usize| EntryName::new(n.to_string());
        let tags = || [Cell::Tag("t".into())];
        for n in 0..5 * KEYS {
            memory.remember(&name(n), tags());
            assert_eq!(memory.recall(&name(0)).len(), 1);
        }
        assert_eq!(memory.recall(&name(1)).len(), 0);
        let generations = memory.0.lock().expect("no panic");
        assert!(generations.young.len() + generations.old.len() <= 2 * KEYS);
    }

    #[test]
    fn many_long_tags_take_no_more_memory_than_many_keys() {
        let memory = Memory::default();
        let name = |n: usize| EntryName::new(n.to_string());
        let tags = || (0..62).map(|n| Cell::Tag(format!("{n}{}", "x".repeat(200)).into()));
        let bytes = |tags: &Tags| -> usize {
            let each = tags.iter();
            each.map(|(entry, cells)| bytes_of(entry, cells)).sum()
        };
        for n in 0..2_000 {
            memory.remember(&name(n), tags());
            // Again and again: that is no more of it.
            memory.remember(&name(0), tags());
            let generations = memory.0.lock().expect("no panic");
            assert_eq!(generations.bytes, bytes(&generations.young));
            assert!(generations.bytes <= BYTES && bytes(&generations.old) <= BYTES);
        }
        assert_eq!(memory.recall(&name(0)).len(), 62);
        assert_eq!(memory.recall(&name(1)).len(), 0);
        memory.remember(&name(0), []);
        let generations = memory.0.lock().expect("no panic");
        assert_eq!(generations.bytes, bytes(&generations.young));
    }
}
