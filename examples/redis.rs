//! Two processes and one Redis: one load for both, hits by tier, an invalidation that both see.
//!
//! `cargo run --example redis`
//!
//! It starts a server of its own, or uses the one that `CACHE_URL` names. The second process is
//! this program once more: it reads what it is to do, line by line, and says what came of it.

mod support;

use std::io::{BufRead, BufReader, Error, Result, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, cache_aside};
use support::Server;
use tokio::task::JoinSet;

const CHILD: &str = "CACHE_ASIDE_EXAMPLE_CHILD";

/// A slow report. Its text says which process made it.
#[cache_aside(ttl = "5m", prefix = "report", tags = ["report:{id}"], skip(process))]
async fn report(process: &'static str, id: u64) -> String {
    tokio::time::sleep(Duration::from_millis(200)).await;
    format!("report {id}, made by {process}")
}

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(url) = std::env::var(CHILD) {
        return second(&url).await;
    }
    let url = std::env::var("CACHE_URL").ok();
    let server = match url {
        Some(_) => None,
        None => Server::start()?,
    };
    let Some(url) = url.or_else(|| server.as_ref().map(Server::url)) else {
        println!("  set CACHE_URL to a server that runs, such as redis://127.0.0.1:6379");
        return Ok(());
    };
    first(&url).await
}

async fn first(url: &str) -> Result<()> {
    connect(url).await?.clear().await.map_err(Error::other)?;
    let mut second = Second::start(url)?;

    println!("one: {}", obey("one", "show 1").await?);
    println!("two: {}", second.ask("show 1")?);
    println!("two: {}", second.ask("show 1")?);

    println!("two: {}", second.ask("invalidate report:1")?);
    println!("one: {}", obey("one", "show 1").await?);
    println!("two: {}", second.ask("show 1")?);

    second.tell("crowd 2")?;
    let here = obey("one", "crowd 2").await?;
    let there = second.hear()?;
    let loads: Vec<u32> = [&here, &there]
        .iter()
        .filter_map(|n| n.parse().ok())
        .collect();
    println!(
        "50 callers in each process at once: {} load",
        loads.iter().sum::<u32>()
    );
    assert_eq!(loads.iter().sum::<u32>(), 1);

    second.end()?;
    Cache::installed().close().await.map_err(Error::other)
}

/// The second process: does what it is told until nobody tells it any more.
async fn second(url: &str) -> Result<()> {
    connect(url).await?;
    for line in stdin().lines() {
        println!("{}", obey("two", &line?).await?);
    }
    Cache::installed().close().await.map_err(Error::other)
}

/// What both processes set up: from then on their functions share what they load.
async fn connect(url: &str) -> Result<Cache> {
    let cache = Cache::builder().namespace("cache-aside-example").redis(url);
    let cache = cache.build().await.map_err(Error::other)?;
    cache.install().map_err(Error::other)?;
    Ok(cache)
}

async fn obey(process: &'static str, what: &str) -> Result<String> {
    let (verb, object) = what.split_once(' ').unwrap_or((what, ""));
    let id = || object.parse::<u64>().map_err(Error::other);
    match verb {
        "show" => {
            let (text, report) = report(process, id()?).with_cache_report().await;
            let tier = report
                .tier
                .map_or("no tier".to_owned(), |tier| format!("{tier:?}"));
            Ok(format!("{text}: {:?}, {tier}", report.outcome))
        }
        "invalidate" => {
            // Until then a process may give the copy it has, for a second at most.
            let everywhere = Cache::installed().invalidate_tag(object).settled();
            let invalidated = everywhere.await;
            invalidated.map_err(Error::other)?;
            Ok(format!("invalidated {object}"))
        }
        "crowd" => {
            let before = Cache::installed().stats().total.loads;
            let id = id()?;
            let callers: JoinSet<_> = (0..50).map(|_| report(process, id)).collect();
            let texts = callers.join_all().await;
            assert!(texts.iter().all(|text| *text == texts[0]));
            Ok((Cache::installed().stats().total.loads - before).to_string())
        }
        _ => Err(Error::other(format!("what is {what}?"))),
    }
}

/// The other process, as the first one sees it.
struct Second {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Second {
    fn start(url: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(CHILD, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = process.stdin.take();
        let from = process
            .stdout
            .take()
            .ok_or_else(|| Error::other("no output"))?;
        Ok(Self {
            process,
            to,
            from: BufReader::new(from),
        })
    }

    fn tell(&mut self, what: &str) -> Result<()> {
        let to = self
            .to
            .as_mut()
            .ok_or_else(|| Error::other("it was told to end"))?;
        writeln!(to, "{what}")
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn ask(&mut self, what: &str) -> Result<String> {
        self.tell(what)?;
        self.hear()
    }

    /// It ends when its input does.
    fn end(mut self) -> Result<()> {
        drop(self.to.take());
        let status = self.process.wait()?;
        assert!(status.success(), "the second process: {status}");
        Ok(())
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
