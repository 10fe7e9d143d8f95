//! What the environment says. The variables of the cache (`CACHE_URL` and others) are the library's.

use std::env::{self, VarError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) struct Settings {
    /// `CATALOGUE_ADDRESS`, where it listens.
    pub(crate) address: SocketAddr,
    /// `CATALOGUE_DATABASE`, the `SQLite` file.
    pub(crate) database: PathBuf,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        Ok(Self {
            address: variable(
                "CATALOGUE_ADDRESS",
                SocketAddr::from(([127, 0, 0, 1], 3000)),
            )?,
            database: variable("CATALOGUE_DATABASE", PathBuf::from("catalogue.db"))?,
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
