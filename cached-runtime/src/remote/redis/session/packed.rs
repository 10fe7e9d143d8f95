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

    pub(in super::super) fn add(&mut self, command: &Command) {
        let Command { name, words, count } = command;
        self.bytes.reserve(words.len() + AROUND);
        self.begin(name, *count);
        self.bytes.extend_from_slice(words);
    }

    /// One more, of which so many words follow.
    pub(in super::super) fn begin(&mut self, name: &str, words: usize) {
        head(b'*', 1 + words, &mut self.bytes);
        word([name.as_bytes()], &mut self.bytes);
        self.count += 1;
    }

    /// The next word of a command that was begun, which is these parts together.
    #[inline]
    pub(in super::super) fn word<const N: usize>(&mut self, parts: [&str; N]) {
        word(parts.map(str::as_bytes), &mut self.bytes);
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

/// One command: its name, and the words that stand behind it.
#[derive(Debug)]
pub(in super::super) struct Command {
    name: &'static str,
    words: Vec<u8>,
    count: usize,
}

impl Command {
    /// With room for words that are so long together.
    pub(in super::super) fn with_capacity(name: &'static str, bytes: usize) -> Self {
        Self {
            name,
            words: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// The same that [`Packed::wait`] adds.
    pub(in super::super) fn wait() -> Self {
        let mut wait = Self::with_capacity("WAIT", AROUND);
        wait.number(0).number(0);
        wait
    }

    /// How many words there are.
    pub(in super::super) fn count(&self) -> usize {
        self.count
    }

    /// How long they are, packed.
    pub(in super::super) fn len(&self) -> usize {
        self.words.len()
    }

    /// One more, which is these parts together.
    #[inline]
    pub(in super::super) fn word<const N: usize>(&mut self, parts: [&str; N]) -> &mut Self {
        self.parts(parts.map(str::as_bytes))
    }

    pub(in super::super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.parts([bytes])
    }

    /// One more, which is these parts together.
    #[inline]
    fn parts<const N: usize>(&mut self, parts: [&[u8]; N]) -> &mut Self {
        word(parts, &mut self.words);
        self.count += 1;
        self
    }

    pub(in super::super) fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(decimal(number, &mut [0; DIGITS]))
    }
}

/// Of what stands before the words of a command.
const AROUND: usize = 32;
/// Of the largest number.
const DIGITS: usize = 20;
/// Of the longest line before a word.
const HEAD: usize = DIGITS + 3;

#[inline]
fn word<const N: usize>(parts: [&[u8]; N], bytes: &mut Vec<u8>) {
    let length = parts.iter().map(|part| part.len()).sum();
    bytes.reserve(length + HEAD + 2);
    head(b'$', length, bytes);
    for part in parts {
        bytes.extend_from_slice(part);
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
            bytes.extend_from_slice(decimal(number as u64, &mut digits));
            bytes.extend_from_slice(b"\r\n");
        }
    }
}

fn decimal(mut number: u64, digits: &mut [u8; DIGITS]) -> &[u8] {
    let mut at = DIGITS;
    for digit in digits.iter_mut().rev() {
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
            vec![u64::MAX, 1 << 33],
        ] {
            let mut command = cmd("MGET");
            let mut ours = Command::with_capacity("MGET", 0);
            for number in numbers {
                let long = vec![0xff; usize::try_from(number).unwrap().min(1_000)];
                command.arg("é{name}").arg(number).arg(&long);
                ours.word(["é", "{name", "}", ""]).number(number);
                ours.bytes(&long);
            }
            packed.add(&ours);
            pipeline.add_command(command);
            packed.begin("GET", 1);
            packed.word(["a", "", "b"]);
            pipeline.cmd("GET").arg("ab");
            packed.wait();
            packed.add(&Command::wait());
            for _ in 0..2 {
                pipeline.cmd("WAIT").arg(0).arg(0);
            }
        }
        assert_eq!(packed.count(), pipeline.len());
        assert_eq!(packed.into_bytes(), pipeline.get_packed_pipeline());
    }
}
