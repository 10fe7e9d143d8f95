//! How an entry is found by a key that is not written down.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use equivalent::Equivalent;

use crate::key::Ident;
use crate::tags::Number;

use super::AnyEntry;

/// An entry where the map has it. The hash of its key stands beside, so that others are passed over
/// without a look at them.
pub(super) struct Slot {
    pub(super) hash: u64,
    pub(super) entry: Arc<AnyEntry>,
}

/// A key that is compared part by part with the stored ones, without being encoded.
pub(super) struct Sought<'a, I> {
    pub(super) key: &'a I,
    pub(super) hash: u64,
}

/// What the ledger keeps of an entry, in one word: where the entry is placed, and in the bits that say nothing of
/// that the last ones of its number.
///
/// An entry that comes in place of this one may have the same, if there were so many million numbers in between: then
/// the record of the earlier one is one of the later one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record(u64);

/// These bits of a hash place nothing: a table has fewer places, and marks its entries with the seven highest ones.
const UNPLACED: u64 = (1 << 57) - (1 << Record::SHIFT);

impl Record {
    pub(super) const SHIFT: u32 = 34;
    /// Of a number.
    #[cfg(test)]
    pub(super) const BITS: u32 = 57 - Self::SHIFT;

    pub(super) fn of(hash: u64, start: Number) -> Self {
        Self(hash & !UNPLACED | start << Self::SHIFT & UNPLACED)
    }

    /// What the hash places.
    pub(super) fn place(self) -> u64 {
        self.0 & !UNPLACED
    }

    /// Whether a key with this hash has the same place.
    pub(super) fn is_placed_by(self, hash: u64) -> bool {
        self.place() == hash & !UNPLACED
    }
}

impl<I> Hash for Sought<'_, I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<I: Ident> Equivalent<Slot> for Sought<'_, I> {
    #[inline]
    fn equivalent(&self, slot: &Slot) -> bool {
        slot.hash == self.hash
            && self.key.is_under(&slot.entry.home().head)
            && self.key.goes_on_with(slot.entry.key_rest())
    }
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Equivalent<Slot> for Record {
    fn equivalent(&self, slot: &Slot) -> bool {
        *self == Self::of(slot.hash, slot.entry.start)
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        let (one, other_one) = (&self.entry, &other.entry);
        self.hash == other.hash
            && one.home().head.encoded() == other_one.home().head.encoded()
            && one.key_rest() == other_one.key_rest()
    }
}

impl Eq for Slot {}

/// Keys bring their hash along; what it does not place is left out, as records have other things there.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("a key hashes as one u64, not as {} bytes", bytes.len());
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash & !UNPLACED;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placed(of: impl Hash) -> u64 {
        let mut hashed = Hashed::default();
        of.hash(&mut hashed);
        hashed.finish()
    }

    proptest! {
        #[test]
        fn a_record_is_looked_for_where_its_entry_is(hash: u64, start: u64, other: u64, many: u64) {
            let record = Record::of(hash, start);
            let same = start.wrapping_add(many << Record::BITS);
            prop_assert_eq!(record, Record::of(hash, same));
            prop_assert_ne!(record, Record::of(hash, start ^ 1 << (many % u64::from(Record::BITS))));
            prop_assert_eq!(placed(record), placed(hash));
            prop_assert!(record.is_placed_by(hash) && record.place() == Record::of(hash, other).place());
            // All that a table goes by.
            let seen = |hash: u64| (hash & ((1 << Record::SHIFT) - 1), hash >> 57);
            prop_assert_eq!(seen(placed(hash)), seen(hash));
        }
    }
}
