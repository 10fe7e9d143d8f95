//! Who asks: as cheap as can be, on one thread, since it shares the processors with the server.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::subject::Draws;

/// Users that are asked for again and again.
pub(crate) const WARM_USERS: usize = 1_000;
#[derive(Debug)]
pub(crate) struct Load {
    /// Of a hundred requests.
    misses: usize,
    next_new: Rc<Cell<u64>>,
}

#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    pub(crate) misses: u64,
    time: Duration,
}

impl Done {
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than that")]
        let requests = self.requests as f64;
        requests / self.time.as_secs_f64()
    }
}

impl Load {
    /// With so many misses in a hundred requests, for users from this id on.
    pub(crate) fn new(misses: usize, first_new: u64) -> Self {
        let next_new = Rc::new(Cell::new(first_new));
        Self { misses, next_new }
    }

    pub(crate) async fn warm_up(&self, address: SocketAddr) -> Result<()> {
        let mut connection = Connection::open(address).await?;
        for id in 0..WARM_USERS as u64 {
            connection.get(id).await?;
        }
        Ok(())
    }

    /// As many requests as there can be on so many connections, each with one at a time.
    pub(crate) async fn run(
        &self,
        address: SocketAddr,
        connections: usize,
        time: Duration,
    ) -> Result<Done> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(address).await?);
        }
        let tasks = LocalSet::new();
        let began = Instant::now();
        let running: Vec<_> = (0..)
            .zip(open)
            .map(|(number, connection)| {
                let (misses, new) = (self.misses, Rc::clone(&self.next_new));
                tasks.spawn_local(connection.load(number, misses, new, began + time))
            })
            .collect();
        let mut all = Done::default();
        tasks.await;
        all.time = began.elapsed();
        for done in running {
            let done = done.await.map_err(Error::other)??;
            all.requests += done.requests;
            all.misses += done.misses;
        }
        Ok(all)
    }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            answer: Vec::with_capacity(2_048),
        })
    }

    async fn load(
        mut self,
        number: u32,
        misses: usize,
        new: Rc<Cell<u64>>,
        until: Instant,
    ) -> Result<Done> {
        let mut draws = Draws::new(number);
        let mut done = Done::default();
        while Instant::now() < until {
            let id = if draws.next_below(100) < misses {
                done.misses += 1;
                new.replace(new.get() + 1)
            } else {
                draws.next_below(WARM_USERS) as u64
            };
            self.get(id).await?;
            done.requests += 1;
        }
        Ok(done)
    }

    async fn get(&mut self, id: u64) -> Result<()> {
        use std::io::Write as _;
        self.request.clear();
        write!(self.request, "GET /user/{id} HTTP/1.1\r\nhost: x\r\n\r\n")?;
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(whole) = length(&self.answer)?
                && self.answer.len() >= whole
            {
                return Ok(());
            }
        }
    }
}

/// Of an answer with its head, once the head is there.
fn length(answer: &[u8]) -> Result<Option<usize>> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let wrong = || Error::other(String::from_utf8_lossy(answer).into_owned());
    let Some(head) = find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let stated = find(answer, LENGTH).filter(|_| answer.starts_with(b"HTTP/1.1 200"));
    let stated = stated.ok_or_else(wrong)? + LENGTH.len();
    let digits = answer[stated..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let body = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    Ok(Some(head + 4 + body))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
