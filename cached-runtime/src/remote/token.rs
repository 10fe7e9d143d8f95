//! What is compared.

use std::fmt;

/// Which life of which server gave a reply. A restart, a promotion or anything else after which
/// acknowledged writes may be missing is another life; no number comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Incarnation(pub u64);

/// A token as it was seen in one life of its server. Equal proofs mean: the same token, and nothing
/// was lost in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proof(pub u64);

/// The lease of one load, and later the identity of the entry it stored. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub [u8; 8]);

/// Milliseconds of a server's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime(pub u64);

/// What is in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellState {
    /// Nothing, or nothing that can be read as a token: no entry that depends on it is valid.
    #[default]
    Missing,
    /// A bracketed write is under way: nothing that depends on it may be read or stored.
    Intent,
    /// A token.
    Current(Proof),
}

impl Proof {
    /// The proof of a token.
    ///
    /// Tokens are random, and incarnations are hashes: folding them together is one to one in
    /// either with the other fixed. So another token, or another life of the server, gives another
    /// proof but for one case in 2^64.
    #[must_use]
    pub fn new(token: &[u8; 16], incarnation: Incarnation) -> Self {
        let token = u128::from_le_bytes(*token);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = (token >> 64) as u64 ^ token as u64;
        Self(folded ^ incarnation.0)
    }
}

impl CellState {
    /// The proof, where there is a token.
    #[must_use]
    pub fn proof(self) -> Option<Proof> {
        match self {
            Self::Current(proof) => Some(proof),
            Self::Missing | Self::Intent => None,
        }
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({:016x})", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_proofs_differ_where_the_token_or_the_life_of_the_server_does() {
        let (token, life) = ([7; 16], Incarnation(9));
        let proof = Proof::new(&token, life);
        assert_eq!(proof, Proof::new(&token, life));
        assert_ne!(proof, Proof::new(&token, Incarnation(10)));
        for byte in 0..16 {
            let mut other = token;
            other[byte] ^= 1;
            assert_ne!(proof, Proof::new(&other, life));
        }
    }
}
