//! How a script is called, and made known.

use std::sync::OnceLock;

use ::redis::{Cmd, Script as Lua, cmd};

use super::session::Command;

/// A guess of how long a name is with what belongs to it, and the arguments of a script together.
const NAME: usize = 128;
const ARGUMENTS: usize = 256;

/// A script and the hash under which the server knows it.
pub(super) struct Script {
    text: &'static str,
    hash: OnceLock<String>,
}

/// How a script is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By its hash.
    Known,
    /// By its text, which makes it known.
    Text,
}

impl Script {
    pub(super) const fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: OnceLock::new(),
        }
    }

    /// A call with this many keys; the keys and the arguments are to be added.
    pub(super) fn call(&self, form: Form, keys: usize) -> Command {
        self.call_with_room(form, keys, 0)
    }

    /// The same, with room for so many bytes besides those of a few names and numbers.
    pub(super) fn call_with_room(&self, form: Form, keys: usize, bytes: usize) -> Command {
        let (name, script) = match form {
            Form::Known => ("EVALSHA", self.hash()),
            Form::Text => ("EVAL", self.text),
        };
        let bytes = bytes + NAME * keys + ARGUMENTS + script.len();
        let mut command = Command::with_capacity(name, bytes);
        command.word([script]).number(keys as u64);
        command
    }

    /// Makes it known.
    pub(super) fn load(&self) -> Cmd {
        let mut command = cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }

    fn hash(&self) -> &str {
        self.hash
            .get_or_init(|| Lua::new(self.text).get_hash().to_owned())
    }
}
