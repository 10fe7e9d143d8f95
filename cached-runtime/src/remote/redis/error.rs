//! From what the server or the client library says to a [`Fault`], and to what follows from it.
//!
//! Texts of the server are looked at and never passed on: they may hold names and arguments.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, ServerError, Value};

use crate::remote::Fault;

/// Why something has no reply, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) fault: Fault,
    pub(super) effect: Effect,
}

/// What an operation's failure says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// It may be gone: nobody uses it until a heartbeat passed.
    Suspect,
    /// This connection must not be used any more.
    Close,
    /// It does not do this, and works otherwise.
    Refused,
    /// It does not know a script; it was not run.
    NoScript,
}

impl Trouble {
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self {
            fault: Fault::Unavailable(why.into()),
            effect: Effect::None,
        }
    }

    pub(super) fn late(limit: Duration) -> Self {
        Self {
            fault: Fault::Lost(format!("no reply within {limit:?}")),
            effect: Effect::Suspect,
        }
    }

    /// A reply of another shape than the command has.
    pub(super) fn garbled() -> Self {
        Self {
            fault: Fault::Lost("the reply cannot be read".to_owned()),
            effect: Effect::Close,
        }
    }

    pub(super) fn not_master() -> Self {
        Self {
            fault: Fault::Refused(NOT_MASTER.to_owned()),
            effect: Effect::Close,
        }
    }

    /// The same of an error to `WAIT 0 0`: a master gives a number, unless the user may not ask.
    pub(super) fn of_wait(self) -> Self {
        match &self.fault {
            Fault::Refused(why) if *why == FAILED => Self::not_master(),
            _ => self,
        }
    }

    /// Memory is full.
    pub(super) fn full() -> Self {
        Self {
            fault: Fault::Refused(FULL.to_owned()),
            effect: Effect::Refused,
        }
    }

    /// Whether no write is taken at present, whatever it is: that may be over at any time.
    pub(super) fn is_of_all_writes(&self) -> bool {
        let refused = match &self.fault {
            Fault::Refused(why) => why.as_str(),
            Fault::Unavailable(_) | Fault::Lost(_) => "",
        };
        [FULL, UNSAVED, ALONE].contains(&refused)
    }

    pub(super) fn why(&self) -> String {
        match &self.fault {
            Fault::Unavailable(why) | Fault::Lost(why) | Fault::Refused(why) => why.clone(),
        }
    }
}

const NOT_MASTER: &str = "not a master";
const FAILED: &str = "a command failed";
const FULL: &str = "out of memory (maxmemory)";
const UNSAVED: &str = "writes are off, because a snapshot failed";
const ALONE: &str = "too few replicas to write";

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        let lost = |why: &str| Self {
            fault: Fault::Lost(why.to_owned()),
            effect: Effect::Suspect,
        };
        #[cfg(feature = "tls-rustls")]
        if let Some(why) = super::tls::in_words(&error) {
            return lost(why);
        }
        match error.kind() {
            _ if error.is_timeout() => lost("timed out"),
            _ if error.is_connection_refusal() => lost("connection refused"),
            ErrorKind::Io if error.is_connection_dropped() => lost("the connection was lost"),
            ErrorKind::Io if error.to_string().contains("lookup") => {
                lost("the host name cannot be resolved")
            }
            ErrorKind::Io => lost("the connection failed"),
            ErrorKind::AuthenticationFailed => lost("wrong password"),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                said(error.code().unwrap_or(""), error.detail().unwrap_or(""))
            }
            ErrorKind::Parse => Self::garbled(),
            _ => lost("the connection could not be set up"),
        }
    }
}

impl From<&ServerError> for Trouble {
    fn from(error: &ServerError) -> Self {
        said(error.code(), error.details().unwrap_or(""))
    }
}

/// Errors inside of scripts have the code of the script on some servers, and the real one in the
/// text.
fn said(code: &str, text: &str) -> Trouble {
    let is = |word: &str| code == word || text.contains(word);
    let (why, effect) = if code == "NOSCRIPT" {
        ("a script is not known", Effect::NoScript)
    } else if is("READONLY") {
        (NOT_MASTER, Effect::Close)
    } else if is("OOM") {
        (FULL, Effect::Refused)
    } else if is("NOPERM")
        || text.contains("ACL failure in script")
        || text.contains("The user executing the script can't")
    {
        (forbidden(text), Effect::Refused)
    } else if is("MISCONF") {
        (UNSAVED, Effect::Refused)
    } else if is("NOREPLICAS") {
        (ALONE, Effect::Refused)
    } else if text.contains("unknown command") {
        ("a command is not known", Effect::Refused)
    } else {
        match code {
            "WRONGPASS" => ("wrong password", Effect::Close),
            "NOAUTH" => ("a password is required", Effect::Close),
            "DENIED" => ("protected mode lets nobody in from here", Effect::Close),
            "LOADING" => ("loading its data", Effect::Suspect),
            "BUSY" => ("busy with a script", Effect::Suspect),
            "MASTERDOWN" => ("its master is down", Effect::Close),
            "CLUSTERDOWN" => ("the cluster is down", Effect::Suspect),
            "MOVED" | "ASK" | "CROSSSLOT" | "TRYAGAIN" => {
                ("a node of a cluster, which cannot be used", Effect::Close)
            }
            _ if text.contains("no password is set") => {
                ("a password was given, and none is set", Effect::Close)
            }
            _ if text.contains("max number of clients") => {
                ("no room for another client", Effect::Suspect)
            }
            _ if text.contains("refused to switch database")
                || text.contains("DB index is out of range") =>
            {
                ("the database does not exist", Effect::Close)
            }
            _ => (FAILED, Effect::Refused),
        }
    };
    Trouble {
        fault: Fault::Refused(why.to_owned()),
        effect,
    }
}

