//! Commands as they are sent.

use ::redis::Pipeline;

const WAIT: &[u8] = b"*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n";

/// Commands in order.
#[derive(Debug, Default)]
pub(in super::super) struct Packed {
    bytes: Vec<u8>,
    count: usize,
}

impl Packed {
    pub(in super::super) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    pub(in super::super) fn count(&self) -> usize {
        self.count
    }

    pub(in super::super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One more command: its name, and so many `words` that are packed already.
    pub(in super::super) fn command(&mut self, name: &str, words: &Words) {
        self.begin(name, words.count);
        self.bytes.extend_from_slice(&words.bytes);
    }

    /// One more, of which so many words follow.
    pub(in super::super) fn begin(&mut self, name: &str, words: usize) {
        head(b'*', 1 + words, &mut self.bytes);
        word([name], &mut self.bytes);
        self.count += 1;
    }

    /// The next word of a command that was begun, which is these parts together.
    #[inline]
    pub(in super::super) fn word<const N: usize>(&mut self, parts: [&str; N]) {
        word(parts, &mut self.bytes);
    }

    /// What shows that all before it comes from a master.
    pub(in super::super) fn wait(&mut self) {
        self.bytes.extend_from_slice(WAIT);
        self.count += 1;
    }
}

impl From<&Pipeline> for Packed {
    fn from(commands: &Pipeline) -> Self {
        Self {
            bytes: commands.get_packed_pipeline(),
            count: commands.len(),
        }
    }
}

/// What stands behind the name of a command.
#[derive(Debug, Default)]
pub(in super::super) struct Words {
    bytes: Vec<u8>,
    count: usize,
}

impl Words {
    pub(in super::super) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    pub(in super::super) fn count(&self) -> usize {
        self.count
    }

    pub(in super::super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// One more, which is these parts together.
    #[inline]
    pub(in super::super) fn push<const N: usize>(&mut self, parts: [&str; N]) {
        word(parts, &mut self.bytes);
        self.count += 1;
    }

    pub(in super::super) fn number(&mut self, number: usize) {
        let mut digits = [0; DIGITS];
        let digits = decimal(number, &mut digits);
        head(b'$', digits.len(), &mut self.bytes);
        self.bytes.extend_from_slice(digits);
        self.bytes.extend_from_slice(b"\r\n");
        self.count += 1;
    }
}

/// Of the largest number.
const DIGITS: usize = 20;
/// Of the longest line before a word.
const HEAD: usize = DIGITS + 3;

#[inline]
fn word<const N: usize>(parts: [&str; N], bytes: &mut Vec<u8>) {
    let length = parts.iter().map(|part| part.len()).sum();
    bytes.reserve(length + HEAD + 2);
    head(b'$', length, bytes);
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
}

/// Mostly the number is short, and the length of what is written then known to the compiler.
fn head(kind: u8, number: usize, bytes: &mut Vec<u8>) {
    let digit = |number: u32| b'0' + (number % 10) as u8;
    match u32::try_from(number) {
        Ok(one @ 0..10) => bytes.extend_from_slice(&[kind, digit(one), b'\r', b'\n']),
        Ok(two @ 10..100) => {
            bytes.extend_from_slice(&[kind, digit(two / 10), digit(two), b'\r', b'\n']);
        }
        Ok(three @ 100..1_000) => {
            let (tens, hundreds) = (three / 10, three / 100);
            let digits = [digit(hundreds), digit(tens), digit(three)];
            bytes.extend_from_slice(&[kind, digits[0], digits[1], digits[2], b'\r', b'\n']);
        }
        _ => {
            let mut digits = [0; DIGITS];
            bytes.push(kind);
            bytes.extend_from_slice(decimal(number, &mut digits));
            bytes.extend_from_slice(b"\r\n");
        }
    }
}

fn decimal(mut number: usize, digits: &mut [u8; DIGITS]) -> &[u8] {
    let mut at = DIGITS;
    for digit in digits.iter_mut().rev() {
        #[expect(clippy::cast_possible_truncation, reason = "it is less than ten")]
        let last = (number % 10) as u8;
        *digit = b'0' + last;
        at -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    &digits[at..]
}

#[cfg(test)]
mod tests {
    use ::redis::cmd;

    use super::*;

    #[test]
    fn commands_are_packed_as_the_client_packs_them() {
        let mut pipeline = Pipeline::new();
        let mut packed = Packed::default();
        for numbers in [
            vec![],
            vec![0],
            vec![9, 10, 99, 100],
            vec![usize::MAX, 1 << 33],
        ] {
            let mut command = cmd("MGET");
            let mut words = Words::default();
            for number in numbers {
                command.arg("é{name}").arg(number);
                words.push(["é", "{name", "}", ""]);
                words.number(number);
            }
            packed.command("MGET", &words);
            pipeline.add_command(command);
            packed.begin("GET", 1);
            packed.word(["a", "", "b"]);
            pipeline.cmd("GET").arg("ab");
            packed.wait();
            pipeline.cmd("WAIT").arg(0).arg(0);
        }
        assert_eq!(packed.count(), pipeline.len());
        assert_eq!(packed.into_bytes(), pipeline.get_packed_pipeline());
    }
}
