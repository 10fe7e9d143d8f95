//! A private server of one test, on a loopback port of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, RedisResult, cmd};
use tokio::time::sleep;

use super::obtain::{Binary, Flavor, obtain};
use super::place::{free_port, new_folder};
use super::process::{LIMIT, Process, spawn};

/// Runs until it is dropped or the test binary ends, however that ends. Limits are `tokio` time: not for
/// runtimes whose time stands still.
///
/// Nothing is kept on disk unless a test asks for a snapshot.
pub(crate) struct Server {
    binary: Binary,
    pub(super) port: u16,
    password: Option<String>,
    args: Vec<String>,
    pub(super) folder: PathBuf,
    /// Nothing while it is killed.
    process: Mutex<Option<Process>>,
}

#[derive(Default)]
pub(crate) struct Options {
    flavor: Flavor,
    password: Option<String>,
    args: Vec<String>,
    primary: Option<u16>,
}

impl Options {
    /// As on the command line: `["--maxmemory", "2mb"]`.
    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    pub(crate) fn password(self, password: &str) -> Self {
        self.args(["--requirepass", password, "--masterauth", password])
            .with(|options| options.password = Some(password.to_owned()))
    }

    pub(crate) fn flavor(self, flavor: Flavor) -> Self {
        self.with(|options| options.flavor = flavor)
    }

    pub(crate) fn replica_of(self, primary: &Server) -> Self {
        self.replica_of_port(primary.port)
    }

    pub(crate) fn replica_of_port(self, port: u16) -> Self {
        self.with(|options| options.primary = Some(port))
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) async fn start(self) -> Server {
        let flavor = self.flavor;
        let binary = tokio::task::spawn_blocking(move || obtain(flavor)).await;
        let binary = binary.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let mut server = Server {
            binary,
            port: free_port(),
            password: self.password,
            args: self.args,
            folder: new_folder(),
            process: Mutex::default(),
        };
        // Between finding a port and listening there another process may take it.
        for _ in 0..20 {
            if server.launch(None).await {
                if let Some(primary) = self.primary {
                    server.replica_of_port(primary).await;
                }
                return server;
            }
            server.port = free_port();
        }
        panic!("no port is free");
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::options().start().await
    }

    pub(crate) fn options() -> Options {
        Options::default()
    }