/// What a user has no right to. The name is one of ours, and not taken from the text.
fn forbidden(text: &str) -> &'static str {
    const COMMANDS: [(&str, &str); 17] = [
        ("'evalsha'", "no permission for EVALSHA"),
        ("'eval'", "no permission for EVAL"),
        ("'mget'", "no permission for MGET"),
        ("'getrange'", "no permission for GETRANGE"),
        ("'get'", "no permission for GET"),
        ("'set'", "no permission for SET"),
        ("'del'", "no permission for DEL"),
        ("'append'", "no permission for APPEND"),
        ("'exists'", "no permission for EXISTS"),
        ("'pttl'", "no permission for PTTL"),
        ("'pexpire'", "no permission for PEXPIRE"),
        ("'subscribe'", "no permission for SUBSCRIBE"),
        ("'client|tracking'", "no permission for CLIENT TRACKING"),
        ("'ping'", "no permission for PING"),
        ("'info'", "no permission for INFO"),
        ("'wait'", "no permission for WAIT"),
        ("'time'", "no permission for TIME"),
    ];
    let text = text.to_ascii_lowercase();
    if text.contains("channel") {
        "no permission for the channels of this namespace"
    } else if text.contains(" key") {
        "no permission for the keys of this namespace"
    } else if text.contains("the user executing the script") {
        "no permission for a command of a script"
    } else {
        let named = COMMANDS.iter().find(|(name, _)| text.contains(name));
        named.map_or("no permission for a command", |(_, why)| why)
    }
}

/// The value, unless it is an error.
pub(super) fn checked(value: Value) -> Result<Value, Trouble> {
    match value {
        Value::ServerError(error) => Err(Trouble::from(&error)),
        value => Ok(value),
    }
}

/// A server that refuses a single command can be used; one that takes none cannot.
pub(super) fn usable(value: &Value) -> Result<(), Trouble> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_was_refused_for_is_found_in_the_text() {
        let old = "Error running script (call to f_1): @user_script:1: -OOM command not allowed";
        assert_eq!(said("ERR", old).effect, Effect::Refused);
        assert_eq!(said("ERR", old).why(), "out of memory (maxmemory)");
        let old = "Error running script: -READONLY You can't write against a read only replica.";
        assert_eq!(said("ERR", old).effect, Effect::Close);
        assert_eq!(
            said("NOSCRIPT", "No matching script.").effect,
            Effect::NoScript
        );
        assert_eq!(said("LOADING", "Redis is loading").effect, Effect::Suspect);
    }

    #[test]
    fn what_a_user_may_not_do_is_named_if_it_is_ours() {
        let denied = "User bob has no permissions to run the 'evalsha' command";
        assert_eq!(said("NOPERM", denied).why(), "no permission for EVALSHA");
        let denied = "User bob has no permissions to run the 'flushall' command";
        assert_eq!(said("NOPERM", denied).why(), "no permission for a command");
        for (denied, of) in [
            ("No permissions to access a key", "keys"),
            ("User bob has no permissions to access the 'k' key", "keys"),
            ("No permissions to access a channel", "channels"),
        ] {
            let why = said("NOPERM", denied).why();
            assert_eq!(why, format!("no permission for the {of} of this namespace"));
        }
        let inside = "The user executing the script can't run this command or subcommand script: 1f, on @user_script:3.";
        assert_eq!(
            said("ERR", inside).why(),
            "no permission for a command of a script"
        );
        assert_eq!(said("ERR", inside).effect, Effect::Refused);
        let inside = "ACL failure in script: User bob has no permissions to run the 'set' command script: on @user_script:1.";
        assert_eq!(said("ERR", inside).why(), "no permission for SET");
        let inside =
            "ACL failure in script: No permissions to access a key script: on @user_script:1.";
        assert!(said("ERR", inside).why().contains("keys"));
    }

    #[test]
    fn no_text_of_the_server_is_passed_on() {
        let trouble = said("ERR", "value for 'user:ann' is hunter2");
        assert!(!trouble.fault.to_string().contains("ann"));
        assert!(!format!("{trouble:?}").contains("hunter2"));
    }
}
