//! The caches that are raced.

use std::fmt::Display;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;

use cache_aside::{Cache, Coherence, Key, Policy};
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use tokio::sync::oneshot;

use super::writer::Writer;
use crate::record::Goal;

const TTL: Duration = Duration::from_mins(10);
/// What the source holds before the write, which makes 2 of it.
pub(super) const OLD: u64 = 1;

/// When the writer is told, in the order in which a load comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The reader asks.
    Asking,
    /// Its body begins.
    Loading,
    /// Its body has read the source, and returns: the write meets what comes after the load.
    Read,
    /// Its body has read the source, and returns when all is written and invalidated.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Strict,
    Remote,
    Bounded,
    ByHand,
    ClientCache,
}

impl Moment {
    pub(super) fn of(round: u64) -> Self {
        match round % 4 {
            0 => Self::Asking,
            1 => Self::Loading,
            2 => Self::Read,
            _ => Self::Held,
        }
    }
}

impl System {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Remote => "remote",
            Self::Bounded => "bounded",
            Self::ByHand => "by-hand",
            Self::ClientCache => "client-cache",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Strict => "cache-aside, local copies, strict",
            Self::Remote => "cache-aside, local = false",
            Self::Bounded => "cache-aside, local copies, bounded by 1 s",
            Self::ByHand => "GET, SET, DEL by hand",
            Self::ClientCache => "client-side cache of redis 1.8.1",
        }
    }

    /// Whether not one stale answer right after the write is promised, and whether later.
    pub(super) fn goals(self) -> [Goal; 2] {
        let none = Goal::AtMost(0.0);
        match self {
            Self::Strict | Self::Remote => [none, none],
            Self::Bounded => [Goal::None, none],
            Self::ByHand | Self::ClientCache => [Goal::None, Goal::None],
        }
    }
}

/// A reader of one system.
#[derive(Debug)]
pub(super) struct Subject {
    system: System,
    writer: Arc<Writer>,
    cache: Cache,
    redis: MultiplexedConnection,
    /// With the client-side cache.
    caching: MultiplexedConnection,
}

/// A write by the other process, which is told at one moment.
struct Write<'a> {
    subject: &'a Subject,
    round: u64,
    moment: Moment,
    told: Option<oneshot::Receiver<u64>>,
    written: Option<u64>,
}

impl Subject {
    pub(super) async fn new(system: System, url: &str, writer: &Arc<Writer>) -> Result<Self> {
        let client = redis::Client::open(url).map_err(Error::other)?;
        let redis = client.get_multiplexed_async_connection().await;
        let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
        let client = redis::Client::open(format!("{url}?protocol=resp3")).map_err(Error::other)?;
        let caching = client.get_multiplexed_async_connection_with_config(&config);
        let caching = caching.await.map_err(Error::other)?;
        let cache = Cache::builder().redis(url).build().await;
        Ok(Self {
            system,
            writer: Arc::clone(writer),
            cache: cache.map_err(Error::other)?,
            redis: redis.map_err(Error::other)?,
            caching,
        })
    }

    /// What is stored of the source, or else what it gives.
    pub(super) async fn read(&self, round: u64) -> Result<u64> {
        match self.system {
            System::ClientCache => self.get_cached(round).await,
            _ => self.load(round, || self.read_source(round)).await,
        }
    }

    /// Reads while the other process writes; gives what was read and what was written.
    pub(super) async fn overlapped(&self, round: u64, moment: Moment) -> Result<(u64, u64)> {
        let mut set = redis::cmd("SET");
        set.arg(self.source(round)).arg(OLD);
        ask::<()>(&self.redis, &set).await?;
        if self.system == System::ClientCache {
            return self.overlapped_get(round, moment).await;
        }
        let mut write = Write {
            subject: self,
            round,
            moment,
            told: None,
            written: None,
        };
        write.comes_to(Moment::Asking)?;
        let during = &mut write;
        let body = || async move {
            during.comes_to(Moment::Loading)?;
            let number = self.read_source(round).await?;
            during.comes_to(Moment::Read)?;
            if moment == Moment::Held {
                during.end().await?;
            }
            Ok(number)
        };
        let read = self.load(round, body).await?;
        Ok((read, write.end().await?))
    }

