//! Which life of a server answers on a connection.

use ::redis::Value;
use sha2::{Digest as _, Sha256};

use super::error::{Effect, Trouble, usable};
use super::settings::Checked;
use crate::remote::{Fault, Incarnation};

/// The life of a server, as it was shown when a connection began.
#[derive(Debug)]
pub(super) struct Life {
    incarnation: Incarnation,
    /// The part of the incarnation that a heartbeat can compare; `None` where it is not shown.
    replid: Option<String>,
}

impl Life {
    /// From the replies to `INFO server` and `INFO replication`. A server that hides them is known
    /// by its address; one that is known not to be a master is refused.
    pub(super) fn of(
        server: &Value,
        replication: &Value,
        settings: &Checked,
    ) -> Result<Self, Trouble> {
        // One that cannot say it just now, for it is busy, is not one that hides it.
        usable(server)?;
        usable(replication)?;
        let (Some(server), Some(replication)) = (text(server), text(replication)) else {
            return Ok(Self::at(settings));
        };
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
        Ok(match (run, replid) {
            (Some(run), Some(replid)) => Self {
                incarnation: hash(&["life", run, replid]),
                replid: Some(replid.to_owned()),
            },
            _ => Self::at(settings),
        })
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Whether the server shows which life it is in.
    pub(super) fn is_shown(&self) -> bool {
        self.replid.is_some()
    }

    /// Fails unless `replication`, a reply to `INFO replication`, is that of a master in this life.
    pub(super) fn still(&self, replication: &Value) -> Result<(), Trouble> {
        let Some(replid) = &self.replid else {
            return Ok(());
        };
        let replication = text(replication).ok_or_else(Trouble::garbled)?;
        if field(replication, "role") != Some("master") {
            return Err(Trouble::not_master());
        }
        if field(replication, "master_replid") != Some(replid) {
            return Err(Trouble {
                fault: Fault::Lost("the server began a new life".to_owned()),
                effect: Effect::Close,
            });
        }
        Ok(())
    }

    fn at(settings: &Checked) -> Self {
        Self {
            incarnation: hash(&["address", &settings.address()]),
            replid: None,
        }
    }
}

/// What a reply says, if it is a text.
pub(super) fn text(value: &Value) -> Option<&str> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::redis::RedisSettings;

    #[test]
    fn a_server_that_is_busy_is_not_taken_for_one_that_hides_its_life() {
        let settings = RedisSettings::new("redis://127.0.0.1:6379/0", "shop");
        let settings = settings.check().expect("good settings");
        let said = |reply: &[u8]| ::redis::parse_redis_value(reply).expect("a reply");
        let busy = said(b"-BUSY Redis is busy running a script.\r\n");
        let info = said(b"+role:master\r\n");
        assert!(Life::of(&busy, &info, &settings).is_err());
        assert!(Life::of(&info, &busy, &settings).is_err());
        let hidden = said(b"-NOPERM this user has no permissions\r\n");
        let life = Life::of(&hidden, &hidden, &settings).expect("it can be used");
        assert!(!life.is_shown());
    }
}
