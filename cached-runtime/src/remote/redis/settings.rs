//! Where the server is, and how long it may take.

use std::fmt;
use std::time::Duration;

use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::error::Error;

/// The longest time for an operation or for connecting.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How often every connection is checked.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(250);

/// How to reach a Redis or Valkey server, and how long it may take to answer.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::redis::RedisSettings;
/// use std::time::Duration;
///
/// let mut settings = RedisSettings::new("redis://cache.example:6379/2", "shop");
/// settings.password = Some("a secret".to_owned());
/// settings.read_timeout = Duration::from_millis(100);
/// assert!(!format!("{settings:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisSettings {
    /// `redis://[user][:password@]host[:port][/database]`, `valkey://..` or `unix://path`.
    /// In a password `/`, `#` and `@` are percent-escaped, or it is given by itself.
    pub url: String,
    /// Instead of the user in the URL.
    pub username: Option<String>,
    /// Instead of the password in the URL.
    pub password: Option<String>,
    /// Instead of the database in the URL.
    pub database: Option<i64>,
    /// What every name in the server begins with.
    pub namespace: String,
    /// How long a look-up or a wish for a lease may take; 250 ms by default.
    pub read_timeout: Duration,
    /// How long everything else may take; 1 s by default.
    pub write_timeout: Duration,
    /// How long it may take to connect; 2 s by default.
    pub connect_timeout: Duration,
    /// How many connections carry operations; 1 by default.
    pub connections: usize,
    /// Whether every read asks the server if it still is the master; `true` by default. Without it,
    /// a server that was demoted goes on being read for up to 250 ms.
    pub verify_role: bool,
}

/// Settings that were found to be good.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) settings: RedisSettings,
    info: ConnectionInfo,
}

impl RedisSettings {
    /// The defaults for a server and a namespace.
    #[must_use]
    pub fn new(url: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            database: None,
            namespace: namespace.into(),
            read_timeout: Duration::from_millis(250),
            write_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            connections: 1,
            verify_role: true,
        }
    }

    /// The messages name what is wrong, and repeat nothing: the URL may hold a password.
    pub(super) fn check(self) -> Result<Checked, Error> {
        if self.namespace.is_empty() || self.namespace.contains(['{', '}']) {
            return Err(Error::config(
                "the namespace must not be empty and must not contain `{` or `}`",
            ));
        }
        self.check_values()?;
        if self.username.is_some() && self.password.is_none() && !self.url.contains('@') {
            return Err(Error::config(
                "a `username` (`CACHE_USERNAME`) needs a `password` (`CACHE_PASSWORD`)",
            ));
        }
        let info = self.connection_info()?;
        Ok(Checked {
            settings: self,
            info,
        })
    }

    /// What can be said without a server.
    pub(crate) fn check_values(&self) -> Result<(), Error> {
        values::time_out("read_timeout", self.read_timeout)?;
        values::time_out("write_timeout", self.write_timeout)?;
        values::time_out("connect_timeout", self.connect_timeout)?;
        values::connections(self.connections)?;
        self.database.map_or(Ok(()), values::database)
    }

    fn connection_info(&self) -> Result<ConnectionInfo, Error> {
        // Read here, because the parser's error may repeat parts of the URL.
        let scheme = self.url.split_once(':').map(|(scheme, _)| scheme);
        match scheme {
            Some("redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix") => {}
            Some("rediss" | "valkeys") => {
                return Err(Error::config(
                    "the Redis URL asks for TLS, which this build does not have",
                ));
            }
            _ => {
                return Err(Error::config(
                    "the Redis URL must begin with `redis://`, `valkey://` or `unix://`",
                ));
            }
        }
        let info = self.url.as_str().into_connection_info().map_err(|_| {
            Error::config(
                "the Redis URL cannot be read: `redis://[user][:password@]host[:port][/database]`; in a password `/`, `#` and `@` are percent-escaped, or set it by itself",
            )
        })?;
        let mut login = info
            .redis_settings()
            .clone()
            .set_lib_name("cache-aside", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        if login.password().is_some() && login.username().is_none() {
            // By its name, on every connection alike: a server without a password takes that.
            login = login.set_username("default");
        }
        if let Some(database) = self.database {
            login = login.set_db(database);
        }
        if login.db() < 0 {
            return Err(Error::config(
                "the database in the Redis URL must not be negative",
            ));
        }
        Ok(info.set_redis_settings(login).set_tcp_settings(socket()))
    }
}

