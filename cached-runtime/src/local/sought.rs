//! How a key is found that is not written down.

use std::hash::{Hash, Hasher};

use equivalent::Equivalent;

use crate::key::{Ident, RawKey};

/// A key that is compared part by part with the stored ones, without being encoded.
pub(super) struct Sought<'a, I> {
    pub(super) key: &'a I,
    pub(super) hash: u64,
}

impl<I> Hash for Sought<'_, I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<I: Ident> Equivalent<RawKey> for Sought<'_, I> {
    #[inline]
    fn equivalent(&self, stored: &RawKey) -> bool {
        stored.hash() == self.hash && self.key.matches(stored.bytes())
    }
}

/// Keys bring their hash along.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
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
