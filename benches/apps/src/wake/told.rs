//! The two processes. Each hears what to do in lines, and tells times in microseconds.

use std::convert::Infallible;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

use cache_aside::{Cache, CacheExt, Key, Outcome, Policy};
use futures_util::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSub};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::process::{each_line, now};
use crate::subject::User;

/// The first arguments of these processes.
pub(crate) const FILLER: &str = "filler";
pub(crate) const WAITER: &str = "waiter";

const CHANNEL: &str = "filled";

struct Side {
    cache: Cache,
    redis: MultiplexedConnection,
    told: UnboundedReceiver<String>,
}

pub(crate) fn filler(url: &str) -> Result<()> {
    run(url, async |mut side, _| {
        while let Some((what, round)) = side.next().await {
            if what == "load" {
                side.fill(round).await;
            } else {
                side.publish(round).await?;
            }
        }
        Ok(())
    })
}

pub(crate) fn waiter(url: &str) -> Result<()> {
    run(url, async |mut side, mut published| {
        while let Some((what, round)) = side.next().await {
            match &*what {
                "load" => side.wait(round).await,
                "bare" => side.subscribe(&mut published).await?,
                _ => side.ping().await?,
            }
        }
        Ok(())
    })
}

/// With a runtime as servers have it.
fn run(url: &str, act: impl AsyncFnOnce(Side, PubSub) -> Result<()>) -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let client = redis::Client::open(url).map_err(Error::other)?;
        let redis = client.get_multiplexed_async_connection().await;
        let redis = redis.map_err(Error::other)?;
        let mut published = client.get_async_pubsub().await.map_err(Error::other)?;
        published.subscribe(CHANNEL).await.map_err(Error::other)?;
        let cache = Cache::builder().redis(url).build().await;
        let cache = cache.map_err(Error::other)?;
        let (tell, told) = unbounded_channel();
        each_line(move |line| drop(tell.send(line)));
        println!("ready");
        act(Side { cache, redis, told }, published).await
    })
}

impl Side {
    async fn next(&mut self) -> Option<(String, u64)> {
        let line = self.told.recv().await?;
        let (what, round) = line.split_once(' ').unwrap_or((&line, ""));
        Some((what.to_owned(), round.parse().unwrap_or_default()))
    }

    async fn fill(&mut self, round: u64) {
        let (key, policy) = asked(round);
        let mut loaded = Duration::ZERO;
        let (cache, told, at) = (&self.cache, &mut self.told, &mut loaded);
        let body = || async move {
            println!("loading");
            told.recv().await;
            *at = now();
            Ok::<_, Infallible>(User::of(round, "Ada"))
        };
        let user = cache.get_or_load(&key, &policy, body).await;
        let filled = now();
        drop(user);
        println!("{} {}", micros(loaded), micros(filled));
    }

    async fn wait(&self, round: u64) {
        let (key, policy) = asked(round);
        println!("waiting");
        let body = || async { Ok::<_, Infallible>(User::of(round, "Ada")) };
        let call = self.cache.get_or_load(&key, &policy, body);
        let (user, report) = call.with_cache_report().await;
        let had = now();
        drop(user);
        let joined = u8::from(report.outcome == Outcome::Joined);
        println!("{} {joined}", micros(had));
    }

    async fn publish(&mut self, round: u64) -> Result<()> {
        let key = format!("bare:{round}");
        let sent = now();
        let bytes = rmp_serde::to_vec_named(&User::of(round, "Ada")).map_err(Error::other)?;
        let mut pipeline = redis::pipe();
        pipeline.set(&key, bytes).ignore();
        pipeline.publish(CHANNEL, &key).ignore();
        let done = pipeline.query_async::<()>(&mut self.redis).await;
        done.map_err(Error::other)?;
        println!("{}", micros(sent));
        Ok(())
    }

    async fn subscribe(&mut self, published: &mut PubSub) -> Result<()> {
        println!("waiting");
        let message = published.on_message().next().await;
        let message = message.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let mut get = redis::cmd("GET");
        get.arg(message.get_payload_bytes());
        let bytes = get.query_async::<Vec<u8>>(&mut self.redis).await;
        let user = rmp_serde::from_slice::<User>(&bytes.map_err(Error::other)?);
        let had = now();
        user.map_err(Error::other)?;
        println!("{}", micros(had));
        Ok(())
    }

    async fn ping(&mut self) -> Result<()> {
        let began = Instant::now();
        let ping = redis::cmd("PING");
        let answer = ping.query_async::<()>(&mut self.redis).await;
        answer.map_err(Error::other)?;
        println!("{}", micros(began.elapsed()));
        Ok(())
    }
}

fn asked(round: u64) -> (Key<User>, Policy) {
    let tag = format!("user:{round}");
    let policy = Policy::ttl(Duration::from_mins(1)).tags([tag]);
    (Key::new("woken", &(round,)), policy)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
