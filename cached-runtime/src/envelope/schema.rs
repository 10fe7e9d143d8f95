//! Which form of which type the payload has.

use sha2::{Digest as _, Sha256};

/// Two bytes of a hash of the type's name and the version its user gave it.
///
/// It tells types apart that share a key by mistake, and versions; not forms of a type that was
/// changed without a version. Another name for the same type costs a miss.
pub(crate) fn schema_id(type_name: &str, version: Option<&str>) -> u16 {
    let mut hash = Sha256::new();
    // With its length before it, no end of a name is taken for a version.
    hash.update((type_name.len() as u64).to_le_bytes());
    hash.update(type_name);
    if let Some(version) = version {
        hash.update([1]);
        hash.update(version);
    }
    let digest: [u8; 32] = hash.finalize().into();
    u16::from_le_bytes([digest[0], digest[1]])
}
