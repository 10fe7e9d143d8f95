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

/// The entry that a record is of: nothing else has both numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) hash: u64,
    pub(super) start: Number,
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
        state.write_u64(self.hash);
    }
}

impl Equivalent<Slot> for Record {
    fn equivalent(&self, slot: &Slot) -> bool {
        slot.hash == self.hash && slot.entry.start == self.start
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

/// Keys bring their hash along.
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
        self.0 = hash;
    }
}
