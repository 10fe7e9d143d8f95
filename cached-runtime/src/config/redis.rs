//! The Redis server, as a setting of the cache.

use std::sync::Arc;
use std::time::Duration;

use super::{CacheBuilder, Settings};
use crate::error::Error;
use crate::remote::Remote;
#[cfg(feature = "tls-rustls")]
use crate::remote::redis::Pem;
use crate::remote::redis::{RedisRemote, RedisSettings};

/// Which server, and what was said about it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    settings: RedisSettings,
    chosen: bool,
    /// Something was said that waits for a server.
    described: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            settings: RedisSettings::new("", ""),
            chosen: false,
            described: false,
        }
    }
}

impl Choice {
    #[cfg(test)]
    pub(super) fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    /// Starts to connect, and gives a server that is there the time to answer.
    pub(super) async fn start(self, cache: &Settings) -> Result<Option<Arc<dyn Remote>>, Error> {
        if !self.chosen {
            // They wait for a server, so that one program serves with it and without. That they are wrong
            // is to be known before there is one.
            self.settings.check_values()?;
            if self.described {
                tracing::info!(
                    "there are settings for a server, and none is named: answers stay in this process"
                );
            }
            return Ok(None);
        }
        let mut settings = self.settings;
        settings.namespace.clone_from(&cache.namespace);
        let remote = RedisRemote::start_on(settings, cache.home.clone()).await?;
        Ok(Some(remote))
    }
}

impl CacheBuilder {
    /// Shares answers with every process that uses this server and namespace. The URL is
    /// `redis://[user][:password@]host[:port][/database]`, `valkey://..` or `unix://path`;
    /// with the feature `tls-rustls` also `rediss://..` and `valkeys://..`, which are encrypted. In a
    /// password `/`, `#` and `@` are percent-escaped, or it is given by itself.
    ///
    /// The settings below are for this server. Without one they are looked at, and wait unused: what a
    /// program says of its server holds wherever it is given one.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// // In the process alone, or shared where `CACHE_URL` names a server.
    /// let builder = Cache::builder().read_timeout(Duration::from_millis(100));
    /// let cache = builder.overridden_by_env()?.build().await?;
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.redis.chosen = true;
        self.redis.settings.url = url.into();
        self
    }

    /// Instead of the user in the URL.
    pub fn redis_username(mut self, username: impl Into<String>) -> Self {
        self.described().username = Some(username.into());
        self
    }

    /// Instead of the password in the URL.
    pub fn redis_password(mut self, password: impl Into<String>) -> Self {
        self.described().password = Some(password.into());
        self
    }

    /// Instead of the database in the URL.
    pub fn redis_database(mut self, database: i64) -> Self {
        self.described().database = Some(database);
        self
    }

    /// How long a look into the store may take before the call goes on without: from 1 ms to 60 s.
    /// `load_timeout` does not bound it, it comes on top. Default 250 ms.
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.described().read_timeout = limit;
        self
    }

    /// How long a change of the store may take, from 1 ms to 60 s. Default 1 s.
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.described().write_timeout = limit;
        self
    }

    /// How many connections carry operations. Default 1, which is shared by all callers.
    pub fn connections(mut self, connections: usize) -> Self {
        self.described().connections = connections;
        self
    }

    /// Whether every read asks the server if it still is the master. Default on; without it a
    /// server that was demoted goes on being read for up to 250 ms.
    pub fn verify_role(mut self, verify: bool) -> Self {
        self.described().verify_role = verify;
        self
    }

    /// Who signs the server's certificate: the path of a file in PEM, or its bytes, with one
    /// certificate or several. They take the place of those whom the system trusts, which are asked
    /// where nothing is said here. Needs a URL that asks for TLS. Read once, by `build`.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, ErrorKind};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let settings = Cache::builder().redis("rediss://cache.internal").tls_ca("/not/there.pem");
    /// let error = settings.build().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// assert!(error.to_string().starts_with("`tls_ca`"));
    /// # });
    /// ```
    #[cfg(feature = "tls-rustls")]
    pub fn tls_ca(mut self, ca: impl Into<Pem>) -> Self {
        self.described().tls_ca = Some(ca.into());
        self
    }

    /// Who this process is, to a server that asks: its certificate, with those between it and who
    /// signed it, and its key (PKCS#8, PKCS#1 or SEC1, not encrypted), each the path of a file in PEM
    /// or its bytes. Needs a URL that asks for TLS. Read once, by `build`.
    ///
    /// ```no_run
    /// # use cached_runtime as cache_aside;
    /// # async fn example() -> Result<(), cache_aside::Error> {
    /// let cache = cache_aside::Cache::builder()
    ///     .redis("rediss://cache.internal")
    ///     .tls_ca("/etc/ssl/cache/ca.pem")
    ///     .tls_client_cert("/etc/ssl/cache/shop.pem", "/etc/ssl/private/shop.key")
    ///     .build()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "tls-rustls")]
    pub fn tls_client_cert(self, cert: impl Into<Pem>, key: impl Into<Pem>) -> Self {
        self.tls_cert(cert).tls_key(key)
    }

    #[cfg(feature = "tls-rustls")]
    pub(super) fn tls_cert(mut self, cert: impl Into<Pem>) -> Self {
        self.described().tls_cert = Some(cert.into());
        self
    }

    #[cfg(feature = "tls-rustls")]
    pub(super) fn tls_key(mut self, key: impl Into<Pem>) -> Self {
        self.described().tls_key = Some(key.into());
        self
    }

    fn described(&mut self) -> &mut RedisSettings {
        self.redis.described = true;
        &mut self.redis.settings
    }
}
