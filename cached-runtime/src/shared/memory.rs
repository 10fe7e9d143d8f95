//! Which tags, besides those that are known before, the answers of a key had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::remote::{Cell, EntryName};

/// Per generation; two are kept.
const KEYS: usize = 32 * 1_024;

/// Names only: what was remembered wrongly costs a read, never a wrong answer. Keys that are not
/// asked for while 32,768 others are remembered are forgotten.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Generations>);

type Tags = HashMap<EntryName, Arc<[Cell]>, foldhash::fast::RandomState>;

#[derive(Debug, Default)]
struct Generations {
    young: Tags,
    old: Tags,
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
            generations.young.remove(entry);
            generations.old.remove(entry);
        } else {
            generations.keep(entry, cells);
        }
    }
}

impl Generations {
    fn keep(&mut self, entry: &EntryName, cells: Arc<[Cell]>) {
        if self.young.len() >= KEYS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(entry.clone(), cells);
    }
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
}
