//! The server: `GET /user/7` gives a user as JSON.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, OnceLock, RwLock};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use cache_aside::{Cache, cache_aside};
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::net::TcpListener;

use crate::process::each_line;
use crate::record::Goal;
use crate::subject::User;

/// The first argument of the process of a server.
pub(crate) const SITE: &str = "site";

const TTL_SECONDS: u64 = 600;

/// How long the database takes.
const QUERY: Duration = Duration::from_millis(1);

/// Which cache a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    ByHand,
    Remote,
    RemoteTagged,
    Local,
    /// As little as a cache can do, and nothing that is shared: how far any could come.
    Map,
}

impl Site {
    pub(crate) const ALL: [Self; 5] = [
        Self::ByHand,
        Self::Remote,
        Self::RemoteTagged,
        Self::Local,
        Self::Map,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by-hand",
            Self::Remote => "remote",
            Self::RemoteTagged => "remote-tagged",
            Self::Local => "local",
            Self::Map => "map",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ByHand => "by hand",
            Self::Remote => "local = false",
            Self::RemoteTagged => "local = false, 1 tag",
            Self::Local => "local copies, 1 tag",
            Self::Map => "a map in the process, no server",
        }
    }

    pub(crate) fn goal(self) -> Goal {
        match self {
            Self::Remote => Goal::AtLeast(1.0),
            Self::Local => Goal::AtLeast(2.0),
            Self::ByHand | Self::RemoteTagged | Self::Map => Goal::None,
        }
    }
}

static LOADS: AtomicU64 = AtomicU64::new(0);
static CACHE: OnceLock<Cache> = OnceLock::new();

fn cache() -> Cache {
    CACHE.get_or_init(Cache::in_process).clone()
}

async fn query(id: u64) -> User {
    LOADS.fetch_add(1, Relaxed);
    tokio::time::sleep(QUERY).await;
    User::of(id, "Ada")
}

#[cache_aside(ttl = "10m", prefix = "remote", local = false, cache = cache())]
async fn remote(id: u64) -> User {
    query(id).await
}

#[cache_aside(ttl = "10m", prefix = "tagged", local = false, tags = ["user:{id}"], cache = cache())]
async fn remote_tagged(id: u64) -> User {
    query(id).await
}

#[cache_aside(ttl = "10m", prefix = "local", tags = ["user:{id}"], cache = cache())]
async fn local(id: u64) -> User {
    query(id).await
}

/// Nothing ever leaves it, nothing is invalidated, and no other process knows of it.
async fn map(id: u64) -> User {
    static MAP: LazyLock<RwLock<HashMap<u64, User>>> = LazyLock::new(RwLock::default);
    if let Some(user) = MAP.read().expect("no panic inside").get(&id) {
        return user.clone();
    }
    let user = query(id).await;
    MAP.write()
        .expect("no panic inside")
        .insert(id, user.clone());
    user
}

/// What one writes without a library. It has no lease and no tags, and loses the race against a writer.
async fn by_hand(mut redis: MultiplexedConnection, id: u64) -> RedisResult<User> {
    let key = format!("user:{id}");
    let found = redis::cmd("GET").arg(&key).query_async(&mut redis).await?;
    let found: Option<Vec<u8>> = found;
    if let Some(user) = found.and_then(|bytes| rmp_serde::from_slice(&bytes).ok()) {
        return Ok(user);
    }
    let user = query(id).await;
    if let Ok(bytes) = rmp_serde::to_vec_named(&user) {
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(bytes).arg("EX").arg(TTL_SECONDS);
        set.query_async::<()>(&mut redis).await?;
    }
    Ok(user)
}

/// The process of a server: says where it listens, and then how often its body ran, whenever asked.
pub(crate) fn serve(kind: &str, url: &str) -> Result<()> {
    let site = Site::ALL.into_iter().find(|site| site.name() == kind);
    let site = site.ok_or(ErrorKind::InvalidInput)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let user: MethodRouter = if site == Site::ByHand {
            let client = redis::Client::open(url).map_err(Error::other)?;
            let redis = client.get_multiplexed_async_connection().await;
            let handler = |State(redis), Path(id)| async move {
                let user = by_hand(redis, id).await;
                user.map(Json).map_err(|_| StatusCode::BAD_GATEWAY)
            };
            get(handler).with_state(redis.map_err(Error::other)?)
        } else {
            let cache = Cache::builder().redis(url).build().await;
            let cache = cache.map_err(Error::other)?;
            CACHE.get_or_init(|| cache);
            match site {
                Site::Local => get(async |Path(id)| Json(local(id).await)),
                Site::Map => get(async |Path(id)| Json(map(id).await)),
                Site::RemoteTagged => get(async |Path(id)| Json(remote_tagged(id).await)),
                Site::Remote | Site::ByHand => get(async |Path(id)| Json(remote(id).await)),
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening {}", listener.local_addr()?);
        each_line(|_| println!("loads {}", LOADS.load(Relaxed)));
        axum::serve(listener, Router::new().route("/user/{id}", user)).await
    })
}
