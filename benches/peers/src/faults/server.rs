//! A private Redis server on a loopback port, which lives no longer than who asked for it.
//!
//! It belongs to a process of its own, the keeper: this program once more. The keeper obeys the
//! lines it reads, and when nobody can write any more, for whatever reason, it ends the server.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write, stdin};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The first argument of a keeper.
pub(crate) const KEEP: &str = "keep-server";

/// What a server asks for that has a password.
pub(crate) const PASSWORD: &str = "right";
/// What clients say that have a wrong one.
pub(crate) const WRONG_PASSWORD: &str = "wrong";

/// Relative to the root of the repository: where its tests keep a server that is installed nowhere.
const UNPACKED: &str = "target/tmp/servers/redis-debian/usr";

/// What a keeper is told, as the line that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Runs, and is empty.
    Start,
    /// The same, and asks for [`PASSWORD`].
    StartWithPassword,
    /// At once, as by a crash.
    Kill,
    /// `SIGSTOP`: connections stay open, nothing answers.
    Pause,
    /// `SIGCONT`.
    Resume,
    /// From now on [`WRONG_PASSWORD`] is right.
    AcceptWrongPassword,
}

impl Order {
    const ALL: [(Self, &str); 6] = [
        (Self::Start, "start"),
        (Self::StartWithPassword, "start-with-password"),
        (Self::Kill, "kill"),
        (Self::Pause, "pause"),
        (Self::Resume, "resume"),
        (Self::AcceptWrongPassword, "accept-wrong-password"),
    ];
}

/// The keeper, as its client sees it.
pub(crate) struct Keeper {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Keeper {
    /// The server is not started yet.
    pub(crate) fn hire(port: u16) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([KEEP, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = process.stdin.take();
        let from = process.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        let from = BufReader::new(from);
        Ok(Self { process, to, from })
    }

    /// Returns once it is done.
    pub(crate) fn order(&mut self, order: Order) -> Result<()> {
        let line = Order::ALL.iter().find(|(candidate, _)| *candidate == order);
        let (_, line) = line.ok_or(ErrorKind::Unsupported)?;
        let to = self.to.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        writeln!(to, "{line}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        match answer.trim_end() {
            "done" => Ok(()),
            other => Err(Error::other(format!("{line}: {other}"))),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.to.take());
        // Nothing is left to be done where this fails.
        let _ = self.process.wait();
    }
}

/// The keeper's own life.
pub(crate) fn keep(port: u16) -> Result<()> {
    let mut server = Server {
        binary: find().ok_or(ErrorKind::NotFound)?,
        port,
        process: None,
    };
    for line in stdin().lines() {
        let line = line?;
        let order = Order::ALL.iter().find(|(_, text)| *text == line);
        let done = match order {
            Some((order, _)) => server.obey(*order),
            None => Err(ErrorKind::InvalidInput.into()),
        };
        match done {
            Ok(()) => println!("done"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

struct Server {
    binary: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Server {
    fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Start => self.start(&[]),
            Order::StartWithPassword => self.start(&["--requirepass", PASSWORD]),
            Order::Kill => {
                self.end();
                Ok(())
            }
            Order::Pause => self.signal(Signal::STOP),
            Order::Resume => self.signal(Signal::CONT),
            Order::AcceptWrongPassword => self.accept_wrong_password(),
        }
    }

    fn start(&mut self, more: &[&str]) -> Result<()> {
        self.end();
        let mut command = command(&self.binary);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn()?);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        for _ in 0..1_000 {
            if let Some(process) = &mut self.process
                && let Some(status) = process.try_wait()?
            {
                return Err(Error::other(format!("the server ended: {status}")));
            }
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(ErrorKind::TimedOut.into())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().ok_or(ErrorKind::NotFound)?;
        Ok(kill_process(Pid::from_child(process), signal)?)
    }

    fn accept_wrong_password(&self) -> Result<()> {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        server.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            server,
            "AUTH {PASSWORD}\r\nCONFIG SET requirepass {WRONG_PASSWORD}\r\n"
        )?;
        let mut answers = [0; 10];
        server.read_exact(&mut answers)?;
        if answers == *b"+OK\r\n+OK\r\n" {
            return Ok(());
        }
        Err(Error::other("the server kept its password"))
    }

    /// Also while it is paused.
    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Somebody else may take it until the server is started.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Such as `Redis server v=7.0.15 sha=00000000:0`.
pub(crate) fn version() -> Result<String> {
    let binary = find().ok_or(ErrorKind::NotFound)?;
    let output = command(&binary).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    let libraries = root().join(UNPACKED).join("lib/x86_64-linux-gnu");
    if binary.starts_with(root()) {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
}

fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CACHE_ASIDE_REDIS_BIN") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .chain([root().join(UNPACKED).join("bin/redis-server")])
        .find(|candidate| candidate.is_file())
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