    async fn load<F>(&self, round: u64, body: impl FnOnce() -> F) -> Result<u64>
    where
        F: Future<Output = Result<u64>>,
    {
        let policy = Policy::ttl(TTL).tags([self.source(round)]);
        let policy = match self.system {
            System::ByHand | System::ClientCache => return self.load_by_hand(round, body).await,
            System::Strict => policy.coherence(Coherence::Strict),
            System::Remote => policy.local(false),
            System::Bounded => policy,
        };
        let key = Key::new(self.system.name(), &(round,));
        self.cache.get_or_load(&key, &policy, body).await
    }

    async fn load_by_hand<F>(&self, round: u64, body: impl FnOnce() -> F) -> Result<u64>
    where
        F: Future<Output = Result<u64>>,
    {
        let key = copy(round);
        if let Some(number) = ask(&self.redis, redis::cmd("GET").arg(&key)).await? {
            return Ok(number);
        }
        let number = body().await?;
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(number).arg("EX").arg(TTL.as_secs());
        ask::<()>(&self.redis, &set).await?;
        Ok(number)
    }

    async fn read_source(&self, round: u64) -> Result<u64> {
        ask(&self.redis, redis::cmd("GET").arg(self.source(round))).await
    }

    async fn get_cached(&self, round: u64) -> Result<u64> {
        ask(&self.caching, redis::cmd("GET").arg(self.source(round))).await
    }

    /// There is no load to be held. The other process is told, and the reader asks so many trips later; in
    /// the last moment both are sent by this process, at once, on two connections.
    async fn overlapped_get(&self, round: u64, moment: Moment) -> Result<(u64, u64)> {
        let trips = match moment {
            Moment::Asking => 0,
            Moment::Loading => 1,
            Moment::Read => 2,
            Moment::Held => {
                let mut raise = redis::cmd("INCR");
                raise.arg(self.source(round));
                let both = tokio::join!(self.get_cached(round), ask(&self.redis, &raise));
                self.told_of_writes().await?;
                return Ok((both.0?, both.1?));
            }
        };
        let told = self.writer.write(self.system, round)?;
        for _ in 0..trips {
            ask::<()>(&self.redis, &redis::cmd("PING")).await?;
        }
        let read = self.get_cached(round).await?;
        let written = heard(told).await?;
        self.told_of_writes().await?;
        Ok((read, written))
    }

    /// What the server had to say of writes came before this answer.
    async fn told_of_writes(&self) -> Result<()> {
        ask(&self.caching, &redis::cmd("PING")).await
    }

    /// The name of the number, and the tag of what is made of it.
    fn source(&self, round: u64) -> String {
        source(self.system.name(), &round.to_string())
    }
}

impl Write<'_> {
    fn comes_to(&mut self, moment: Moment) -> Result<()> {
        if self.moment == moment {
            self.begin()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        let Subject { writer, system, .. } = self.subject;
        self.told = Some(writer.write(*system, self.round)?);
        Ok(())
    }

    /// It has begun by then, or does.
    async fn end(&mut self) -> Result<u64> {
        if let Some(written) = self.written {
            return Ok(written);
        }
        if self.told.is_none() {
            self.begin()?;
        }
        let told = self.told.take().ok_or(ErrorKind::NotFound)?;
        let written = heard(told).await?;
        self.written = Some(written);
        Ok(written)
    }
}

async fn heard(told: oneshot::Receiver<u64>) -> Result<u64> {
    told.await.map_err(|_| ErrorKind::BrokenPipe.into())
}

pub(super) fn source(system: &str, round: &str) -> String {
    format!("{system}:{round}")
}

/// Where a cache by hand keeps it.
pub(super) fn copy(round: impl Display) -> String {
    format!("copy:{round}")
}

pub(super) async fn ask<T: FromRedisValue>(
    redis: &MultiplexedConnection,
    command: &Cmd,
) -> Result<T> {
    let answer = command.query_async(&mut redis.clone()).await;
    answer.map_err(Error::other)
}
