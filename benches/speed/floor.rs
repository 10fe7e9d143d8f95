//! What the server takes by itself: values in one command after the other, over a stream that does nothing else.
//!
//! Nothing is decoded, and whoever asks waits for the reply. So a client whose calls are answered by such commands is faster
//! only by what it does while the server works, however little it does by itself. It is asked for what this library asks for:
//! entries, which are longer than bare values and have longer names, their tokens, and whether it is a master.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::measure::timed;
use crate::store::{Store, Stored};

/// No command of this library reads more entries.
pub(crate) const MOST: u64 = 256;

/// What follows each question of this library, and its reply.
const WAIT: (&str, usize) = ("*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n", 4);

/// One stream, and what is asked on it over and over.
pub(crate) struct Floor {
    stream: TcpStream,
    /// Commands that each read so many entries, and the lengths of their replies.
    commands: Vec<(Vec<u8>, usize)>,
    values: u64,
    next: usize,
    room: Vec<u8>,
}

impl Floor {
    /// Reads what a function has stored, so many entries at a time.
    pub(crate) fn new(store: &Store, stored: &Stored, values: u64) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, store.server.port()));
        let mut stream = stream.expect("the server answers");
        stream.set_nodelay(true).expect("a stream of the system");
        let mut room = vec![0; 1 << 20];
        let commands = stored.questions(values).map(|names| {
            let mut command = mget(&names);
            command.extend_from_slice(WAIT.0.as_bytes());
            stream.write_all(&command).expect("the server takes it");
            let length = read_values(&mut stream, &mut room, names.len());
            (command, length)
        });
        let commands = commands.collect();
        Self {
            commands,
            stream,
            values,
            next: 0,
            room,
        }
    }

    /// At least so many entries; the time, and how many they were.
    pub(crate) fn read(&mut self, values: u64) -> (Duration, u64) {
        let rounds = values.div_ceil(self.values);
        let time = timed(|| (0..rounds).for_each(|_| self.ask(|_| ())));
        (time, rounds * self.values)
    }

    /// One question, whose reply is `used`.
    pub(crate) fn ask(&mut self, used: impl FnOnce(&[u8])) {
        self.next = (self.next + 1) % self.commands.len();
        let (command, length) = &self.commands[self.next];
        self.stream.write_all(command).expect("the server takes it");
        let reply = &mut self.room[..*length];
        self.stream.read_exact(reply).expect("the server answers");
        used(reply);
    }
}

fn mget(names: &[&str]) -> Vec<u8> {
    let words = names
        .iter()
        .map(|name| format!("${}\r\n{name}\r\n", name.len()));
    let words: String = words.collect();
    format!("*{}\r\n$4\r\nMGET\r\n{words}", names.len() + 1).into_bytes()
}

/// The length of a reply with so many values, and of that to what follows.
fn read_values(stream: &mut TcpStream, room: &mut [u8], values: usize) -> usize {
    let mut length = 0;
    loop {
        length += stream
            .read(&mut room[length..])
            .expect("the server answers");
        if let Some(values) = length_of(&room[..length], values)
            && length == values + WAIT.1
        {
            return length;
        }
    }
}

/// `*2`, `$3`, `abc`, `$2`, `de`, each with the end of a line; nothing if not all of it is there.
fn length_of(reply: &[u8], values: usize) -> Option<usize> {
    let line = |at: usize| Some(at + reply.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1);
    let mut at = line(0)?;
    for _ in 0..values {
        let end = line(at)?;
        let digits = std::str::from_utf8(&reply[at + 1..end - 2]).ok()?;
        at = end + digits.parse::<usize>().expect("every key has a value") + 2;
    }
    (at <= reply.len()).then_some(at)
}
