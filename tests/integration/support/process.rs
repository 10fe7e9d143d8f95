//! Other processes: none survives the test binary, and some are the test binary itself.
//!
//! A child process of a test plays a role (`tests/integration/roles.rs`). The two talk in lines over
//! the child's stdin and stdout; lines of the talk carry a mark, so that whatever else is printed
//! does not disturb them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child as StdChild, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc as std_mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How long anything is waited for, unless the name says otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// What children wait for may be a parent that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

const MARK: &str = "\u{2}role\u{2}";
const ROLE: &str = "CACHE_ASIDE_TEST_ROLE";
const ENTRY: &str = "roles::child_process";

/// Starts a process that the kernel kills when the test binary is gone, however it went. Returns when
/// the kernel knows.
///
/// `setpriv` of util-linux asks for that. The request is bound to the thread that starts the process, so one
/// thread that never ends starts them all. Where there is no `setpriv`, only destructors end processes.
pub(crate) fn spawn(program: &str, set_up: impl FnOnce(&mut Command)) -> io::Result<StdChild> {
    type Job = (Command, std_mpsc::Sender<io::Result<StdChild>>);
    static SPAWNER: OnceLock<std_mpsc::Sender<Job>> = OnceLock::new();

    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = std_mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, reply) in queue {
                // Whoever asked waits for the reply.
                let _ = reply.send(command.spawn());
            }
        });
        jobs
    });
    let mut command = if has_setpriv() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]);
        command
    } else {
        Command::new(program)
    };
    set_up(&mut command);
    let (reply, answer) = std_mpsc::channel();
    spawner
        .send((command, reply))
        .expect("the spawner never ends");
    let child = answer.recv().expect("the spawner answers")?;
    // A process that is stopped or loses its parent before it asked would stay for ever.
    for _ in 0..LIMIT.as_millis() {
        // Not its name, which changes a moment after `spawn` returns.
        let runs = std::fs::read_link(format!("/proc/{}/exe", child.id()));
        if !runs.is_ok_and(|runs| runs.ends_with("setpriv")) {
            return Ok(child);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("setpriv does not start {program}");
}

fn has_setpriv() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let mut probe = Command::new("setpriv");
        probe.args(["--pdeathsig", "KILL", "--", "true"]);
        probe.stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

/// A process with its end: killed and reaped when dropped, also in a panic.
pub(crate) struct Process {
    child: StdChild,
}

impl Process {
    pub(crate) fn new(child: StdChild) -> Self {
        Self { child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it; on return it does not run any more.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        for _ in 0..LIMIT.as_millis() {
            if !matches!(state_of(self.pid()), Some(state) if state != 'T') {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("process {} does not stop", self.pid());
    }

    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn kill(&mut self) {
        // Fails where the process was reaped already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of this process")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("the process is there");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `T` for a process that is stopped; nothing where the system does not tell.
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The test binary once more, in a role.
pub(crate) struct Child {
    role: String,
    process: Process,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
    /// Everything it printed, for the one who looks for the reason.
    printed: Arc<Mutex<String>>,
}

impl Child {
    pub(crate) async fn spawn(role: &str, env: &[(&str, &str)]) -> Self {
        let program = std::env::current_exe().expect("the test binary");
        let program = program.to_str().expect("a path in UTF-8");
        let mut child = spawn(program, |command| {
            command
                .args(["--exact", ENTRY, "--ignored", "--nocapture"])
                .args(["--test-threads", "1"])
                .env(ROLE, role)
                .envs(env.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        })
        .expect("the test binary starts");
        let (stdin, stdout, stderr) = (
            child.stdin.take().expect("piped"),
            child.stdout.take().expect("piped"),
            child.stderr.take().expect("piped"),
        );
        let printed = Arc::<Mutex<String>>::default();
        let (marked, lines) = mpsc::unbounded_channel();
        follow(stdout, printed.clone(), Some(marked));
        follow(stderr, printed.clone(), None);
        Self {
            role: role.to_owned(),
            process: Process::new(child),
            stdin,
            lines,
            printed,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn send(&mut self, line: &str) {
        let sent = writeln!(self.stdin, "{line}").and_then(|()| self.stdin.flush());
        if sent.is_err() {
            self.fail(&format!("gone before `{line}` was sent"));
        }
    }

    /// The next line of the talk.
    pub(crate) async fn receive(&mut self) -> String {
        match timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => self.fail("ended before its next line"),
            Err(_) => self.fail("said nothing in time"),
        }
    }

    /// The next line must be this one.
    pub(crate) async fn expect(&mut self, line: &str) {
        let received = self.receive().await;
        if received != line {
            self.fail(&format!("said `{received}` instead of `{line}`"));
        }
    }

    /// What follows `name` and a space in the next line.
    pub(crate) async fn value(&mut self, name: &str) -> String {
        let received = self.receive().await;
        match received.split_once(' ') {
            Some((first, value)) if first == name => value.to_owned(),
            _ => self.fail(&format!("said `{received}` instead of a `{name}`")),
        }
    }

    pub(crate) fn stop(&self) {
        self.process.stop();
    }

    pub(crate) fn cont(&self) {
        self.process.cont();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() {
            if let Some(status) = self.process.ended() {
                return status;
            }
            sleep(Duration::from_millis(1)).await;
        }
        self.fail("did not end in time")
    }

    /// Waits for its end, which must be a good one.
    pub(crate) async fn ends_well(mut self) {
        let status = self.wait().await;
        if !status.success() {
            self.fail(&format!("ended with {status}"));
        }
    }

    fn fail(&self, how: &str) -> ! {
        let printed = self.printed.lock().expect("no panic inside");
        panic!("child `{}` {how}; it printed:\n{printed}", self.role)
    }
}

/// Reads to the end on a thread of its own: a child never waits for a parent that does not read.
fn follow(
    from: impl Read + Send + 'static,
    printed: Arc<Mutex<String>>,
    marked: Option<mpsc::UnboundedSender<String>>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if let (Some(marked), Some((_, told))) = (&marked, line.split_once(MARK)) {
                // The test may be over.
                let _ = marked.send(told.to_owned());
            }
            let mut printed = printed.lock().expect("no panic inside");
            printed.push_str(&line);
            printed.push('\n');
        }
    });
}

/// What a role knows of the process that started it.
pub(crate) struct Parent {
    role: String,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Parent {
    /// Nothing in a process that no test started. The process ends when its parent is gone.
    pub(crate) fn of_this_process() -> Option<Self> {
        let role = std::env::var(ROLE).ok()?;
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
            std::process::exit(3);
        });
        Some(Self { role, lines })
    }

    pub(crate) fn role(&self) -> String {
        self.role.clone()
    }

    pub(crate) fn env(&self, name: &str) -> String {
        let value = std::env::var(name);
        value.unwrap_or_else(|_| panic!("role `{}` needs {name}", self.role))
    }

    pub(crate) fn send(&self, line: &str) {
        assert!(
            !line.contains('\n'),
            "role `{}`: one line at a time",
            self.role
        );
        let mut stdout = io::stdout().lock();
        // One write: other threads may print without the lock that is held here.
        stdout
            .write_all(format!("\n{MARK}{line}\n").as_bytes())
            .and_then(|()| stdout.flush())
            .expect("the parent listens");
    }

    pub(crate) async fn receive(&mut self) -> String {
        let received = timeout(PATIENCE, self.lines.recv()).await;
        received
            .unwrap_or_else(|_| panic!("role `{}` was told nothing in time", self.role))
            .expect("the process ends with its parent")
    }

    pub(crate) async fn expect(&mut self, line: &str) {
        assert_eq!(self.receive().await, line, "role `{}`", self.role);
    }
}
