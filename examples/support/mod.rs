//! A private Redis or Valkey server for an example, on a loopback port of its own.
//!
//! It keeps nothing on disk, and ends with its handle.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The path of a `redis-server` or `valkey-server`, where there is none on `PATH`.
const BINARY: &str = "CACHE_ASIDE_REDIS_BIN";

/// A server that runs until this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    /// `None` where there is no server to start, after it was said what to do about that.
    pub(crate) fn start() -> Result<Option<Self>> {
        let Some(binary) = binary() else {
            println!("no redis-server or valkey-server found; one of these helps:");
            println!("  install the package redis-server, redis, valkey-server or valkey");
            println!("  set {BINARY} to the path of a redis-server or valkey-server");
            return Ok(None);
        };
        // Between finding a port and listening there somebody else may take it.
        let mut last = None;
        for _ in 0..10 {
            let port = free_port()?;
            match Self::launch(&binary, port) {
                Ok(server) => return Ok(Some(server)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| ErrorKind::AddrInUse.into()))
    }

    /// Another one, empty, where one was before.
    #[allow(dead_code, reason = "not every example does without its server")]
    pub(crate) fn start_again(port: u16) -> Result<Self> {
        let binary = binary().ok_or(ErrorKind::NotFound)?;
        Self::launch(&binary, port)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn launch(binary: &PathBuf, port: u16) -> Result<Self> {
        let process = Command::new(binary)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { process, port };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for _ in 0..500 {
            if let Some(status) = server.process.try_wait()? {
                let what = format!("{} ended: {status}", binary.display());
                return Err(Error::other(what));
            }
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(ErrorKind::TimedOut.into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing more to be done then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["redis-server", "valkey-server"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
