//! The other process: raises a number and invalidates what was made of it.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use cache_aside::Cache;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::subject::{System, ask, copy, source};
use crate::process::each_line;

/// The first argument of its process.
pub(crate) const WRITER: &str = "writer";

type Waiting = Mutex<HashMap<u64, oneshot::Sender<u64>>>;

/// Ended with its owner.
#[derive(Debug)]
pub(super) struct Writer {
    _process: Child,
    to: mpsc::UnboundedSender<String>,
    waiting: Arc<Waiting>,
    next: AtomicU64,
}

impl Writer {
    pub(super) fn start(url: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([WRITER, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = process.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
        let stdout = process.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        let (to, mut lines) = mpsc::unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                if stdin.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        let waiting = Arc::new(Waiting::default());
        tokio::spawn(hear(stdout, Arc::clone(&waiting)));
        Ok(Self {
            _process: process,
            to,
            waiting,
            next: 0.into(),
        })
    }

    /// It is under way when this returns, and done, invalidation and all, when the number is there that was written.
    pub(super) fn write(&self, system: System, round: u64) -> Result<oneshot::Receiver<u64>> {
        let id = self.next.fetch_add(1, Relaxed);
        let (tell, told) = oneshot::channel();
        with(&self.waiting, |waiting| waiting.insert(id, tell));
        let line = format!("{id} {} {round}\n", system.name());
        self.to.send(line).map_err(|_| ErrorKind::BrokenPipe)?;
        Ok(told)
    }
}

async fn hear(stdout: ChildStdout, waiting: Arc<Waiting>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let [id, written] = numbers(&line)[..] {
            let waits = with(&waiting, |waiting| waiting.remove(&id));
            // Whoever asked may have gone.
            let _ = waits.map(|waits| waits.send(written));
        } else {
            eprintln!("writer: {line}");
        }
    }
    // Nobody is told any more.
    with(&waiting, HashMap::clear);
}

fn numbers(line: &str) -> Vec<u64> {
    let words = line.split(' ').map(str::parse);
    words.filter_map(std::result::Result::ok).collect()
}

fn with<R>(waiting: &Waiting, act: impl FnOnce(&mut HashMap<u64, oneshot::Sender<u64>>) -> R) -> R {
    act(&mut waiting.lock().unwrap_or_else(PoisonError::into_inner))
}

/// In the other process.
pub(crate) fn writer(url: &str) -> Result<()> {
    Runtime::new()?.block_on(async {
        let client = redis::Client::open(url).map_err(Error::other)?;
        let redis = client.get_multiplexed_async_connection().await;
        let redis = redis.map_err(Error::other)?;
        let cache = Cache::builder().redis(url).build().await;
        let cache = cache.map_err(Error::other)?;
        let (tell, mut told) = mpsc::unbounded_channel();
        each_line(move |line| drop(tell.send(line)));
        while let Some(line) = told.recv().await {
            let (redis, cache) = (redis.clone(), cache.clone());
            tokio::spawn(async move {
                let words: Vec<&str> = line.split(' ').collect();
                let [id, name, round] = words[..] else {
                    return;
                };
                match write(&redis, &cache, name, round).await {
                    Ok(written) => println!("{id} {written}"),
                    Err(error) => println!("{error}"),
                }
            });
        }
        Ok(())
    })
}

async fn write(
    redis: &MultiplexedConnection,
    cache: &Cache,
    name: &str,
    round: &str,
) -> Result<u64> {
    let source = source(name, round);
    let written = ask(redis, redis::cmd("INCR").arg(&source)).await?;
    if name == System::ByHand.name() {
        ask::<()>(redis, redis::cmd("DEL").arg(copy(round))).await?;
    } else if name != System::ClientCache.name() {
        let invalidated = cache.invalidate_tag(source).await;
        invalidated.map_err(Error::other)?;
    }
    Ok(written)
}
