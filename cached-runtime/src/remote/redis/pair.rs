//! One connection and the life of the server it leads to. It is never repaired, only replaced: so
//! what came through it came from that life.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{Cmd, Pipeline, Value};

use super::error::{Effect, Trouble, checked, usable};
use super::life::{Life, text};
use super::names::{Names, whole};
use super::scripts;
use super::server_clock::ServerClock;
use super::session::{Packed, Replies, Session};
use super::settings::Checked;
use crate::clock::Clock;
use crate::remote::{EntryName, Fault, Incarnation, ServerTime};

/// A connection, and which life of the server answers on it.
pub(super) struct Pair {
    session: Arc<Session>,
    life: Life,
    role: bool,
    /// Set when it is not trusted any more; replies that are handled later do not count.
    dead: AtomicBool,
    clock: Mutex<ServerClock>,
    probe: String,
}

/// What the server does not show, in words.
const HIDDEN_INFO: &str = "the server hides INFO: the guarantee does not cover acknowledged \
                           writes that it loses";
const NO_WAIT: &str =
    "the server refuses WAIT: it is noticed with a delay when it is not the master any more";

impl Pair {
    /// Connects, and learns who answers. Whoever calls it keeps the time.
    pub(super) async fn connect(settings: &Checked, names: &Names) -> Result<Self, Trouble> {
        let session = Session::open(settings).await?;
        session.pack_if_near().await?;
        let probe = whole(names.value(&EntryName::new("?")));
        let mut commands = Pipeline::new();
        commands.cmd("CLIENT").arg("SETNAME").arg("cache-aside");
        commands.cmd("INFO").arg("server");
        commands.cmd("INFO").arg("replication");
        commands.add_command(wait());
        commands.cmd("TIME");
        commands.cmd("EXISTS").arg(&probe);
        for script in scripts::ALL {
            commands.add_command(script.load());
        }
        let asked = Clock::system().now();
        let replies = session.exchange(&commands).await?;
        let heard = Clock::system().now();
        let [_, server, replication, waited, time, exists, ..] = replies.as_slice() else {
            return Err(Trouble::garbled());
        };
        usable(exists)?;
        let life = Life::of(server, replication, settings)?;
        let role = shows_master(waited)?;
        let mut clock = ServerClock::default();
        if let Some(time) = micros(time) {
            clock.compare(time, asked, heard);
        }
        Ok(Self {
            session,
            life,
            role,
            dead: AtomicBool::new(false),
            clock: Mutex::new(clock),
            probe,
        })
    }

    /// Sends commands in order, and gives the reply to each. None is sent twice.
    pub(super) async fn send(&self, commands: Packed) -> Result<Vec<Value>, Trouble> {
        let count = commands.count();
        let mut replies = self.ask(commands).await?;
        Ok(replies.values(count)?)
    }

    /// The same for commands that are packed; the replies are read by whoever asks.
    pub(super) async fn ask(&self, commands: Packed) -> Result<Replies, Trouble> {
        let replies = self.session.ask(commands).await?;
        if self.dead.load(SeqCst) {
            return Err(Trouble {
                fault: Fault::Lost("the connection was given up".to_owned()),
                effect: Effect::Suspect,
            });
        }
        Ok(replies)
    }

    /// The output of `work`, which waits for replies, or `None` if it takes longer than `limit`. For
    /// callers on the runtime of the connection.
    pub(super) async fn within<F: Future>(&self, limit: Duration, work: F) -> Option<F::Output> {
        self.session.within(limit, work).await
    }

    /// Whether it is still the same life, and takes commands. Whoever calls it keeps the time.
    pub(super) async fn beat(&self, thorough: bool) -> Result<(), Trouble> {
        let mut commands = Pipeline::new();
        commands.cmd("TIME");
        match (self.life.is_shown(), self.role) {
            (true, _) => commands.cmd("INFO").arg("replication"),
            (false, true) => commands.add_command(wait()),
            (false, false) => commands.cmd("PING"),
        };
        if thorough {
            // While a server loads its data, `INFO` says who it is, and no key is known.
            commands.cmd("EXISTS").arg(&self.probe);
        }
        let asked = Clock::system().now();
        let replies = self.send((&commands).into()).await?;
        let heard = Clock::system().now();
        let [time, who, rest @ ..] = replies.as_slice() else {
            return Err(Trouble::garbled());
        };
        rest.iter().try_for_each(usable)?;
        usable(who)?;
        if !self.life.is_shown() && self.role {
            expect_master(who.clone())?;
        }
        self.life.still(who)?;
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
        self.life.incarnation()
    }

    /// Not earlier than it is there.
    pub(super) fn server_time(&self) -> ServerTime {
        self.clock().at(Clock::system().sharp())
    }

    /// Whether the reply to `WAIT` shows that all before it came from a master.
    pub(super) fn shows_role(&self) -> bool {
        self.role
    }

    /// Whether the kernel may put several questions into one packet.
    pub(super) fn packs(&self) -> bool {
        self.session.packs()
    }

    /// What it is that this connection cannot vouch for.
    pub(super) fn shortcoming(&self) -> Option<&'static str> {
        match (self.life.is_shown(), self.role) {
            (false, _) => Some(HIDDEN_INFO),
            (true, false) => Some(NO_WAIT),
            (true, true) => None,
        }
    }

    fn clock(&self) -> MutexGuard<'_, ServerClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for no replica: a master answers at once how many have acknowledged what this connection wrote
/// last, and any other server refuses. `ROLE` tells the same in a reply that takes the server a second piece of
/// memory.
fn wait() -> Cmd {
    let mut command = ::redis::cmd("WAIT");
    command.arg(0).arg(0);
    command
}

/// Whether the reply to `WAIT` is that of a master, or of a server that does not let this user know.
fn shows_master(waited: &Value) -> Result<bool, Trouble> {
    match expect_master(waited.clone()) {
        Ok(()) => Ok(true),
        Err(trouble) if trouble.effect == Effect::Refused => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// Fails unless the reply to `WAIT` is that of a master.
pub(super) fn expect_master(waited: Value) -> Result<(), Trouble> {
    match checked(waited).map_err(Trouble::of_wait)? {
        Value::Int(_) => Ok(()),
        _ => Err(Trouble::garbled()),
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

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("incarnation", &self.incarnation())
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}
