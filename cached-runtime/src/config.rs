//! Settings, from code and from the environment.

use std::env::VarError;
use std::str::FromStr;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::error::Error;
use crate::local::Limits;

const LOCAL_CAPACITY: usize = 10_000;
const BACKGROUND_LOADS: u32 = 64;

/// The settings of a [`Cache`].
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Cache;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cache = Cache::builder()
///     .namespace("shop")
///     .local_capacity_bytes(64 << 20)
///     .build()
///     .await?;
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder {
    settings: Settings,
    entries: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) enabled: bool,
    pub(crate) limits: Limits,
    pub(crate) background_loads: u32,
    pub(crate) clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "cache".to_owned(),
            enabled: true,
            limits: Limits {
                entries: LOCAL_CAPACITY,
                bytes: None,
            },
            background_loads: BACKGROUND_LOADS,
            clock: Clock::system(),
        }
    }
}

impl CacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            entries: None,
        }
    }

    /// Settings from the environment. A variable that is not set leaves the default.
    ///
    /// | variable | value | default |
    /// |---|---|---|
    /// | `CACHE_NAMESPACE` | the namespace | `cache` |
    /// | `CACHE_ENABLED` | `true` or `false` (also `1`, `0`, `on`, `off`, `yes`, `no`) | `true` |
    /// | `CACHE_LOCAL_CAPACITY` | entries | `10000` |
    /// | `CACHE_LOCAL_CAPACITY_BYTES` | bytes, or a size such as `64MiB` | no limit |
    /// | `CACHE_BACKGROUND_LOADS` | how many may run at once | `64` |
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config), naming the variable at fault; also where
    /// `CACHE_URL` names a server, since this build knows none.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::CacheBuilder;
    ///
    /// let builder = CacheBuilder::from_env()?.namespace("shop");
    /// # Ok::<(), cache_aside::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| std::env::var(name))
    }

    pub(crate) fn from_lookup(
        look_up: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, Error> {
        let environment = Environment { look_up };
        let mut builder = Self::new();
        if environment.text("CACHE_URL")?.is_some() {
            // The value may hold a password: it is not repeated.
            return Err(Error::config(
                "`CACHE_URL` names a server, but this build caches in the process only; unset it",
            ));
        }
        if let Some(namespace) = environment.text("CACHE_NAMESPACE")? {
            builder = builder.namespace(namespace);
        }
        if let Some(Switch(enabled)) = environment.parsed("CACHE_ENABLED", Switch::EXPECTED)? {
            builder = builder.enabled(enabled);
        }
        if let Some(entries) = environment.parsed("CACHE_LOCAL_CAPACITY", "a number of entries")? {
            builder = builder.local_capacity(entries);
        }
        if let Some(Size(bytes)) =
            environment.parsed("CACHE_LOCAL_CAPACITY_BYTES", Size::EXPECTED)?
        {
            builder = builder.local_capacity_bytes(bytes);
        }
        if let Some(loads) = environment.parsed("CACHE_BACKGROUND_LOADS", "a number of loads")? {
            builder = builder.background_loads(loads);
        }
        Ok(builder)
    }

    /// Tells caches apart that share a store; named in [`Stats`](crate::Stats). Default `cache`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = namespace.into();
        self
    }

    /// Turned off, every call runs its body and nothing is stored. Default on.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.settings.enabled = enabled;
        self
    }

    /// How many entries this process keeps at most. Default 10,000, or no limit where
    /// `local_capacity_bytes` is given.
    pub fn local_capacity(mut self, entries: usize) -> Self {
        self.entries = Some(entries);
        self
    }

    /// How many bytes this process keeps at most: an estimate made of the encoded size of key and
    /// value and 120 bytes for each entry. With `local_capacity` the tighter of the two holds.
    pub fn local_capacity_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.bytes = Some(bytes);
        self
    }

    /// How many loads may run behind their callers at once; more are left until they are needed.
    /// Default 64.
    pub fn background_loads(mut self, limit: u32) -> Self {
        self.settings.background_loads = limit;
        self
    }

    /// Where the time is taken from. Default the system's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config) if a setting is out of range.
    pub async fn build(self) -> Result<Cache, Error> {
        let Self {
            mut settings,
            entries,
        } = self;
        let default = if settings.limits.bytes.is_some() {
            usize::MAX
        } else {
            LOCAL_CAPACITY
        };
        settings.limits.entries = entries.unwrap_or(default);
        if settings.limits.entries == 0 {
            return Err(Error::config("`local_capacity` must be at least 1 entry"));
        }
        if settings.limits.bytes == Some(0) {
            return Err(Error::config(
                "`local_capacity_bytes` must be at least 1 byte",
            ));
        }
        if settings.namespace.is_empty() || settings.namespace.contains(['{', '}']) {
            return Err(Error::config(
                "`namespace` must have a name without `{` and `}`",
            ));
        }
        Ok(Cache::new(settings))
    }
}

struct Environment<L> {
    look_up: L,
}

impl<L: Fn(&str) -> Result<String, VarError>> Environment<L> {
    /// Empty counts as unset.
    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        match (self.look_up)(name) {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(error) => Err(Error::config(format!("`{name}` is not Unicode")).because(error)),
        }
    }

    fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Error::config(format!(
                "`{name}` is `{text}`; expected {expected}"
            ))),
        }
    }
}

struct Switch(bool);

impl Switch {
    const EXPECTED: &str = "`true` or `false`";
}

impl FromStr for Switch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(Self(true)),
            "false" | "0" | "off" | "no" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

struct Size(usize);

impl Size {
    const EXPECTED: &str = "bytes, such as `67108864` or `64MiB`";
}

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(()),
        };
        let number: usize = number.parse().map_err(|_| ())?;
        number.checked_mul(unit).map(Self).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<CacheBuilder, Error> {
        CacheBuilder::from_lookup(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found
                .map(|(_, value)| (*value).to_owned())
                .ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn every_variable_reaches_its_setting() {
        let builder = from(&[
            ("CACHE_NAMESPACE", "shop"),
            ("CACHE_ENABLED", "off"),
            ("CACHE_LOCAL_CAPACITY", "7"),
            ("CACHE_LOCAL_CAPACITY_BYTES", "64 MiB"),
            ("CACHE_BACKGROUND_LOADS", "3"),
        ])
        .expect("good settings");
        let Settings {
            namespace,
            enabled,
            limits,
            background_loads,
            ..
        } = builder.settings;
        assert_eq!((&*namespace, enabled, background_loads), ("shop", false, 3));
        assert_eq!((builder.entries, limits.bytes), (Some(7), Some(64 << 20)));
    }

    #[test]
    fn an_error_names_the_variable_and_what_it_takes() {
        for (name, value) in [
            ("CACHE_ENABLED", "maybe"),
            ("CACHE_LOCAL_CAPACITY", "-1"),
            ("CACHE_LOCAL_CAPACITY_BYTES", "64 mib"),
            ("CACHE_LOCAL_CAPACITY_BYTES", "99999999999999 GiB"),
            ("CACHE_BACKGROUND_LOADS", "many"),
        ] {
            let error = from(&[(name, value)]).expect_err(value).to_string();
            assert!(
                error.contains(name) && error.contains("expected"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_url_is_refused_and_not_repeated() {
        let error = from(&[("CACHE_URL", "redis://:secret@host")]).expect_err("no remote tier");
        assert!(error.to_string().contains("CACHE_URL") && !error.to_string().contains("secret"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert!(from(&[("CACHE_URL", ""), ("CACHE_ENABLED", "")]).is_ok());
    }
}
