//! A private Redis or Valkey server on a free loopback port, which lives no longer than this program.
//!
//! The binary comes from where those of the tests come from: `CACHE_ASIDE_REDIS_BIN`, the `PATH`, or a package that is
//! unpacked below `target`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::obtain::{Flavor, obtain};

/// Ends the server when nobody can write to it any more, for whatever reason.
const KEEPER: &str = r#"trap "" INT; "$@" & read -r _; kill -KILL "$!"; wait"#;

#[derive(Debug)]
pub(crate) struct Server {
    keeper: Child,
    port: u16,
    version: String,
}

impl Server {
    /// Returns once it answers. Nothing is kept on disk.
    ///
    /// # Errors
    ///
    /// If it does not start.
    ///
    /// # Panics
    ///
    /// If there is no server.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// With more arguments, such as `["--maxmemory", "1gb"]`.
    ///
    /// # Errors
    ///
    /// If it does not start.
    ///
    /// # Panics
    ///
    /// If there is no server.
    pub(crate) fn start_with(more: &[&str]) -> Result<Self> {
        let binary = obtain(Flavor::Any);
        // Somebody else may take the port before the server does.
        for _ in 0..5 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            drop(listener);
            let mut command = Command::new("sh");
            command
                .args(["-c", KEEPER, "keeper"])
                .arg(&binary.path)
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no"])
                .args(more)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if let Some(libraries) = &binary.libraries {
                command.env("LD_LIBRARY_PATH", libraries);
            }
            let mut server = Self {
                keeper: command.spawn()?,
                port,
                version: String::new(),
            };
            if server.answers() {
                return Ok(server);
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Such as `Redis 7.0.15`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// How often each command arrived while `run` ran, from whatever client; not what scripts call in turn.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(crate) fn sent_while(&self, run: impl FnOnce()) -> Result<BTreeMap<String, u64>> {
        const END: &str = "this was all";
        let mut monitor = self.connect()?;
        monitor.get_mut().write_all(&request(&["MONITOR"]))?;
        let mut line = String::new();
        monitor.read_line(&mut line)?;
        run();
        self.ask(&["ECHO", END])?;
        let mut sent = BTreeMap::new();
        loop {
            line.clear();
            if monitor.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            // Such as `+1339518083.107412 [0 127.0.0.1:60866] "GET" "key"`; `[0 lua]` is what a script calls.
            let mut parts = line.split('"');
            let (from, name) = (parts.next().unwrap_or_default(), parts.next());
            if from.contains(" lua]") {
                continue;
            }
            let name = name.unwrap_or_default().to_ascii_lowercase();
            if name == "echo" && line.contains(END) {
                return Ok(sent);
            }
            *sent.entry(name).or_default() += 1;
        }
    }

    /// The answer to a command that has a line or a text for an answer, by a connection of its own.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(crate) fn ask(&self, command: &[&str]) -> Result<String> {
        let mut stream = self.connect()?;
        stream.get_mut().write_all(&request(command))?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some(length) = line.strip_prefix('$') else {
            return Ok(line.trim_end().to_owned());
        };
        let length = length.trim_end().parse().map_err(Error::other)?;
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        String::from_utf8(text).map_err(Error::other)
    }

    fn connect(&self) -> Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(BufReader::new(stream))
    }

    /// Whether it is the keeper's child that answers, and not whoever else took the port.
    fn answers(&mut self) -> bool {
        for _ in 0..500 {
            if let Ok(told) = self.ask(&["INFO", "server"])
                && let Some(pid) = value_of(&told, "process_id")
            {
                let name = |field| value_of(&told, field);
                self.version = match (name("valkey_version"), name("redis_version")) {
                    (Some(version), _) => format!("Valkey {version}"),
                    (None, version) => format!("Redis {}", version.unwrap_or_default()),
                };
                return parent_of(pid).is_none_or(|parent| parent == self.keeper.id());
            }
            sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Nothing is left to be done where this fails.
        let _ = self.keeper.wait();
    }
}

fn request(command: &[&str]) -> Vec<u8> {
    let parts = command
        .iter()
        .map(|part| format!("${}\r\n{part}\r\n", part.len()));
    let parts: String = parts.collect();
    format!("*{}\r\n{parts}", command.len()).into_bytes()
}

fn value_of<'a>(told: &'a str, field: &str) -> Option<&'a str> {
    told.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .map(str::trim_end)
}

/// Unknown where the system does not say it.
fn parent_of(pid: &str) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    value_of(&status, "PPid")?.trim_start().parse().ok()
}
