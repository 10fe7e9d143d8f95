//! One connection and the life of the server it leads to. It is never repaired, only replaced: so
//! what came through it came from that life.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, ErrorKind, RedisError};
use ::redis::{Client, Cmd, Pipeline, ProtocolVersion, Value, cmd};
use sha2::{Digest as _, Sha256};

use super::error::{Effect, Trouble, checked};
use super::names::Names;
use super::scripts;
use super::server_clock::ServerClock;
use super::settings::Checked;
use crate::clock::Clock;
use crate::remote::{EntryName, Fault, Incarnation, ServerTime};

/// A connection, and which life of the server answers on it.
pub(super) struct Pair {
    connection: MultiplexedConnection,
    incarnation: Incarnation,
    /// The part of the incarnation that a heartbeat can compare; `None` where it is not shown.
    replid: Option<String>,
    role: bool,
    /// Set when it is not trusted any more; replies that are handled later do not count.
    dead: AtomicBool,
    clock: Mutex<ServerClock>,
    probe: String,
}

/// What the server does not show, in words.
const HIDDEN_INFO: &str = "the server hides INFO: the guarantee does not cover acknowledged \
                           writes that it loses";
const HIDDEN_ROLE: &str =
    "the server hides ROLE: it is noticed with a delay when it is not the master any more";

impl Pair {
    /// Connects, and learns who answers. Whoever calls it keeps the time.
    pub(super) async fn connect(settings: &Checked, names: &Names) -> Result<Self, Trouble> {
        let connection = match dial(settings, ProtocolVersion::RESP3).await {
            Err(error) if speaks_only_resp2(&error) => dial(settings, ProtocolVersion::RESP2).await,
            outcome => outcome,
        }?;
        let probe = names.value(&EntryName::new("?"));
        let mut commands = Pipeline::new();
        commands.cmd("CLIENT").arg("SETNAME").arg("cache-aside");
        commands.cmd("INFO").arg("server");
        commands.cmd("INFO").arg("replication");
        commands.cmd("ROLE");
        commands.cmd("TIME");
        commands.cmd("EXISTS").arg(&probe);
        for script in scripts::ALL {
            commands.add_command(script.load());
        }
        let asked = Clock::system().now();
        let replies = connection
            .clone()
            .send_packed_commands(&commands, 0, commands.len())
            .await?;
        let heard = Clock::system().now();
        let [_, server, replication, role, time, exists, ..] = replies.as_slice() else {
            return Err(Trouble::garbled());
        };
        usable(exists)?;
        let (incarnation, replid) = match (text(server), text(replication)) {
            (Some(server), Some(replication)) => {
                if field(server, "redis_mode") == Some("cluster") {
                    return Err(Trouble::unavailable(
                        "a node of a cluster, which cannot be used",
                    ));
                }
                if field(replication, "role") != Some("master") {
                    return Err(Trouble::not_master());
                }
                let run = field(server, "run_id");
                let replid = field(replication, "master_replid");
                match (run, replid) {
                    (Some(run), Some(replid)) => {
                        (hash(&["life", run, replid]), Some(replid.to_owned()))
                    }
                    _ => (hash(&["address", &settings.address()]), None),
                }
            }
            _ => (hash(&["address", &settings.address()]), None),
        };
        let role = match is_master(role) {
            Some(false) => return Err(Trouble::not_master()),
            shown => shown.is_some(),
        };
        let mut clock = ServerClock::default();
        if let Some(time) = micros(time) {
            clock.compare(time, asked, heard);
        }
        Ok(Self {
            connection,
            incarnation,
            replid,
            role,
            dead: AtomicBool::new(false),
            clock: Mutex::new(clock),
            probe,
        })
    }

    /// Sends commands in order, and gives the reply to each. None is sent twice.
    pub(super) async fn send(&self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let replies = self
            .connection
            .clone()
            .send_packed_commands(commands, 0, commands.len())
            .await?;
        if self.dead.load(SeqCst) {
            return Err(Trouble {
                fault: Fault::Lost("the connection was given up".to_owned()),
                effect: Effect::Suspect,
            });
        }
        if replies.len() != commands.len() {
            return Err(Trouble::garbled());
        }
        Ok(replies)
    }

