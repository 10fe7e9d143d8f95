//! This program once more, as another process that is talked to in lines.

use std::io::{BufRead, BufReader, ErrorKind, Result, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Lives no longer than its owner: it ends when nobody can write to it any more.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take();
        let from = child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
        let from = BufReader::new(from);
        Ok(Self { child, to, from })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let to = self.to.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        writeln!(to, "{line}")
    }

    /// The words of its next line.
    pub(crate) fn hear(&mut self) -> Result<Vec<String>> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.split_whitespace().map(str::to_owned).collect())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.to.take());
        // Nothing is left to be done where this fails.
        let _ = self.child.wait();
    }
}

/// In the other process: hears its owner's lines, and ends with it.
pub(crate) fn each_line(mut told: impl FnMut(String) + Send + 'static) {
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            told(line);
        }
        exit(0);
    });
}

/// Since some moment that is the same for all processes of the machine.
pub(crate) fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}
