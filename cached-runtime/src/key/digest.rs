//! The text of a key: what is readable of it outside this process.

use core::fmt;

use sha2::Digest as _;

/// SHA-256 of a key; `Display` writes it as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl Digest {
    pub(super) fn of(encoded: &[u8]) -> Self {
        Digest(sha2::Sha256::digest(encoded).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// A prefix that cannot be mistaken for anything else in a key: braces, colons, percent signs and
/// white space are percent-escaped.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_special) {
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            let len = tail.chars().next().map_or(0, char::len_utf8);
            let (special, tail) = tail.split_at(len);
            for byte in special.bytes() {
                write!(f, "%{byte:02X}")?;
            }
            rest = tail;
        }
        f.write_str(rest)
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '{' | '}' | '%' | ':') || c.is_whitespace()
}