    /// Whether it is still the same life, and takes commands. Whoever calls it keeps the time.
    pub(super) async fn beat(&self, thorough: bool) -> Result<(), Trouble> {
        let mut commands = Pipeline::new();
        commands.cmd("TIME");
        match (&self.replid, self.role) {
            (Some(_), _) => commands.cmd("INFO").arg("replication"),
            (None, true) => commands.cmd("ROLE"),
            (None, false) => commands.cmd("PING"),
        };
        if thorough {
            // While a server loads its data, it says who it is and knows no key.
            commands.cmd("EXISTS").arg(&self.probe);
        }
        let asked = Clock::system().now();
        let replies = self.send(&commands).await?;
        let heard = Clock::system().now();
        let [time, who, rest @ ..] = replies.as_slice() else {
            return Err(Trouble::garbled());
        };
        rest.iter().try_for_each(usable)?;
        usable(who)?;
        if let Some(replid) = &self.replid {
            let who = text(who).ok_or_else(Trouble::garbled)?;
            if field(who, "role") != Some("master") {
                return Err(Trouble::not_master());
            }
            if field(who, "master_replid") != Some(replid) {
                return Err(Trouble {
                    fault: Fault::Lost("the server began a new life".to_owned()),
                    effect: Effect::Close,
                });
            }
        } else if is_master(who) == Some(false) {
            return Err(Trouble::not_master());
        }
        if let Some(time) = micros(time) {
            self.clock().compare(time, asked, heard);
        }
        Ok(())
    }

    /// Replies that are handled from now on do not count.
    pub(super) fn kill(&self) {
        self.dead.store(true, SeqCst);
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Not earlier than it is there.
    pub(super) fn server_time(&self) -> ServerTime {
        self.clock().at(Clock::system().now())
    }

    /// The command whose reply shows that all before it came from a master.
    pub(super) fn role_command(&self) -> Option<Cmd> {
        self.role.then(|| cmd("ROLE"))
    }

    /// What it is that this connection cannot vouch for.
    pub(super) fn shortcoming(&self) -> Option<&'static str> {
        match (&self.replid, self.role) {
            (None, _) => Some(HIDDEN_INFO),
            (Some(_), false) => Some(HIDDEN_ROLE),
            (Some(_), true) => None,
        }
    }

    fn clock(&self) -> MutexGuard<'_, ServerClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn dial(
    settings: &Checked,
    protocol: ProtocolVersion,
) -> Result<MultiplexedConnection, RedisError> {
    // The deadlines are ours: one for each operation, and one for the whole of connecting.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1024);
    let client: Client = settings.client(protocol)?;
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

fn speaks_only_resp2(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || matches!(error.code(), Some("NOPROTO" | "NOPERM"))
        || error
            .detail()
            .is_some_and(|detail| detail.to_ascii_lowercase().contains("unknown command"))
}

/// A server that refuses a single command can be used; one that takes none cannot.
fn usable(value: &Value) -> Result<(), Trouble> {
    match value {
        Value::ServerError(error) => {
            let trouble = Trouble::from(error);
            match trouble.effect {
                Effect::Suspect | Effect::Close => Err(trouble),
                Effect::None | Effect::Refused | Effect::NoScript => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Whether a reply to `ROLE` is that of a master, if it is one.
pub(super) fn is_master(role: &Value) -> Option<bool> {
    let Value::Array(parts) = role else {
        return None;
    };
    match parts.first() {
        Some(Value::BulkString(role)) => Some(role == b"master"),
        Some(Value::SimpleString(role)) => Some(role == "master"),
        _ => None,
    }
}

/// Fails unless the reply to `ROLE` is that of a master.
pub(super) fn expect_master(role: Value) -> Result<(), Trouble> {
    match is_master(&checked(role)?) {
        Some(true) => Ok(()),
        Some(false) => Err(Trouble::not_master()),
        None => Err(Trouble::garbled()),
    }
}

fn micros(time: &Value) -> Option<u64> {
    let Value::Array(parts) = time else {
        return None;
    };
    let [seconds, micros] = parts.as_slice() else {
        return None;
    };
    let number = |value: &Value| text(value)?.parse::<u64>().ok();
    number(seconds)?
        .checked_mul(1_000_000)?
        .checked_add(number(micros)?)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn hash(parts: &[&str]) -> Incarnation {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    Incarnation(u64::from_be_bytes(first))
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("incarnation", &self.incarnation)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}
