//! Servers that work and say no, each for a reason of its own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, cmd};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::process::LIMIT;
use super::server::Server;

/// Why a server says no. Every one of them is real: nothing plays the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum No {
    /// Memory is full: no write is taken that needs some. Which policy is in force decides what is evicted first.
    Memory,
    /// It is the replica of another server that is there.
    Replica,
    /// A snapshot failed, and writes are off until one succeeds.
    Snapshot,
    /// It loads its data, in the same life, for some seconds if nobody ends it.
    Loading,
    /// It takes no more clients; those that are connected stay.
    Clients,
    /// A script does not end.
    Script,
    /// It has too few replicas to write.
    Replicas,
}

impl No {
    pub(crate) const ALL: [Self; 7] = [
        Self::Memory,
        Self::Replica,
        Self::Snapshot,
        Self::Loading,
        Self::Clients,
        Self::Script,
        Self::Replicas,
    ];
}

/// A server that says no. It does so until it is healed.
pub(crate) struct Refusing<'a> {
    server: &'a Server,
    /// Opened before, because some refuse new connections.
    admin: MultiplexedConnection,
    no: No,
    primary: Option<Server>,
    /// Where a snapshot would be written.
    dump: PathBuf,
    command: Option<JoinHandle<()>>,
}

impl<'a> Refusing<'a> {
    /// In force on return.
    pub(crate) async fn begin(server: &'a Server, no: No) -> Self {
        let admin = server.admin().await;
        let mut refusing = Self {
            server,
            admin,
            no,
            primary: None,
            dump: PathBuf::new(),
            command: None,
        };
        match no {
            No::Memory => refusing.set("maxmemory", "1").await,
            No::Replica => {
                let primary = Server::start().await;
                server.replica_of(&primary).await;
                refusing.primary = Some(primary);
            }
            No::Snapshot => refusing.fail_to_save().await,
            No::Loading => refusing.load().await,
            No::Clients => {
                let clients = refusing.told("clients", "connected_clients").await;
                refusing.set("maxclients", &clients).await;
            }
            No::Script => refusing.run_a_script().await,
            No::Replicas => refusing.set("min-replicas-to-write", "1").await,
        }
        refusing
    }

    /// Says yes again on return.
    pub(crate) async fn heal(mut self) {
        match self.no {
            No::Memory => self.set("maxmemory", "0").await,
            No::Replica => self.server.promote().await,
            No::Snapshot => {
                fs::remove_dir_all(&self.dump).expect("the folder in its place");
                self.ask::<()>(&["BGSAVE"]).await;
                self.until("persistence", "rdb_last_bgsave_status", "ok")
                    .await;
            }
            No::Loading => {
                self.set("key-load-delay", "0").await;
                self.until("persistence", "loading", "0").await;
            }
            No::Clients => self.set("maxclients", "10000").await,
            No::Script => self.ask::<()>(&["SCRIPT", "KILL"]).await,
            No::Replicas => self.set("min-replicas-to-write", "0").await,
        }
        if let Some(command) = self.command.take() {
            command.await.expect("it ends");
        }
    }

    /// The connection that was there before.
    pub(crate) fn admin(&self) -> MultiplexedConnection {
        self.admin.clone()
    }

    /// A folder where the file belongs: that stops root, too.
    async fn fail_to_save(&mut self) {
        let (_, folder): (String, String) = self.ask(&["CONFIG", "GET", "dir"]).await;
        self.dump = PathBuf::from(folder).join("dump.rdb");
        fs::create_dir_all(self.dump.join("in the way")).expect("a folder");
        // Writes are stopped only where snapshots are made at all.
        self.set("save", "3600 1000000").await;
        self.set("stop-writes-on-bgsave-error", "yes").await;
        self.ask::<()>(&["BGSAVE"]).await;
        self.until("persistence", "rdb_last_bgsave_status", "err")
            .await;
    }

    async fn load(&mut self) {
        self.set("key-load-delay", "2000").await;
        self.set("loading-process-events-interval-bytes", "1024")
            .await;
        self.ask::<()>(&["DEBUG", "POPULATE", "4000", "ballast"])
            .await;
        self.go_on_with(&["DEBUG", "RELOAD"]).await;
        self.until("persistence", "loading", "1").await;
    }

