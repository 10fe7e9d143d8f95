//! Commands as they are sent.

use ::redis::{Cmd, Pipeline};

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
        head(b'*', 1 + words.count, &mut self.bytes);
        word(name.as_bytes(), &mut self.bytes);
        self.bytes.extend_from_slice(&words.bytes);
        self.count += 1;
    }

    pub(in super::super) fn add(&mut self, command: &Cmd) {
        command.write_packed_command(&mut self.bytes);
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
    pub(in super::super) fn push(&mut self, parts: &[&str]) {
        head(
            b'$',
            parts.iter().map(|part| part.len()).sum(),
            &mut self.bytes,
        );
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.count += 1;
    }

    pub(in super::super) fn number(&mut self, number: usize) {
        let mut digits = [0; DIGITS];
        word(decimal(number, &mut digits), &mut self.bytes);
        self.count += 1;
    }
}

/// Of the largest number.
const DIGITS: usize = 20;

fn word(text: &[u8], bytes: &mut Vec<u8>) {
    head(b'$', text.len(), bytes);
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(b"\r\n");
}

fn head(kind: u8, number: usize, bytes: &mut Vec<u8>) {
    let mut digits = [0; DIGITS];
    bytes.push(kind);
    bytes.extend_from_slice(decimal(number, &mut digits));
    bytes.extend_from_slice(b"\r\n");
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
                words.push(&["é", "{name", "}", ""]);
                words.number(number);
            }
            packed.command("MGET", &words);
            packed.add(&command);
            pipeline.add_command(command.clone());
            pipeline.add_command(command);
        }
        assert_eq!(packed.count(), pipeline.len());
        assert_eq!(packed.into_bytes(), pipeline.get_packed_pipeline());
    }
}
