//! Settings from the environment.

use std::env::VarError;
use std::str::FromStr;
use std::time::Duration;

use super::{CacheBuilder, bounds};
use crate::coherence::Coherence;
use crate::error::Error;
#[cfg(feature = "redis")]
use crate::remote::redis::values;

const LOADS: &str = "a number of loads, at most 4294967295";

impl CacheBuilder {
    /// Settings from the environment. A variable that is not set, or empty, leaves the default.
    ///
    /// | variable | value | default |
    /// |---|---|---|
    /// | `CACHE_NAMESPACE` | the namespace | `cache` |
    /// | `CACHE_ENABLED` | `true` or `false` (also `1`, `0`, `on`, `off`, `yes`, `no`) | `true` |
    /// | `CACHE_LOCAL_CAPACITY` | entries | `10000` |
    /// | `CACHE_LOCAL_CAPACITY_BYTES` | bytes, or a size such as `64MiB` | no limit |
    /// | `CACHE_BACKGROUND_LOADS` | how many may run at once | `64` |
    /// | `CACHE_UNSHARED_LOADS` | how many may run at once while the server cannot be used | `64` |
    /// | `CACHE_BACK_OFF` | how long nothing is tried after a load that failed, while an older answer can be given | `10s` |
    /// | `CACHE_COHERENCE` | `strict`, or the time within which copies follow others' invalidations | `1s` |
    /// | `CACHE_LOCAL_ON_DOWN` | for how long copies are given while the server is gone | `0s` |
    /// | `CACHE_TRUST_VIEWS` | `true` or `false` | `false` |
    /// | `CACHE_SETTLE_LAG` | how far the replicas that loads read from lag behind, such as `500ms` | `0s` |
    /// | `CACHE_AUDIT` | the share of changes that are looked at, such as `0.01` | `0` |
    /// | `CACHE_URL` | the Redis server, `redis://host:port/database` | none: in the process only |
    /// | `CACHE_USERNAME` | instead of the user in the URL | |
    /// | `CACHE_PASSWORD` | instead of the password in the URL | |
    /// | `CACHE_DATABASE` | instead of the database in the URL | |
    /// | `CACHE_READ_TIMEOUT` | a time such as `250ms` | `250ms` |
    /// | `CACHE_WRITE_TIMEOUT` | a time | `1s` |
    /// | `CACHE_CONNECTIONS` | how many connections carry operations | `1` |
    /// | `CACHE_VERIFY_ROLE` | `true` or `false` | `true` |
    /// | `CACHE_TLS_CA` | who signs the server's certificate, a file in PEM | whom the system trusts |
    /// | `CACHE_TLS_CERT` | the certificate of this process, a file in PEM | none |
    /// | `CACHE_TLS_KEY` | its key, a file in PEM | none |
    ///
    /// Those below `CACHE_URL` are for a server that is named there or in the code. Without one they are
    /// looked at, and wait unused: one environment serves with a server and without.
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config), naming the variable at fault and never repeating a
    /// URL or a password; also where `CACHE_URL` names a server and the crate is built without the feature
    /// `redis`, or one of `CACHE_TLS_..` is set without the feature `tls-rustls`.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::CacheBuilder;
    ///
    /// let builder = CacheBuilder::from_env()?.namespace("shop");
    /// # Ok::<(), cache_aside::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        Self::new().overridden_by_env()
    }

    /// What the environment says takes the place of what was said here before: an application has
    /// defaults of its own, and the last word is that of whoever runs it. The variables are those of
    /// [`from_env`](Self::from_env).
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    ///
    /// // `shop`, unless `CACHE_NAMESPACE` says something else.
    /// let builder = Cache::builder().namespace("shop").overridden_by_env()?;
    /// # Ok::<(), cache_aside::Error>(())
    /// ```
    pub fn overridden_by_env(self) -> Result<Self, Error> {
        self.overridden_by(|name| std::env::var(name))
    }

    pub(crate) fn overridden_by(
        self,
        look_up: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, Error> {
        let environment = Environment { look_up };
        let mut builder = self.store_from(&environment)?;
        let namespace = environment.text("CACHE_NAMESPACE")?;
        if let Some(namespace) = checked("CACHE_NAMESPACE", namespace, |it| bounds::namespace(it))?
        {
            builder = builder.namespace(namespace);
        }
        if let Some(Switch(enabled)) = environment.parsed("CACHE_ENABLED", Switch::EXPECTED)? {
            builder = builder.enabled(enabled);
        }
        let entries = environment.parsed("CACHE_LOCAL_CAPACITY", "a number of entries")?;
        if let Some(entries) = checked("CACHE_LOCAL_CAPACITY", entries, |it| bounds::entries(*it))?
        {
            builder = builder.local_capacity(entries);
        }
        let name = "CACHE_LOCAL_CAPACITY_BYTES";
        let bytes = environment.parsed(name, Size::EXPECTED)?;
        if let Some(Size(bytes)) = checked(name, bytes, |it: &Size| bounds::bytes(it.0))? {
            builder = builder.local_capacity_bytes(bytes);
        }
        if let Some(loads) = environment.parsed("CACHE_BACKGROUND_LOADS", LOADS)? {
            builder = builder.background_loads(loads);
        }
        let loads = environment.parsed("CACHE_UNSHARED_LOADS", LOADS)?;
        let check = |loads: &u32| bounds::unshared_loads(*loads);
        if let Some(loads) = checked("CACHE_UNSHARED_LOADS", loads, check)? {
            builder = builder.unshared_loads(loads);
        }
        if let Some(Time(time)) = environment.parsed("CACHE_BACK_OFF", Time::EXPECTED)? {
            builder = builder.back_off(time);
        }
        let expected = "`strict` or a time such as `500ms`";
        let coherence = environment.parsed("CACHE_COHERENCE", expected)?;
        let check = |it: &Closeness| bounds::coherence(it.0);
        if let Some(Closeness(coherence)) = checked("CACHE_COHERENCE", coherence, check)? {
            builder = builder.coherence(coherence);
        }
        if let Some(Time(time)) = environment.parsed("CACHE_LOCAL_ON_DOWN", Time::EXPECTED)? {
            builder = builder.local_on_down(time);
        }
        if let Some(Switch(trust)) = environment.parsed("CACHE_TRUST_VIEWS", Switch::EXPECTED)? {
            builder = builder.trust_views(trust);
        }
        if let Some(Time(lag)) = environment.parsed("CACHE_SETTLE_LAG", Time::EXPECTED)? {
            builder = builder.settle_lag(lag);
        }
        let share = environment.parsed("CACHE_AUDIT", "a share such as `0.01`")?;
        if let Some(share) = checked("CACHE_AUDIT", share, |it| bounds::audit(*it))? {
            builder = builder.audit(share);
        }
        Ok(builder)
    }

    #[cfg(feature = "redis")]
    fn store_from<L>(self, environment: &Environment<L>) -> Result<Self, Error>
    where
        L: Fn(&str) -> Result<String, VarError>,
    {
        let mut builder = self;
        let url = environment.text("CACHE_URL")?;
        if let Some(url) = checked("CACHE_URL", url, |url| values::url(url))? {
            builder = builder.redis(url);
        }
        if let Some(username) = environment.text("CACHE_USERNAME")? {
            builder = builder.redis_username(username);
        }
        if let Some(password) = environment.text("CACHE_PASSWORD")? {
            builder = builder.redis_password(password);
        }
        let database = environment.parsed("CACHE_DATABASE", "a number")?;
        if let Some(database) = checked("CACHE_DATABASE", database, |it| values::database(*it))? {
            builder = builder.redis_database(database);
        }
        let time_out = |name, setting| {
            let limit = environment.parsed(name, Time::EXPECTED)?;
            checked(name, limit, |Time(limit)| values::time_out(setting, *limit))
        };
        if let Some(Time(limit)) = time_out("CACHE_READ_TIMEOUT", "read_timeout")? {
            builder = builder.read_timeout(limit);
        }
        if let Some(Time(limit)) = time_out("CACHE_WRITE_TIMEOUT", "write_timeout")? {
            builder = builder.write_timeout(limit);
        }
        let count = environment.parsed("CACHE_CONNECTIONS", "a number of connections")?;
        if let Some(count) = checked("CACHE_CONNECTIONS", count, |it| values::connections(*it))? {
            builder = builder.connections(count);
        }
        if let Some(Switch(verify)) = environment.parsed("CACHE_VERIFY_ROLE", Switch::EXPECTED)? {
            builder = builder.verify_role(verify);
        }
        builder.tls_from(environment)
    }

    #[cfg(all(feature = "redis", feature = "tls-rustls"))]
    fn tls_from<L>(self, environment: &Environment<L>) -> Result<Self, Error>
    where
        L: Fn(&str) -> Result<String, VarError>,
    {
        let mut builder = self;
        if let Some(ca) = environment.text("CACHE_TLS_CA")? {
            builder = builder.tls_ca(ca);
        }
        if let Some(cert) = environment.text("CACHE_TLS_CERT")? {
            builder = builder.tls_cert(cert);
        }
        if let Some(key) = environment.text("CACHE_TLS_KEY")? {
            builder = builder.tls_key(key);
        }
        Ok(builder)
    }

    /// What asks for protection is not passed over.
    #[cfg(all(feature = "redis", not(feature = "tls-rustls")))]
    fn tls_from<L>(self, environment: &Environment<L>) -> Result<Self, Error>
    where
        L: Fn(&str) -> Result<String, VarError>,
    {
        for name in ["CACHE_TLS_CA", "CACHE_TLS_CERT", "CACHE_TLS_KEY"] {
            if environment.text(name)?.is_some() {
                return Err(Error::config(format!(
                    "`{name}` is set, but this build has no TLS; unset it, or turn the feature `tls-rustls` on"
                )));
            }
        }
        Ok(self)
    }

    #[cfg(not(feature = "redis"))]
    fn store_from<L>(self, environment: &Environment<L>) -> Result<Self, Error>
    where
        L: Fn(&str) -> Result<String, VarError>,
    {
        if environment.text("CACHE_URL")?.is_none() {
            return Ok(self);
        }
        // The value may hold a password: it is not repeated.
        Err(Error::config(
            "`CACHE_URL` names a server, but this build caches in the process only; unset it, or turn the feature `redis` on",
        ))
    }
}

