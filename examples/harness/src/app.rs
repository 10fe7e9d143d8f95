//! The application under test.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Request, Response};
use crate::process::{Process, spawn};

/// How long it may take to start, or to end. A first start may compete with a build.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// What an application prints when it can be used, and its address behind that.
const READY: &str = "listening on ";

/// A process of an application's binary. Killed when dropped.
pub struct App {
    process: Process,
    address: SocketAddr,
    printed: Arc<Mutex<String>>,
    reading: Vec<JoinHandle<()>>,
}

impl App {
    /// Starts `binary`, which is `env!("CARGO_BIN_EXE_..")`, with these variables and none of the
    /// cache's own that are set by chance; returns when it says that it is `listening on` an address.
    pub async fn start(binary: &'static str, settings: Vec<(String, String)>) -> Self {
        let starting = tokio::task::spawn_blocking(move || Self::launch(binary, &settings));
        starting.await.expect("the application starts")
    }

    fn launch(binary: &str, settings: &[(String, String)]) -> Self {
        let mut child = piped(binary, settings);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let process = Process::new(child);
        let printed = Arc::<Mutex<String>>::default();
        let (ready, address) = mpsc::channel();
        let reading = vec![
            follow(stdout.expect("piped"), &printed, Some(ready)),
            follow(stderr.expect("piped"), &printed, None),
        ];
        let address = address.recv_timeout(PATIENCE).ok();
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| {
            let printed = printed.lock().expect("no panic inside");
            panic!("{binary} does not listen; it printed:\n{printed}")
        });
        Self {
            process,
            address,
            printed,
            reading,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Request {
        Request::new(self.address, "GET", path)
    }

    /// `POST`.
    pub fn post(&self, path: &str) -> Request {
        Request::new(self.address, "POST", path)
    }

    /// `PUT`.
    pub fn put(&self, path: &str) -> Request {
        Request::new(self.address, "PUT", path)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Request {
        Request::new(self.address, "DELETE", path)
    }

    /// What it printed up to now.
    pub fn printed(&self) -> String {
        self.printed.lock().expect("no panic inside").clone()
    }

    /// Asks it to end, as `kill` and orchestrators do.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.process.pid())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::TERM).expect("the process is there");
    }

    /// How it ended.
    pub async fn ended(self) -> ExitStatus {
        self.ended_with().await.0
    }

    /// How it ended, and what it printed.
    pub async fn ended_with(mut self) -> (ExitStatus, String) {
        for _ in 0..PATIENCE.as_millis() / 5 {
            if let Some(status) = self.process.ended() {
                for reading in self.reading.drain(..) {
                    reading.join().expect("no panic inside");
                }
                return (status, self.printed());
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not end; it printed:\n{}", self.printed());
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A process that prints into pipes.
pub(crate) fn piped(binary: &str, settings: &[(String, String)]) -> Child {
    let set_up = |command: &mut Command| {
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("CACHE_")) {
            command.env_remove(name);
        }
        command
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    };
    spawn(binary, set_up).expect("the binary is there")
}

/// Reads to the end on a thread of its own: no application waits for a test that does not read.
pub(crate) fn follow(
    from: impl Read + Send + 'static,
    printed: &Arc<Mutex<String>>,
    ready: Option<mpsc::Sender<String>>,
) -> JoinHandle<()> {
    let printed = Arc::clone(printed);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let (Some(ready), Some((_, address))) = (&ready, line.split_once(READY)) {
                // Only the first one is waited for.
                let _ = ready.send(address.trim().to_owned());
            }
            let mut printed = printed.lock().expect("no panic inside");
            printed.push_str(&line);
            printed.push('\n');
        }
    })
}

/// As many requests at once, in turn to each of the processes.
pub async fn at_once(apps: &[&App], path: &str, count: usize) -> Vec<Response> {
    let mut asking = JoinSet::new();
    for number in 0..count {
        asking.spawn(apps[number % apps.len()].get(path).send());
    }
    asking.join_all().await
}
