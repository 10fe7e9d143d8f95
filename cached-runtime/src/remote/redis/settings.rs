//! Where the server is, and how long it may take.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo,
};

#[cfg(feature = "tls-rustls")]
use super::tls::{Pem, Secure, Trust};
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
    /// `redis://[user][:password@]host[:port][/database]`, `valkey://..` or `unix://path`;
    /// with the feature `tls-rustls` also `rediss://..` and `valkeys://..`, which are encrypted.
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
    /// Who signs the server's certificate, in place of those whom the system trusts.
    #[cfg(feature = "tls-rustls")]
    pub tls_ca: Option<Pem>,
    /// The certificate of this process, and those that lead to who signed it.
    #[cfg(feature = "tls-rustls")]
    pub tls_cert: Option<Pem>,
    /// The key of that certificate.
    #[cfg(feature = "tls-rustls")]
    pub tls_key: Option<Pem>,
}

/// Settings that were found to be good.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) settings: RedisSettings,
    login: RedisConnectionInfo,
    way: Way,
}

/// How a server is reached. One that is to be reached over TLS has no plain way.
#[derive(Clone)]
pub(super) enum Way {
    Plain(ConnectionInfo),
    #[cfg(feature = "tls-rustls")]
    Secure(Secure),
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
            #[cfg(feature = "tls-rustls")]
            tls_ca: None,
            #[cfg(feature = "tls-rustls")]
            tls_cert: None,
            #[cfg(feature = "tls-rustls")]
            tls_key: None,
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
        let (info, encrypted) = self.connection_info()?;
        let login = self.login(info.redis_settings())?;
        let way = if encrypted {
            self.secure(info.addr())?
        } else {
            self.plain(info)?
        };
        Ok(Checked {
            settings: self,
            login,
            way,
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

    /// What the URL says, and whether it asks for TLS.
    fn connection_info(&self) -> Result<(ConnectionInfo, bool), Error> {
        // Read here, because the parser's error may repeat parts of the URL.
        let (scheme, rest) = self.url.split_once(':').unwrap_or_default();
        let (url, encrypted) = match scheme {
            "redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix" => {
                (Cow::Borrowed(&*self.url), false)
            }
            // What the client would make of it is its affair: it is told where, and nothing else.
            "rediss" => (Cow::Owned(format!("redis:{rest}")), true),
            "valkeys" => (Cow::Owned(format!("valkey:{rest}")), true),
            _ => {
                return Err(Error::config(
                    "the Redis URL must begin with `redis://`, `rediss://`, `valkey://`, `valkeys://` or `unix://`",
                ));
            }
        };
        if encrypted && url.contains('#') {
            return Err(Error::config(
                "the Redis URL has a `#`: certificates are always verified, `#insecure` is not taken (`tls_ca` names a private CA); in a password it is written `%23`",
            ));
        }
        let info = (*url).into_connection_info().map_err(|_| {
            Error::config(
                "the Redis URL cannot be read: `redis://[user][:password@]host[:port][/database]`; in a password `/`, `#` and `@` are percent-escaped, or set it by itself",
            )
        })?;
        Ok((info, encrypted))
    }

    fn login(&self, named: &RedisConnectionInfo) -> Result<RedisConnectionInfo, Error> {
        let mut login = named
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
        Ok(login)
    }

    #[cfg_attr(
        not(feature = "tls-rustls"),
        expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "with TLS they are used"
        )
    )]
    fn plain(&self, info: ConnectionInfo) -> Result<Way, Error> {
        #[cfg(feature = "tls-rustls")]
        if !self.trust().is_default() {
            return Err(Error::config(
                "there are settings for TLS (`tls_ca`, `tls_client_cert`), but the Redis URL does not ask for it; it must begin with `rediss://` or `valkeys://`",
            ));
        }
        Ok(Way::Plain(info.set_tcp_settings(socket())))
    }

    #[cfg(feature = "tls-rustls")]
    fn secure(&self, address: &ConnectionAddr) -> Result<Way, Error> {
        let ConnectionAddr::Tcp(host, port) = address else {
            return Err(Error::config(
                "the Redis URL asks for TLS, and names no host",
            ));
        };
        Secure::new(host, *port, self.trust(), socket()).map(Way::Secure)
    }

    #[cfg(not(feature = "tls-rustls"))]
    #[expect(clippy::unused_self, reason = "with TLS it is used")]
    fn secure(&self, _: &ConnectionAddr) -> Result<Way, Error> {
        Err(Error::config(
            "the Redis URL asks for TLS, which this build does not have; turn the feature `tls-rustls` on",
        ))
    }

    #[cfg(feature = "tls-rustls")]
    fn trust(&self) -> Trust<'_> {
        Trust {
            ca: self.tls_ca.as_ref(),
            cert: self.tls_cert.as_ref(),
            key: self.tls_key.as_ref(),
        }
    }
}

/// What single settings may be.
pub(crate) mod values {
    use super::{Duration, Error, LONGEST_TIMEOUT, RedisSettings};

    pub(crate) fn url(url: &str) -> Result<(), Error> {
        let settings = RedisSettings::new(url, "any");
        let (info, encrypted) = settings.connection_info()?;
        settings.login(info.redis_settings())?;
        // Certificates are read where there is a server to be connected to.
        if encrypted && !cfg!(feature = "tls-rustls") {
            settings.secure(info.addr())?;
        }
        Ok(())
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
    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// Who we are there.
    pub(super) fn login(&self, protocol: ProtocolVersion) -> RedisConnectionInfo {
        self.login.clone().set_protocol(protocol)
    }

    /// What tells one server from another where the server itself does not.
    pub(super) fn address(&self) -> String {
        match &self.way {
            Way::Plain(info) => match info.addr() {
                ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
                other => other.to_string(),
            },
            #[cfg(feature = "tls-rustls")]
            Way::Secure(secure) => secure.address(),
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
mod tests;