    pub(crate) fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// As seen through a proxy.
    pub(super) fn url_at(&self, port: u16) -> String {
        let user = self.password.as_ref();
        let user = user.map_or(String::new(), |password| format!(":{password}@"));
        format!("redis://{user}127.0.0.1:{port}/0")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn flavor(&self) -> Flavor {
        self.binary.flavor
    }

    /// Such as `7.0.15`.
    pub(crate) fn version(&self) -> &str {
        &self.binary.version
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process().as_ref().expect("not killed").pid()
    }

    /// What it wrote about itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// A new connection.
    pub(crate) async fn admin(&self) -> MultiplexedConnection {
        self.connect().await.expect("the server answers")
    }

    /// One command on a connection of its own.
    async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut admin = self.admin().await;
        let answer = cmd(command[0])
            .arg(&command[1..])
            .query_async(&mut admin)
            .await;
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LIMIT))
            .set_response_timeout(Some(LIMIT));
        redis::Client::open(self.url())?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    /// Hangs it: connections stay open, new ones are accepted by the system, nothing answers.
    pub(crate) fn stop(&self) {
        self.process().as_ref().expect("not killed").stop();
    }

    pub(crate) fn cont(&self) {
        self.process().as_ref().expect("not killed").cont();
    }

    /// As a crash does.
    pub(crate) fn kill(&self) {
        self.process().take();
    }

    /// Comes back on the same port, with nothing.
    pub(crate) async fn restart(&self) {
        self.kill();
        assert!(self.launch(None).await, "port {} was taken", self.port);
    }

    pub(crate) async fn flush(&self) {
        self.ask::<()>(&["FLUSHALL"]).await;
    }

    /// Sorted.
    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        let keys = self.scan(pattern).await;
        keys.iter()
            .map(|key| String::from_utf8_lossy(key).into_owned())
            .collect()
    }

    /// Takes keys away as a full memory does. Returns how many.
    pub(crate) async fn evict(&self, pattern: &str) -> usize {
        let keys = self.scan(pattern).await;
        if keys.is_empty() {
            return 0;
        }
        let mut admin = self.admin().await;
        let deleted = cmd("DEL").arg(keys).query_async(&mut admin).await;
        deleted.expect("DEL")
    }

    async fn scan(&self, pattern: &str) -> Vec<Vec<u8>> {
        let mut admin = self.admin().await;
        let (mut cursor, mut keys) = (0_u64, Vec::new());
        loop {
            let page: (u64, Vec<Vec<u8>>) = cmd("SCAN")
                .arg(cursor)
                .arg(&["MATCH", pattern, "COUNT", "1000"])
                .query_async(&mut admin)
                .await
                .expect("SCAN");
            keys.extend(page.1);
            cursor = page.0;
            if cursor == 0 {
                keys.sort();
                keys.dedup();
                return keys;
            }
        }
    }

    /// How often each command was called, by its name in lower case (`get`, `client|setinfo`). Those of `admin`
    /// and of this type are among them.
    pub(crate) async fn command_stats(&self) -> BTreeMap<String, u64> {
        let told: String = self.ask(&["INFO", "commandstats"]).await;
        let call = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse().ok()?;
            Some((name.to_owned(), calls))
        };
        told.lines().filter_map(call).collect()
    }

    pub(crate) async fn reset_stats(&self) {
        self.ask::<()>(&["CONFIG", "RESETSTAT"]).await;
    }

    pub(crate) async fn replica_of(&self, primary: &Self) {
        self.replica_of_port(primary.port).await;
    }

    /// Returns when it has what the primary has.
    pub(crate) async fn replica_of_port(&self, port: u16) {
        let port = port.to_string();
        self.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]).await;
        for _ in 0..LIMIT.as_millis() / 10 {
            let told: String = self.ask(&["INFO", "replication"]).await;
            if told.contains("master_link_status:up") {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("no replica of port {port}; its log:\n{}", self.log());
    }

    /// Waits until one replica has what was written up to now.
    pub(crate) async fn replicated(&self) {
        // The offset that `WAIT` compares is that of the connection's own last write.
        let mut admin = self.admin().await;
        let answers: RedisResult<(u64, u64)> = redis::pipe()
            .cmd("PUBLISH")
            .arg(&["replicated", ""])
            .cmd("WAIT")
            .arg(&["1", "5000"])
            .query_async(&mut admin)
            .await;
        let (_, replicas) = answers.expect("PUBLISH and WAIT");
        assert!(replicas > 0, "no replica has the last writes");
    }

    pub(crate) async fn promote(&self) {
        self.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    }

    /// Cuts off everybody else. Returns how many.
    pub(crate) async fn client_kill(&self) -> usize {
        let mut admin = self.admin().await;
        let mut killed = 0;
        for kind in ["normal", "pubsub"] {
            let of_kind: usize = cmd("CLIENT")
                .arg(&["KILL", "TYPE", kind, "SKIPME", "yes"])
                .query_async(&mut admin)
                .await
                .expect("CLIENT KILL");
            killed += of_kind;
        }
        killed
    }

    /// Ends the connections on which clients follow what is pushed. Returns how many.
    pub(crate) async fn kill_pushes(&self) -> usize {
        let clients: String = self.ask(&["CLIENT", "LIST"]).await;
        let named = clients
            .lines()
            .filter(|client| client.contains(" name=cache-aside-push "));
        let ids = named.filter_map(|client| client.strip_prefix("id=")?.split(' ').next());
        let mut killed = 0;
        for id in ids {
            killed += self.ask::<usize>(&["CLIENT", "KILL", "ID", id]).await;
        }
        killed
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        // A test that failed elsewhere may have left it so.
        self.process
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether it listens; not if another process has the port.
    pub(super) async fn launch(&self, data: Option<&Path>) -> bool {
        let dump = self.folder.join("dump.rdb");
        match data {
            Some(snapshot) => drop(fs::copy(snapshot, dump).expect("a copy of the snapshot")),
            // A replica leaves one behind.
            None => drop(fs::remove_file(dump)),
        }
        let child = spawn(
            self.binary.path.to_str().expect("a path in UTF-8"),
            |command| {
                if let Some(libraries) = &self.binary.libraries {
                    command.env("LD_LIBRARY_PATH", libraries);
                }
                command
                    .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
                    .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
                    .args(["--repl-diskless-sync-delay", "0"])
                    .args(["--enable-debug-command", "yes"])
                    .args(["--logfile", "server.log"])
                    .args(&self.args)
                    .current_dir(&self.folder)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
            },
        );
        *self.process() = Some(Process::new(child.expect("the server starts")));
        for _ in 0..LIMIT.as_millis() / 5 {
            if self.is_up().await {
                return true;
            }
            let ended = self.process().as_mut().and_then(Process::ended);
            if let Some(status) = ended {
                self.kill();
                let log = self.log();
                assert!(
                    log.contains("Address already in use"),
                    "the server ended with {status}; its log:\n{log}"
                );
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("the server never answers; its log:\n{}", self.log());
    }

    /// Whether the one that answers is this one.
    async fn is_up(&self) -> bool {
        let Ok(mut connection) = self.connect().await else {
            return false;
        };
        let told = cmd("INFO").arg("server").query_async(&mut connection).await;
        let told: String = told.unwrap_or_default();
        told.contains(&format!("process_id:{}\r\n", self.pid()))
            && cmd("PING")
                .query_async::<String>(&mut connection)
                .await
                .is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