    async fn run_a_script(&mut self) {
        self.set("busy-reply-threshold", "1").await;
        self.go_on_with(&["EVAL", "while true do end", "0"]).await;
        for _ in 0..LIMIT.as_millis() {
            let answer: RedisResult<String> = cmd("PING").query_async(&mut self.admin).await;
            if answer.is_err_and(|error| error.code() == Some("BUSY")) {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        panic!("the script does not run");
    }

    /// A command whose reply comes when all is over, on a connection of its own.
    async fn go_on_with(&mut self, command: &[&str]) {
        let mut other = self.server.admin().await;
        let mut running = cmd(command[0]);
        running.arg(&command[1..]);
        self.command = Some(tokio::spawn(async move {
            // A script that is killed, or a time-out: what counts is that it is over.
            drop(running.exec_async(&mut other).await);
        }));
    }

    async fn set(&mut self, name: &str, value: &str) {
        self.ask::<()>(&["CONFIG", "SET", name, value]).await;
    }

    async fn until(&mut self, section: &str, name: &str, value: &str) {
        for _ in 0..LIMIT.as_millis() / 5 {
            if self.told(section, name).await == value {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{name} never is {value}; the log:\n{}", self.server.log());
    }

    async fn told(&mut self, section: &str, name: &str) -> String {
        let told: String = self.ask(&["INFO", section]).await;
        field(&told, name)
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &[&str]) -> T {
        ask(&mut self.admin, command).await
    }
}

/// What a user may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    Writes,
    Scripts,
    /// Neither to publish nor to subscribe.
    Channels,
    /// Keys of this namespace.
    Keys,
    Tracking,
    Info,
    Wait,
}

impl Lack {
    pub(crate) const ALL: [Self; 7] = [
        Self::Writes,
        Self::Scripts,
        Self::Channels,
        Self::Keys,
        Self::Tracking,
        Self::Info,
        Self::Wait,
    ];

    fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Writes => &["-@write"],
            Self::Scripts => &["-eval", "-evalsha", "-script"],
            Self::Channels => &["-publish", "-subscribe", "resetchannels"],
            Self::Keys => &["resetkeys", "~of-others:*"],
            Self::Tracking => &["-client|tracking"],
            Self::Info => &["-info"],
            Self::Wait => &["-wait"],
        }
    }
}

/// The name and the password of users that are made here.
pub(crate) const USER: &str = "limited";
pub(crate) const PASSWORD: &str = "s3cret-pass";

/// Makes or changes the user, on connections that exist, too. Gives the URL of the server for that user.
pub(crate) async fn user(server: &Server, rules: &[&str]) -> String {
    let password = format!(">{PASSWORD}");
    let mut command = vec!["ACL", "SETUSER", USER, "reset", "on", &password];
    command.extend(rules);
    ask::<()>(&mut server.admin().await, &command).await;
    format!("redis://{USER}:{PASSWORD}@127.0.0.1:{}/0", server.port())
}

/// A user that may do everything but this.
pub(crate) async fn user_without(server: &Server, lack: Lack) -> String {
    let all = ["~*", "&*", "+@all"];
    user(server, &[&all[..], lack.rules()].concat()).await
}

/// From now on it may do everything.
pub(crate) async fn user_with_all(server: &Server) -> String {
    user(server, &["~*", "&*", "+@all"]).await
}

/// A server that evicts by this policy once it has `headroom` more bytes than it begins with.
pub(crate) async fn evicting(policy: &str, headroom: u64) -> Server {
    let args = ["--maxmemory-policy", policy, "--maxmemory-samples", "10"];
    let server = Server::options().args(args).start().await;
    squeeze(&server, headroom).await;
    server
}

/// Limits the memory to what is used now and `headroom` bytes more.
pub(crate) async fn squeeze(server: &Server, headroom: u64) {
    let mut admin = server.admin().await;
    let told: String = ask(&mut admin, &["INFO", "memory"]).await;
    let used: u64 = field(&told, "used_memory").parse().expect("a number");
    let limit = (used + headroom).to_string();
    ask::<()>(&mut admin, &["CONFIG", "SET", "maxmemory", &limit]).await;
}

/// How many keys were evicted.
pub(crate) async fn evicted(server: &Server) -> u64 {
    let told: String = ask(&mut server.admin().await, &["INFO", "stats"]).await;
    field(&told, "evicted_keys").parse().expect("a number")
}

/// What others can put in the place of something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Foreign<'a> {
    List,
    Hash,
    Stream,
    Bytes(&'a [u8]),
}

/// Puts it at this key of the server, without an end.
pub(crate) async fn plant(server: &Server, key: &str, what: Foreign<'_>) {
    let mut admin = server.admin().await;
    let command = match what {
        Foreign::List => cmd("RPUSH").arg(key).arg("x").clone(),
        Foreign::Hash => cmd("HSET").arg(key).arg("f").arg("x").clone(),
        Foreign::Stream => cmd("XADD").arg(key).arg(&["*", "f", "x"]).clone(),
        Foreign::Bytes(bytes) => cmd("SET").arg(key).arg(bytes).clone(),
    };
    ask::<()>(&mut admin, &["DEL", key]).await;
    let planted = command.exec_async(&mut admin).await;
    planted.unwrap_or_else(|error| panic!("{key}: {error}"));
}

async fn ask<T: FromRedisValue>(admin: &mut MultiplexedConnection, command: &[&str]) -> T {
    let answer = cmd(command[0]).arg(&command[1..]).query_async(admin).await;
    answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A line of `INFO`.
fn field(told: &str, name: &str) -> String {
    let mut lines = told.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {name} in INFO"))
        .to_owned()
}
