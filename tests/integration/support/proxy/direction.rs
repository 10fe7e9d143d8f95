//! One direction of one connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{Ending, Mode, Shared};

pub(super) type Chunk = (Instant, Vec<u8>);

pub(super) async fn read(
    mut from: impl AsyncRead + Unpin,
    to: mpsc::Sender<Chunk>,
    seen: impl Fn(&[u8]),
) -> Result<(), Ending> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(count) => {
                seen(&buffer[..count]);
                let chunk = (Instant::now(), buffer[..count].to_vec());
                to.send(chunk).await.map_err(|_| Ending::Reset)?;
            }
            Err(_) => return Err(Ending::Reset),
        }
    }
}

/// One direction of a connection.
pub(super) struct Direction<'a> {
    mode: watch::Receiver<(Mode, u64)>,
    /// Whether the client asked for pushes.
    pushed: &'a AtomicBool,
    to_client: bool,
    /// Whether what is to be written next is an operation.
    operation: bool,
    written: &'a AtomicU64,
    /// The change that `left` counts from.
    change: u64,
    left: usize,
    lost: bool,
}

impl<'a> Direction<'a> {
    pub(super) fn new(shared: &'a Shared, pushed: &'a AtomicBool, to_client: bool) -> Self {
        let written = [&shared.to_server, &shared.to_client][usize::from(to_client)];
        Self {
            mode: shared.mode.subscribe(),
            pushed,
            to_client,
            operation: false,
            written,
            change: u64::MAX,
            left: 0,
            lost: false,
        }
    }

    /// Waits until something that arrived then may go on.
    async fn gate(&mut self, arrived: Instant) -> Mode {
        loop {
            let (mode, change) = *self.mode.borrow_and_update();
            if self.change != change {
                self.change = change;
                self.left = match mode {
                    Mode::Truncate(bytes) if self.to_client => bytes,
                    _ => usize::MAX,
                };
            }
            match mode {
                // The sender lives as long as the thread of the proxy.
                Mode::BlackHole => drop(self.mode.changed().await),
                Mode::PushesHang if self.pushed.load(SeqCst) => drop(self.mode.changed().await),
                Mode::OperationsHang if self.operation => drop(self.mode.changed().await),
                Mode::OperationsSlow(delay) if self.operation && arrived.elapsed() < delay => {
                    drop(timeout_at(arrived + delay, self.mode.changed()).await);
                }
                Mode::Delay(delay) if arrived.elapsed() < delay => {
                    drop(timeout_at(arrived + delay, self.mode.changed()).await);
                }
                _ => return mode,
            }
        }
    }

    /// Ends when a connection that lost replies cannot go on.
    async fn gap(&mut self) {
        while !self.lost || self.mode.borrow().0 == Mode::LoseReplies {
            if self.mode.changed().await.is_err() {
                return;
            }
        }
    }
}

pub(super) async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut chunks: mpsc::Receiver<Chunk>,
    mut direction: Direction<'_>,
) -> Result<(), Ending> {
    let mut rest = Vec::new();
    loop {
        let chunk = tokio::select! {
            chunk = chunks.recv() => chunk,
            () = direction.gap() => return Err(Ending::Reset),
        };
        let Some((arrived, chunk)) = chunk else {
            direction.gate(Instant::now()).await;
            // The other side may be gone.
            let _ = to.shutdown().await;
            return Ok(());
        };
        direction.operation = !direction.to_client && is_operation(&chunk);
        let mode = direction.gate(arrived).await;
        if mode == Mode::LoseReplies && direction.to_client {
            direction.lost = true;
            continue;
        }
        if direction.lost {
            return Err(Ending::Reset);
        }
        let chunk = if mode == Mode::PushesLost && direction.to_client {
            rest.extend_from_slice(&chunk);
            without_pushes(&mut rest)
        } else if mode == Mode::Garble && direction.to_client {
            vec![b'?'; chunk.len()]
        } else {
            [std::mem::take(&mut rest), chunk].concat()
        };
        let passed = chunk.len().min(direction.left);
        direction.left -= passed;
        // Before it is written: who has the reply sees it counted.
        let counted = u64::try_from(passed).expect("a few bytes");
        direction.written.fetch_add(counted, SeqCst);
        let wrote = to.write_all(&chunk[..passed]).await;
        wrote.map_err(|_| Ending::Reset)?;
        if direction.left == 0 {
            // What was written has to be read before a reset may overtake it.
            return Err(Ending::Finish);
        }
    }
}

/// Whether something is asked or changed for a cache. Connecting loads the scripts by other names.
pub(super) fn is_operation(chunk: &[u8]) -> bool {
    let has = |command: &[u8]| chunk.windows(command.len()).any(|part| part == command);
    has(b"$4\r\nMGET\r\n") || has(b"$7\r\nEVALSHA\r\n")
}

/// Takes whole frames away, and gives those that are no pushes.
fn without_pushes(bytes: &mut Vec<u8>) -> Vec<u8> {
    let mut passed = Vec::new();
    while let Some(length) = frame(bytes) {
        let whole = bytes.drain(..length);
        if whole.as_slice().first() != Some(&b'>') {
            passed.extend(whole);
        }
    }
    passed
}

/// How long the first frame is, if all of it is there.
pub(crate) fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")? + 2;
    let count = || {
        let digits = std::str::from_utf8(&bytes[1..line - 2]).expect("digits");
        // Nothing is written as less than nothing.
        digits.parse::<usize>().unwrap_or(0)
    };
    let parts = match bytes[0] {
        b'$' | b'=' | b'!' if bytes[1] != b'-' => {
            let end = line + count() + 2;
            return (bytes.len() >= end).then_some(end);
        }
        b'*' | b'~' | b'>' => count(),
        b'%' => 2 * count(),
        _ => 0,
    };
    (0..parts).try_fold(line, |end, _| Some(end + frame(&bytes[end..])?))
}
