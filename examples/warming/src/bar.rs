//! How far a round is: one line that is redrawn on a terminal, a line for each tenth elsewhere.

use std::io::{self, IsTerminal as _, Stdout, Write};

use crate::rounds::Progress;

#[cfg(test)]
mod tests;

const WIDTH: usize = 30;

/// Whoever closes the output does not want to see it: what cannot be written is left.
pub(crate) struct Bar<W> {
    out: W,
    redraws: bool,
    /// The step that is shown: a percentage, or a tenth.
    shown: Option<usize>,
}

impl Bar<Stdout> {
    pub(crate) fn on_stdout() -> Self {
        let stdout = io::stdout();
        let redraws = stdout.is_terminal();
        Self::new(stdout, redraws)
    }
}

impl<W: Write> Bar<W> {
    /// `redraws`: whether `out` is a terminal.
    pub(crate) fn new(out: W, redraws: bool) -> Self {
        Self {
            out,
            redraws,
            shown: None,
        }
    }

    /// Writes only where there is something new to see, so it may be called for each key.
    pub(crate) fn show(&mut self, progress: &Progress) {
        let steps = if self.redraws { 100 } else { 10 };
        let step = steps * progress.done() / progress.total.max(1);
        if self.shown.replace(step) == Some(step) {
            return;
        }
        let line = line(progress);
        let _ = match (self.redraws, progress.done() == progress.total) {
            (false, _) => writeln!(self.out, "{line}"),
            (true, false) => write!(self.out, "\r{line}"),
            (true, true) => writeln!(self.out, "\r{line}"),
        };
        let _ = self.out.flush();
    }

    /// A line below it.
    pub(crate) fn tell(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }
}

/// Never shorter than the one before: it grows with what it counts.
fn line(progress: &Progress) -> String {
    let (done, total) = (progress.done(), progress.total);
    let full = WIDTH * done / total.max(1);
    let (full, empty) = ("#".repeat(full), "-".repeat(WIDTH - full));
    let percent = 100 * done / total.max(1);
    let failed = match progress.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!("warming [{full}{empty}] {percent:3} % {done}/{total}{failed}")
}