/// What single settings may be.
pub(crate) mod values {
    use super::{Duration, Error, LONGEST_TIMEOUT, RedisSettings};

    pub(crate) fn url(url: &str) -> Result<(), Error> {
        let info = RedisSettings::new(url, "any").connection_info();
        info.map(drop)
    }

    pub(crate) fn time_out(name: &str, limit: Duration) -> Result<(), Error> {
        // What is longer is not waited for by anybody, and would defeat the limits of loads.
        if (Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&limit) {
            return Ok(());
        }
        Err(Error::config(format!("`{name}` must be from 1 ms to 60 s")))
    }

    pub(crate) fn connections(connections: usize) -> Result<(), Error> {
        if (1..=64).contains(&connections) {
            return Ok(());
        }
        Err(Error::config("`connections` must be between 1 and 64"))
    }

    pub(crate) fn database(database: i64) -> Result<(), Error> {
        if database >= 0 {
            return Ok(());
        }
        Err(Error::config("`database` must not be negative"))
    }
}

/// A peer that vanished is noticed by the kernel, too.
fn socket() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(2));
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let settings = settings.set_user_timeout(Duration::from_secs(5));
    settings
}

impl Checked {
    /// Opens nothing.
    pub(super) fn client(&self, protocol: ProtocolVersion) -> Result<Client, ::redis::RedisError> {
        let login = self.info.redis_settings().clone().set_protocol(protocol);
        Client::open(self.info.clone().set_redis_settings(login))
    }

    /// What tells one server from another where the server itself does not.
    pub(super) fn address(&self) -> String {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
            other => other.to_string(),
        }
    }
}

/// Neither the URL nor the password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("namespace", &self.namespace)
            .field("database", &self.database)
            .field("read_timeout", &self.read_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("connections", &self.connections)
            .field("verify_role", &self.verify_role)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut RedisSettings)) -> String {
        let mut settings = RedisSettings::new("redis://:hunter2@localhost", "app");
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_named_and_the_url_is_not_repeated() {
        let cases = [
            refusal(|s| s.namespace = "a{b".into()),
            refusal(|s| s.namespace = String::new()),
            refusal(|s| s.read_timeout = Duration::ZERO),
            refusal(|s| s.write_timeout = Duration::MAX),
            refusal(|s| s.connections = 0),
            refusal(|s| s.database = Some(-1)),
            refusal(|s| s.url = "http://:hunter2@localhost".into()),
            refusal(|s| s.url = "rediss://:hunter2@localhost".into()),
            refusal(|s| s.url = "redis://:hunter2@localhost/hunter2".into()),
            refusal(|s| s.url = "redis://:hunter2@local host".into()),
            refusal(|s| s.url = "redis://:hunter2@localhost/-2".into()),
            refusal(|s| s.url = "redis://:hunter2@localhost?protocol=hunter2".into()),
            refusal(|s| s.url = "hunter2".into()),
            refusal(|s| {
                s.url = "redis://localhost".into();
                s.username = Some("hunter2".into());
            }),
        ];
        for case in &cases {
            assert!(!case.contains("hunter2"), "{case}");
        }
        assert!(cases[0].contains("namespace"));
        assert!(cases[2].contains("read_timeout"));
        assert!(cases[3].contains("write_timeout"));
        assert!(cases[7].contains("TLS"));
    }

    #[test]
    fn settings_take_the_place_of_what_the_url_says() {
        let mut settings = RedisSettings::new("redis://ann:one@localhost:7000/1", "app");
        settings.username = Some("bob".into());
        settings.password = Some("two".into());
        settings.database = Some(3);
        let shown = format!("{settings:?}");
        let checked = settings.check().unwrap();
        let login = checked.info.redis_settings();
        assert_eq!(login.username(), Some("bob"));
        assert_eq!(login.password(), Some("two"));
        assert_eq!(login.db(), 3);
        assert_eq!(checked.address(), "localhost:7000");
        assert!(checked.info.tcp_settings().nodelay());
        for secret in ["two", "one", "ann", "bob", "localhost"] {
            assert!(!shown.contains(secret), "{shown}");
            assert!(!format!("{checked:?}").contains(secret));
        }
    }
}
