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

/// The digits of each byte.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

impl Digest {
    pub(super) fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let text = self.0.map(|byte| HEX[usize::from(byte)]);
        to.write_str(str::from_utf8(text.as_flattened()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// A prefix that cannot be mistaken for anything else in a key: braces, colons, percent signs and
/// white space are percent-escaped.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Escaped<'_> {
    pub(super) fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let mut rest = self.0;
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        // All of them are looked at, many at a time: mostly all are plain.
        if rest
            .bytes()
            .fold(true, |plain, byte| plain & is_plain(byte))
        {
            return to.write_str(rest);
        }
        while let Some(at) = rest.find(is_special) {
            let (plain, tail) = rest.split_at(at);
            to.write_str(plain)?;
            let len = tail.chars().next().map_or(0, char::len_utf8);
            let (special, tail) = tail.split_at(len);
            for byte in special.bytes() {
                write!(to, "%{byte:02X}")?;
            }
            rest = tail;
        }
        to.write_str(rest)
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// A text that is short enough to be written without an allocation.
pub(super) struct Short {
    bytes: [u8; 128],
    len: usize,
}

impl Default for Short {
    fn default() -> Self {
        Self {
            bytes: [0; 128],
            len: 0,
        }
    }
}

impl Short {
    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '{' | '}' | '%' | ':') || c.is_whitespace()
}
