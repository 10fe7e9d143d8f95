//! How a script is called, and made known.

use std::sync::OnceLock;

use ::redis::{Cmd, Script as Lua, cmd};

/// A guess of the length of a name, and of how many arguments there are besides keys and what
/// belongs to each.
const NAME: usize = 96;
const ARGUMENTS: usize = 12;

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
    pub(super) fn call(&self, form: Form, keys: usize) -> Cmd {
        self.call_with_room(form, keys, 0)
    }

    /// The same, with room for so many bytes besides those of a few names and numbers.
    pub(super) fn call_with_room(&self, form: Form, keys: usize, bytes: usize) -> Cmd {
        let (name, script) = match form {
            Form::Known => ("EVALSHA", self.hash()),
            Form::Text => ("EVAL", self.text),
        };
        let bytes = bytes + NAME * (keys + 2) + script.len();
        let mut command = Cmd::with_capacity(2 * keys + ARGUMENTS, bytes);
        command.arg(name).arg(script).arg(keys);
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
