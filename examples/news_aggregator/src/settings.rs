//! What the environment says. The variables of the cache (`CACHE_URL` and others) are the library's.

use std::env::{self, VarError};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

pub(crate) struct Settings {
    /// `NEWS_ADDRESS`, where it listens.
    pub(crate) address: SocketAddr,
    /// `NEWS_SOURCE_MILLIS`, how long the source takes for each answer.
    pub(crate) source_time: Duration,
    /// `NEWS_TRENDING_SECONDS`, how long what is trending is fresh.
    pub(crate) trending_life: Duration,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        Ok(Self {
            address: variable("NEWS_ADDRESS", SocketAddr::from(([127, 0, 0, 1], 3000)))?,
            source_time: Duration::from_millis(variable("NEWS_SOURCE_MILLIS", 500)?),
            trending_life: Duration::from_secs(variable("NEWS_TRENDING_SECONDS", 60)?),
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
