//! What the environment says. The variables of the cache (`CACHE_URL` and others) are the library's.

use std::env::{self, VarError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) struct Settings {
    /// `TASKS_ADDRESS`, where it listens.
    pub(crate) address: SocketAddr,
    /// `TASKS_DATABASE`, the `SQLite` file.
    pub(crate) database: PathBuf,
    /// `TASKS_PER_USER`, requests per minute.
    pub(crate) per_user: u64,
    /// `TASKS_PER_USER_AT_ONCE`, requests after a pause.
    pub(crate) per_user_at_once: u64,
    /// `TASKS_PER_ADDRESS`, requests per minute.
    pub(crate) per_address: u64,
    /// `TASKS_PER_ADDRESS_AT_ONCE`, requests after a pause.
    pub(crate) per_address_at_once: u64,
    /// `TASKS_REPORT_MILLIS`: how much longer the report takes, as if there were millions of tasks.
    pub(crate) report_time: Duration,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        Ok(Self {
            address: variable("TASKS_ADDRESS", SocketAddr::from(([127, 0, 0, 1], 3000)))?,
            database: variable("TASKS_DATABASE", PathBuf::from("tasks.db"))?,
            per_user: variable("TASKS_PER_USER", 120)?,
            per_user_at_once: variable("TASKS_PER_USER_AT_ONCE", 30)?,
            per_address: variable("TASKS_PER_ADDRESS", 600)?,
            per_address_at_once: variable("TASKS_PER_ADDRESS_AT_ONCE", 300)?,
            report_time: Duration::from_millis(variable("TASKS_REPORT_MILLIS", 0)?),
        })
    }
}

fn variable<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("`{name}` is `{text}`, which it cannot be")),
        Err(VarError::NotPresent) => Ok(default),
        Err(VarError::NotUnicode(_)) => Err(format!("`{name}` is not Unicode")),
    }
}
