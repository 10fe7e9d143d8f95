//! What the server takes by itself: values in one command after the other, over a stream that does nothing else.
//!
//! Nothing is decoded, and whoever asks waits for the reply. So a client whose calls are answered by such commands is faster
//! only by what it does while the server works, however little it does by itself.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::by_hand::key;
use crate::measure::timed;
use crate::server::Server;
use crate::subject::Keys;

/// One stream, and what is asked on it over and over.
pub(crate) struct Floor {
    stream: TcpStream,
    /// Commands that each read so many values, and the lengths of their replies.
    commands: Vec<(Vec<u8>, usize)>,
    values: u64,
    next: usize,
    room: Vec<u8>,
}

impl Floor {
    /// Reads the values that are stored by hand, so many by one command.
    pub(crate) fn new(server: &Server, keys: &Keys, values: usize) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port()));
        let mut stream = stream.expect("the server answers");
        stream.set_nodelay(true).expect("a stream of the system");
        let mut room = vec![0; 1 << 20];
        let commands = keys.chunks_exact(values).map(|keys| {
            let names: Vec<_> = keys.iter().map(|(id, name)| key(*id, name)).collect();
            let command = mget(&names);
            stream.write_all(&command).expect("the server takes it");
            let length = read_values(&mut stream, &mut room, values);
            (command, length)
        });
        let commands = commands.collect();
        Self {
            commands,
            stream,
            values: values as u64,
            next: 0,
            room,
        }
    }

    /// At least so many values; the time, and how many they were.
    pub(crate) fn read(&mut self, values: u64) -> (std::time::Duration, u64) {
        let rounds = values.div_ceil(self.values);
        let time = timed(|| {
            for _ in 0..rounds {
                self.next = (self.next + 1) % self.commands.len();
                let (command, length) = &self.commands[self.next];
                self.stream.write_all(command).expect("the server takes it");
                let reply = &mut self.room[..*length];
                self.stream.read_exact(reply).expect("the server answers");
            }
        });
        (time, rounds * self.values)
    }
}

fn mget(names: &[String]) -> Vec<u8> {
    let words = names
        .iter()
        .map(|name| format!("${}\r\n{name}\r\n", name.len()));
    let words: String = words.collect();
    format!("*{}\r\n$4\r\nMGET\r\n{words}", names.len() + 1).into_bytes()
}

/// The length of a reply with so many values.
fn read_values(stream: &mut TcpStream, room: &mut [u8], values: usize) -> usize {
    let mut length = 0;
    loop {
        length += stream
            .read(&mut room[length..])
            .expect("the server answers");
        if let Some(whole) = length_of(&room[..length], values) {
            assert_eq!(whole, length, "one reply");
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
