//! What the environment says. The variables of the cache (`CACHE_URL` and others) are the library's.

use std::collections::BTreeSet;
use std::env::{self, VarError};
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

pub(crate) struct Settings {
    /// `WARMING_ADDRESS`, where it listens.
    pub(crate) address: SocketAddr,
    /// `WARMING_ARTICLES`: how many there are, and are kept warm.
    pub(crate) articles: u64,
    /// `WARMING_AT_ONCE`: how many are loaded at a time.
    pub(crate) at_once: NonZeroUsize,
    /// `WARMING_TTL_SECONDS`: how long a price is kept.
    pub(crate) ttl: Duration,
    /// `WARMING_EVERY_MILLIS`: how often all of them are looked at; else ten times in the ttl.
    pub(crate) every: Duration,
    /// `WARMING_FETCH_MILLIS`: how long the supplier takes for one.
    pub(crate) fetch_time: Duration,
    /// `WARMING_BROKEN`, such as `3,7`: articles for which the supplier fails.
    pub(crate) broken: BTreeSet<u64>,
}

/// Numbers with commas between them.
struct Numbers(BTreeSet<u64>);

impl FromStr for Numbers {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split(',').map(str::trim);
        let numbers = numbers.filter(|number| !number.is_empty());
        numbers.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        // Nothing is kept warm that is not kept.
        let ten_minutes = NonZeroU64::MIN.saturating_add(599);
        let ttl = variable("WARMING_TTL_SECONDS", ten_minutes)?;
        let ttl = Duration::from_secs(ttl.get());
        let every = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX) / 10;
        let eight = NonZeroUsize::MIN.saturating_add(7);
        let Numbers(broken) = variable("WARMING_BROKEN", Numbers(BTreeSet::new()))?;
        Ok(Self {
            address: variable("WARMING_ADDRESS", SocketAddr::from(([127, 0, 0, 1], 3000)))?,
            articles: variable("WARMING_ARTICLES", 200)?,
            at_once: variable("WARMING_AT_ONCE", eight)?,
            ttl,
            every: Duration::from_millis(variable("WARMING_EVERY_MILLIS", every)?),
            fetch_time: Duration::from_millis(variable("WARMING_FETCH_MILLIS", 50)?),
            broken,
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

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn numbers_stand_between_commas() {
        let read = |text: &str| {
            let numbers = text.parse::<Numbers>().ok()?;
            Some(numbers.0.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(read("7, 3"), Some(vec![3, 7]));
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read("3;7"), None);
    }
}
