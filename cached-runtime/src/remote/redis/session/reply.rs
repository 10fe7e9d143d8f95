//! From bytes to replies, in the second version of the protocol.
//!
//! The replies to one question are cut out of what was received in one piece, which whoever asked
//! reads where it is.

use std::ops::Range;
use std::sync::Arc;

use ::redis::{Value, parse_redis_value};

use super::super::error::Trouble;
use crate::remote::Chunk;

/// Room for what is read at once.
const ROOM: usize = 16 * 1024;
/// A buffer that grew larger for one answer does not stay so.
const KEPT: usize = 256 * 1024;
/// The longest text that a server sends.
const LONGEST: usize = 512 * 1024 * 1024;
/// Lists in lists; no command of ours has more than two.
const DEEPEST: usize = 8;
/// A number of so many digits is in range.
const SHORT_NUMBER: usize = 18;
/// The longest line: a number, a status or an error.
const LINE: usize = 64 * 1024;

/// These bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Garbled;

impl From<Garbled> for Trouble {
    fn from(Garbled: Garbled) -> Self {
        Self::garbled()
    }
}

/// What was read and is not taken yet.
#[derive(Debug)]
pub(super) struct Received {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Fewer bytes than this are not the whole of what is awaited.
    needed: usize,
}

impl Received {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; ROOM],
            start: 0,
            end: 0,
            needed: 1,
        }
    }

    /// Where to put what is read next. It grows with what has come, not with what is announced.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT {
                self.buffer = vec![0; ROOM];
            }
        }
        if self.buffer.len() - self.end < ROOM / 2 && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < ROOM / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        &mut self.buffer[self.end..]
    }

    pub(super) fn put(&mut self, count: usize) {
        self.end += count;
    }

    /// The next `count` replies, if all of them are there.
    pub(super) fn next(&mut self, count: usize) -> Result<Option<Replies>, Garbled> {
        let bytes = self.rest();
        if bytes.len() < self.needed {
            return Ok(None);
        }
        match measure(bytes, count)? {
            Measure::Whole(length) => {
                let replies = Replies::new(&bytes[..length]);
                self.start += length;
                self.needed = 1;
                Ok(Some(replies))
            }
            Measure::Needs(more) => {
                self.needed = more;
                Ok(None)
            }
        }
    }

    /// The first reply of those that are not complete.
    pub(super) fn first(&self) -> Option<Replies> {
        match measure(self.rest(), 1) {
            Ok(Measure::Whole(length)) => Some(Replies::new(&self.rest()[..length])),
            _ => None,
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

/// Whether replies are all there.
#[derive(Debug, PartialEq, Eq)]
enum Measure {
    /// They are so long.
    Whole(usize),
    /// At least so many bytes.
    Needs(usize),
}

/// Looks at heads only.
fn measure(bytes: &[u8], count: usize) -> Result<Measure, Garbled> {
    let mut at = 0;
    let mut left = count;
    while left > 0 {
        let Some((head, next)) = head(bytes, at)? else {
            return Ok(Measure::Needs(bytes.len().max(at) + 1));
        };
        left -= 1;
        at = next;
        match head {
            Head::Text(length) => at += length + 2,
            Head::List(length) => left += length,
            Head::Nothing | Head::Number(_) | Head::Status | Head::Error => {}
        }
    }
    Ok(if at <= bytes.len() {
        Measure::Whole(at)
    } else {
        Measure::Needs(at)
    })
}

/// What a reply begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// So many bytes follow, and the end of a line.
    Text(usize),
    /// So many replies follow.
    List(usize),
    Nothing,
    Number(i64),
    Status,
    Error,
}

/// What stands at `at`, and where what follows begins; nothing if not all of it is there.
fn head(bytes: &[u8], at: usize) -> Result<Option<(Head, usize)>, Garbled> {
    let Some((kind, rest)) = bytes.get(at..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    let kind = *kind;
    if matches!(kind, b'+' | b'-') {
        return match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) if rest[..end].ends_with(b"\r") => {
                let head = if kind == b'-' {
                    Head::Error
                } else {
                    Head::Status
                };
                Ok(Some((head, at + end + 2)))
            }
            Some(_) => Err(Garbled),
            None if rest.len() > LINE => Err(Garbled),
            None => Ok(None),
        };
    }
    if !matches!(kind, b'$' | b'*' | b':') {
        return Err(Garbled);
    }
    let Some((number, length)) = number(rest)? else {
        return Ok(None);
    };
    let head = match (kind, number) {
        (b':', number) => Head::Number(number),
        (_, -1) => Head::Nothing,
        (kind, number) => match usize::try_from(number) {
            Ok(length) if length <= LONGEST && kind == b'$' => Head::Text(length),
            Ok(length) if length <= LONGEST => Head::List(length),
            _ => return Err(Garbled),
        },
    };
    Ok(Some((head, at + 1 + length)))
}

