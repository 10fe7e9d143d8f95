//! Where a test happens.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::obtain::{Flavor, obtain};
use crate::place::new_folder;
use crate::proxy::{Mode, Proxy};
use crate::server::Server;

/// A folder of the test's own, and a private Redis or none. Both end with it.
#[derive(Debug)]
pub struct Ground {
    folder: PathBuf,
    redis: Option<Redis>,
}

/// A private Redis or Valkey server on loopback.
pub struct Redis(Server);

/// A way to a [`Redis`] that can be broken.
pub struct Road(Proxy);

impl Ground {
    /// Without a server: what an application caches is its own.
    pub fn without_redis() -> Self {
        Self {
            folder: new_folder(),
            redis: None,
        }
    }

    /// With a server of its own.
    pub async fn with_redis() -> Self {
        Self {
            folder: new_folder(),
            redis: Some(Redis(Server::start().await)),
        }
    }

    /// The server, if there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref()
    }

    /// The path of a file of the test's own.
    pub fn file(&self, name: &str) -> String {
        let path: &Path = &self.folder.join(name);
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// What an application finds in its environment to use the server.
    pub fn cache_settings(&self) -> Vec<(String, String)> {
        let url = self.redis.iter().map(|redis| redis.0.url());
        let url = url.map(|url| ("CACHE_URL".to_owned(), url));
        url.collect()
    }
}

/// What a program finds in its environment that starts a server of its own.
pub async fn server_settings() -> Vec<(String, String)> {
    // It may have to be downloaded.
    let binary = tokio::task::spawn_blocking(|| obtain(Flavor::Any)).await;
    let binary = binary.expect("a server");
    let text = |path: PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
    let libraries = binary.libraries.map(text);
    let libraries = libraries.map(|libraries| ("LD_LIBRARY_PATH".to_owned(), libraries));
    let binary = ("CACHE_ASIDE_REDIS_BIN".to_owned(), text(binary.path));
    libraries.into_iter().chain([binary]).collect()
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Redis {
    /// As a crash does.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Comes back on the same port, with nothing.
    pub async fn restart(&self) {
        self.0.restart().await;
    }

    /// Hangs it: connections stay open, and nothing answers.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// The end of [`stop`](Self::stop).
    pub fn cont(&self) {
        self.0.cont();
    }

    /// A way to it that can be broken.
    pub async fn road(&self) -> Road {
        Road(Proxy::start(&self.0).await)
    }

    /// The names of what is stored, sorted.
    pub async fn keys(&self, pattern: &str) -> Vec<String> {
        self.0.keys(pattern).await
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.port()).finish()
    }
}

impl Road {
    /// The URL of the server at its end.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// What the server pushes does not arrive any more, and nothing says so; all else does.
    pub async fn lose_pushes(&self) {
        self.0.set(Mode::PushesHang).await;
    }
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Road").field(&self.0.port()).finish()
    }
}
