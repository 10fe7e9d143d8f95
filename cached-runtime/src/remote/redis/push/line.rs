//! One connection on which a server pushes, and the proof that it does.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{AsyncConnectionConfig, ErrorKind, Pipeline, PushInfo, RedisError, Value};

use super::super::dial::{Wire, dial};
use super::super::error::{Effect, Trouble, checked};
use super::super::keeper::caught;
use super::super::life::Life;
use super::super::node::Node;
use super::listener::Listener;
use super::place::Duty;
use crate::background::within;
use crate::clock::{Clock, Moment};
use crate::defect::Defect;
use crate::remote::Incarnation;

/// How often a change of our own is made, to see it come back.
const CANARY: Duration = Duration::from_secs(10);
/// How long the canary lives, in milliseconds.
const CANARY_LIFE: u32 = 1_000;

/// A connection with pushes turned on. It is never repaired, only replaced.
pub(super) struct Line {
    wire: Wire,
    life: Life,
    listener: Arc<Listener>,
    canary: String,
    /// When the canary was last sent.
    sent: Option<Moment>,
    /// Whether it was ever seen coming back.
    proven: bool,
    limit: Duration,
    clock: Clock,
}

/// Whether a line is known to push.
#[derive(Debug)]
pub(super) enum Proof {
    Proven,
    /// The server takes no writes at present, so nothing could be seen coming back.
    NotYet(Trouble),
}

/// What became of the canary of one beat.
enum Canary {
    /// It is to come back.
    Sent,
    /// It is not its turn, or it was refused after one had come back.
    Silent,
    /// None has come back yet.
    Refused(Trouble),
}

/// Why there is no line, or none any more.
#[derive(Debug)]
pub(super) enum Outage {
    /// Another attempt may help.
    Lost(Trouble),
    /// The server does not do it.
    Refused(String),
    /// The server says that it does it, and does not.
    Withheld,
}

impl From<Trouble> for Outage {
    fn from(trouble: Trouble) -> Self {
        match trouble.effect {
            Effect::Refused => Self::Refused(trouble.why()),
            _ => Self::Lost(trouble),
        }
    }
}

impl Line {
    /// Connects, learns who answers, and turns pushes on.
    pub(super) async fn connect(node: &Node, duty: &Duty) -> Result<Self, Outage> {
        let limit = node.settings().connect_timeout;
        let connecting = async { caught(async { Ok(Self::open(node, duty).await) }).await? };
        within(limit, connecting)
            .await
            .unwrap_or_else(|| Err(Outage::Lost(Trouble::late(limit))))
    }