/// What is wrong with a value is said with the variable that it comes from. The value itself, which may
/// be a URL with a password, is not repeated.
fn checked<T>(
    name: &str,
    value: Option<T>,
    check: impl FnOnce(&T) -> Result<(), Error>,
) -> Result<Option<T>, Error> {
    match value.as_ref().map(check) {
        Some(Err(error)) => Err(Error::config(format!("`{name}`: {error}"))),
        Some(Ok(())) | None => Ok(value),
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
            // Without its text, which may be a password.
            Err(VarError::NotUnicode(_)) => Err(Error::config(format!("`{name}` is not Unicode"))),
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

struct Closeness(Coherence);

impl FromStr for Closeness {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.eq_ignore_ascii_case("strict") {
            return Ok(Self(Coherence::Strict));
        }
        let Time(window) = text.parse()?;
        Ok(Self(Coherence::Bounded(window)))
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

struct Time(Duration);

impl Time {
    const EXPECTED: &str = "a whole number and `ms`, `s`, `m` or `h`, such as `250ms`, or `0`";
}

impl FromStr for Time {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| ())?;
        match unit.trim() {
            "" if number == 0 => Ok(Self(Duration::ZERO)),
            "ms" => Ok(Self(Duration::from_millis(number))),
            "s" => Ok(Self(Duration::from_secs(number))),
            "m" => Ok(Self(Duration::from_secs(number.saturating_mul(60)))),
            "h" => Ok(Self(Duration::from_secs(number.saturating_mul(60 * 60)))),
            _ => Err(()),
        }
    }
}