/// A number and how many bytes it takes with the end of its line.
fn number(bytes: &[u8]) -> Result<Option<(i64, usize)>, Garbled> {
    let digit = |byte: u8| i64::from(byte - b'0');
    // Mostly it is short.
    match *bytes {
        [one @ b'0'..=b'9', b'\r', b'\n', ..] => return Ok(Some((digit(one), 3))),
        [ten @ b'0'..=b'9', one @ b'0'..=b'9', b'\r', b'\n', ..] => {
            return Ok(Some((digit(ten) * 10 + digit(one), 4)));
        }
        _ => {}
    }
    let signed = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let mut number: i64 = 0;
    let mut at = signed;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        let digit = i64::from(digit - b'0');
        // Counted downwards, where there is one number more.
        number = if at < SHORT_NUMBER {
            number * 10 - digit
        } else {
            let more = number.checked_mul(10);
            more.and_then(|more| more.checked_sub(digit))
                .ok_or(Garbled)?
        };
        at += 1;
    }
    match bytes.get(at..) {
        None | Some([] | [b'\r']) => Ok(None),
        Some([b'\r', b'\n', ..]) if at > signed => {
            if bytes[0] != b'-' {
                number = number.checked_neg().ok_or(Garbled)?;
            }
            Ok(Some((number, at + 2)))
        }
        Some(_) => Err(Garbled),
    }
}

/// The replies to one question.
#[derive(Debug)]
pub(in super::super) struct Replies {
    bytes: Arc<[u8]>,
    at: usize,
}

/// Something in a list, where it stands in the replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    Text(Range<usize>),
    Nothing,
    /// An error, which [`Replies::error`] reads.
    Error(usize),
    Other,
}

impl Replies {
    pub(in super::super) fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.into(),
            at: 0,
        }
    }

    /// The next reply.
    pub(in super::super) fn value(&mut self) -> Result<Value, Garbled> {
        self.read(DEEPEST)
    }

    /// The next `count` replies.
    pub(in super::super) fn values(&mut self, count: usize) -> Result<Vec<Value>, Garbled> {
        (0..count).map(|_| self.value()).collect()
    }

    /// The length of the next reply, which is a list; its parts are what comes next. An error is an
    /// error.
    pub(in super::super) fn list(&mut self) -> Result<usize, Trouble> {
        match self.head()? {
            (Head::List(length), _) => Ok(length),
            (Head::Error, at) => Err(self.error(at)),
            _ => Err(Trouble::garbled()),
        }
    }

    /// The next reply, which is a number. An error is an error.
    pub(in super::super) fn number(&mut self) -> Result<i64, Trouble> {
        match self.head()? {
            (Head::Number(number), _) => Ok(number),
            (Head::Error, at) => Err(self.error(at)),
            _ => Err(Trouble::garbled()),
        }
    }

    /// What the next reply says if it is an error.
    pub(super) fn refusal(&mut self) -> Option<Trouble> {
        match self.head() {
            Ok((Head::Error, at)) => Some(self.error(at)),
            _ => None,
        }
    }

    /// The next reply, or the next part of a list, which is a text, if it is one.
    pub(in super::super) fn part(&mut self) -> Result<Part, Garbled> {
        let (head, at) = self.head()?;
        Ok(match head {
            Head::Text(length) => Part::Text(self.text(length)?),
            Head::Nothing => Part::Nothing,
            Head::Error => Part::Error(at),
            Head::Number(_) | Head::Status => Part::Other,
            Head::List(_) => {
                self.at = at;
                self.value()?;
                Part::Other
            }
        })
    }

    /// What stands there.
    pub(in super::super) fn bytes(&self, part: Range<usize>) -> &[u8] {
        self.bytes.get(part).unwrap_or_default()
    }

    /// The same, in the memory that all of it came in.
    pub(in super::super) fn chunk(&self, part: Range<usize>) -> Chunk {
        Chunk::new(&self.bytes, part)
    }

    fn read(&mut self, deeper: usize) -> Result<Value, Garbled> {
        let (head, begin) = self.head()?;
        Ok(match head {
            Head::Text(length) => {
                let text = self.text(length)?;
                Value::BulkString(self.bytes[text].to_vec())
            }
            Head::List(_) if deeper == 0 => return Err(Garbled),
            Head::List(length) => {
                // Each of them was measured.
                let mut values = Vec::with_capacity(length);
                for _ in 0..length {
                    values.push(self.read(deeper - 1)?);
                }
                Value::Array(values)
            }
            Head::Nothing => Value::Nil,
            Head::Number(number) => Value::Int(number),
            // What kinds of these there are the client knows.
            Head::Status | Head::Error => {
                parse_redis_value(&self.bytes[begin..self.at]).map_err(|_| Garbled)?
            }
        })
    }

    /// The next head, and where it stands.
    fn head(&mut self) -> Result<(Head, usize), Garbled> {
        let (head, next) = head(&self.bytes, self.at)?.ok_or(Garbled)?;
        Ok((head, std::mem::replace(&mut self.at, next)))
    }

    fn text(&mut self, length: usize) -> Result<Range<usize>, Garbled> {
        let text = self.at..self.at + length;
        self.at = text.end + 2;
        match self.bytes.get(text.end..self.at) {
            Some(b"\r\n") => Ok(text),
            _ => Err(Garbled),
        }
    }

    /// Whether the error that stands there is about a value of another type.
    pub(in super::super) fn is_wrong_type(&self, at: usize) -> bool {
        let line = self.bytes.get(at..).unwrap_or_default();
        line.starts_with(b"-WRONGTYPE")
    }

    /// What the error says that stands there.
    pub(in super::super) fn error(&self, at: usize) -> Trouble {
        let line = self.bytes.get(at..).unwrap_or_default();
        match parse_redis_value(line) {
            Ok(Value::ServerError(error)) => Trouble::from(&error),
            _ => Trouble::garbled(),
        }
    }
}