    async fn open(node: &Node, duty: &Duty) -> Result<Self, Outage> {
        let canary = duty.place().canary();
        let listener = Listener::new(node.names().clone(), canary, Arc::clone(duty.watch()));
        let config = {
            let listener = Arc::clone(&listener);
            AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
                listener.hear(&push);
                Ok::<(), ()>(())
            })
        };
        let wire = dial(node.checked(), config).await;
        let wire = wire.map_err(|error| {
            if speaks_only_resp2(&error) {
                Outage::Refused("the server does not speak RESP3".to_owned())
            } else {
                Trouble::from(error).into()
            }
        })?;
        let mut commands = Pipeline::new();
        commands.cmd("INFO").arg("server");
        commands.cmd("INFO").arg("replication");
        commands.cmd("CLIENT").arg(&["SETNAME", "cache-aside-push"]);
        commands.cmd("CLIENT").arg(&["TRACKING", "ON", "BCAST"]);
        for prefix in node.names().pushed() {
            commands.arg("PREFIX").arg(prefix);
        }
        commands.arg("PREFIX").arg(canary);
        let replies = wire
            .handle()
            .send_packed_commands(&commands, 0, commands.len())
            .await
            .map_err(Trouble::from)?;
        let Ok([server, replication, _, tracking]) = <[Value; 4]>::try_from(replies) else {
            return Err(Trouble::garbled().into());
        };
        let life = Life::of(&server, &replication, node.checked())?;
        if !life.is_shown() {
            return Err(Outage::Refused("the server hides INFO".to_owned()));
        }
        if !matches!(checked(tracking)?, Value::Okay) {
            return Err(Trouble::garbled().into());
        }
        Ok(Self {
            wire,
            life,
            listener,
            canary: canary.to_owned(),
            sent: None,
            proven: false,
            limit: node.settings().read_timeout,
            clock: Clock::system(),
        })
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.life.incarnation()
    }

    /// Asks twice. When this returns, everything was taken in that changed before it was called, if
    /// it is proven that pushes come.
    pub(super) async fn beat(&mut self) -> Result<Proof, Outage> {
        let now = self.clock.now();
        let due = self.sent.is_none_or(|last| now.since(last) >= CANARY);
        let mut canary = Canary::Silent;
        if due {
            self.sent = Some(now);
            self.listener.await_canary();
            let mut first = Pipeline::new();
            first.cmd("SET").arg(&self.canary).arg("");
            first.arg("PX").arg(CANARY_LIFE);
            first.cmd("PING");
            let mut replies = self.ask(&first).await?;
            answered(replies.pop())?;
            canary = self.taken(replies.pop())?;
        } else if !Defect::OnePing.is_on() {
            let mut first = Pipeline::new();
            first.cmd("PING");
            answered(self.ask(&first).await?.pop())?;
        }
        let mut second = Pipeline::new();
        second.cmd("PING");
        second.cmd("INFO").arg("replication");
        let mut replies = self.ask(&second).await?;
        let who = replies.pop();
        answered(replies.pop())?;
        // Hidden now, shown before: whose pushes these are is not known any more.
        let who = checked(who.ok_or_else(Trouble::garbled)?)?;
        self.life.still(&who)?;
        match canary {
            Canary::Silent => Ok(Proof::Proven),
            Canary::Sent if !self.listener.canary_came() => Err(Outage::Withheld),
            Canary::Sent => {
                self.proven = true;
                Ok(Proof::Proven)
            }
            Canary::Refused(trouble) => {
                // The next beat tries again.
                self.sent = None;
                Ok(Proof::NotYet(trouble))
            }
        }
    }

    /// When the connection is lost.
    pub(super) async fn over(&self) {
        self.listener.over().await;
    }

    /// Whether the canary was written. If it is refused, the last verdict stands; while there is
    /// none, nothing is trusted.
    fn taken(&self, set: Option<Value>) -> Result<Canary, Outage> {
        match checked(set.ok_or_else(Trouble::garbled)?) {
            Ok(_) => Ok(Canary::Sent),
            Err(trouble) if self.proven && trouble.effect == Effect::Refused => Ok(Canary::Silent),
            Err(trouble) if trouble.is_of_all_writes() => Ok(Canary::Refused(trouble)),
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn ask(&self, commands: &Pipeline) -> Result<Vec<Value>, Outage> {
        let mut connection = self.wire.handle();
        let replies = connection.send_packed_commands(commands, 0, commands.len());
        let replies = within(self.limit, replies)
            .await
            .ok_or_else(|| Trouble::late(self.limit))?
            .map_err(Trouble::from)?;
        if replies.len() == commands.len() {
            Ok(replies)
        } else {
            Err(Trouble::garbled().into())
        }
    }
}

/// A refusal is an answer: a server that takes no writes because a snapshot failed refuses this, too.
fn answered(ping: Option<Value>) -> Result<(), Outage> {
    match checked(ping.ok_or_else(Trouble::garbled)?) {
        Err(trouble) if trouble.effect != Effect::Refused => Err(trouble.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn speaks_only_resp2(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || matches!(error.code(), Some("NOPROTO" | "NOPERM"))
        || error
            .detail()
            .is_some_and(|detail| detail.to_ascii_lowercase().contains("unknown command"))
}
