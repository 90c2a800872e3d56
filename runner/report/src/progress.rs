//! What is being waited for, on standard error, while it is waited for.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use lab_base::text::{columns, cut, one_line};

/// Where there is no terminal, a wait is mentioned after this time, and then after each further one.
const ON_A_PIPE: Duration = Duration::from_mins(1);

/// One line that is rewritten in place on a terminal; on a pipe a line a minute. Failures to write are passed over:
/// no run fails for want of a progress line.
///
/// Where standard output is the same terminal, [`clear`](Self::clear) comes before anything is printed there.
#[derive(Debug)]
pub struct Progress<W: Write> {
    out: W,
    /// A terminal's columns; none on a pipe.
    width: Option<usize>,
    /// The line on the terminal now; empty if there is none.
    shown: String,
    /// What is waited for, and how many minutes of that were told.
    told: (String, u64),
}

impl Progress<std::io::Stderr> {
    /// On this process's standard error.
    pub fn on_stderr() -> Self {
        let width = std::io::stderr().is_terminal().then(|| {
            let columns = terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _height)| width.0);
            columns.filter(|columns| *columns > 0).map_or(80, usize::from)
        });
        Self::new(std::io::stderr(), width)
    }
}

impl<W: Write> Progress<W> {
    /// On `out`; `width` is its columns if it is a terminal.
    pub const fn new(out: W, width: Option<usize>) -> Self {
        Self { out, width, shown: String::new(), told: (String::new(), 0) }
    }

    /// Still waiting for `condition`, of which `last` was seen last, since `elapsed` of at most `deadline`.
    pub fn waiting(&mut self, condition: &str, last: &str, elapsed: Duration, deadline: Duration) {
        let seen = if last.is_empty() { String::new() } else { format!(": {last}") };
        let line = format!("waiting for {condition}{seen}, {} s of {} s", elapsed.as_secs(), deadline.as_secs());
        let line = one_line(&line);
        match self.width {
            // The last column stays free: some terminals go to the next line once it is filled.
            Some(width) => self.rewrite(cut(&line, width.saturating_sub(1))),
            None => self.tell(condition, elapsed, &line),
        }
    }

    /// Still busy with `what`, of which `doing` is the part it is at, since `elapsed`.
    pub fn busy(&mut self, what: &str, doing: &str, elapsed: Duration) {
        let part = if doing.is_empty() { String::new() } else { format!(": {doing}") };
        let line = one_line(&format!("  … {what}{part}, {} s", elapsed.as_secs()));
        match self.width {
            Some(width) => self.rewrite(cut(&line, width.saturating_sub(1))),
            None => self.tell(what, elapsed, line.trim_start()),
        }
    }

    /// Busy with something that says nothing of itself; told on a terminal only.
    pub fn working(&mut self, what: &str) {
        if let Some(width) = self.width {
            self.rewrite(cut(&one_line(&format!("  … {what}")), width.saturating_sub(1)));
        }
    }

    /// Something that may take a minute begins: told on a pipe too, once.
    pub fn begins(&mut self, what: &str) {
        match self.width {
            Some(_) => self.working(what),
            None => {
                let _ = writeln!(self.out, "… {}", one_line(what)).and_then(|()| self.out.flush());
            }
        }
    }

    /// Takes the line away, if there is one.
    pub fn clear(&mut self) {
        self.rewrite(String::new());
    }

    fn rewrite(&mut self, line: String) {
        if line == self.shown {
            return;
        }
        // Overwritten with blanks, not erased with an escape: that works on a dumb terminal too.
        let rest = columns(&self.shown).saturating_sub(columns(&line));
        let back = if line.is_empty() { "\r" } else { "" };
        let _ = write!(self.out, "\r{line}{:rest$}{back}", "").and_then(|()| self.out.flush());
        self.shown = line;
    }

    fn tell(&mut self, condition: &str, elapsed: Duration, line: &str) {
        let minutes = elapsed.as_secs() / ON_A_PIPE.as_secs();
        // Less time than was told before: a new wait for the same condition has begun.
        if self.told.0 != condition || minutes < self.told.1 {
            self.told = (condition.to_owned(), 0);
        }
        if minutes > self.told.1 {
            self.told.1 = minutes;
            let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "3 nodes to be Ready";
    const LAST: &str = "kind-worker NotReady (cni plugin not initialized)";
    const DEADLINE: Duration = Duration::from_mins(5);

    fn written(width: Option<usize>, steps: impl FnOnce(&mut Progress<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        steps(&mut Progress::new(&mut out, width));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_is_rewritten_and_taken_away() {
        let text = written(Some(200), |progress| {
            progress.waiting(NODES, LAST, Duration::from_millis(9_900), DEADLINE);
            progress.waiting(NODES, LAST, Duration::from_millis(9_990), DEADLINE);
            progress.waiting(NODES, "", Duration::from_secs(10), DEADLINE);
        });
        let first = "waiting for 3 nodes to be Ready: kind-worker NotReady (cni plugin not initialized), 9 s of 300 s";
        let second = "waiting for 3 nodes to be Ready, 10 s of 300 s";
        let (rest, all) = (" ".repeat(first.len() - second.len()), " ".repeat(second.len()));
        assert_eq!(text, format!("\r{first}\r{second}{rest}\r{all}\r"));
    }

    #[test]
    fn the_line_never_wraps() {
        let text = written(Some(20), |progress| progress.waiting(NODES, LAST, Duration::ZERO, DEADLINE));
        assert!(text.starts_with("\rwaiting for 3 node…\r"), "{text:?}");
    }

    #[test]
    fn what_was_seen_cannot_break_the_line() {
        let text = written(Some(200), |progress| progress.waiting("x", "a\r\n\u{1b}[2Jb", Duration::ZERO, DEADLINE));
        assert!(text.starts_with("\rwaiting for x: a\\u{d} \\u{1b}[2Jb, 0 s"), "{text:?}");
    }

    #[test]
    fn what_begins_is_told_on_a_pipe_once_and_rewritten_on_a_terminal() {
        let steps = |progress: &mut Progress<&mut Vec<u8>>| {
            progress.begins("taking the lab down");
            progress.busy("taking the lab down", "removing the nodes", Duration::from_secs(1));
        };
        assert_eq!(written(None, steps), "… taking the lab down\n");
        let terminal = written(Some(80), steps);
        assert!(terminal.starts_with("\r  … taking the lab down\r"), "{terminal:?}");
        assert!(terminal.contains("\r  … taking the lab down: removing the nodes, 1 s"), "{terminal:?}");
    }

    #[test]
    fn a_pipe_hears_of_long_waits_once_a_minute() {
        let text = written(None, |progress| {
            for second in 0..=150 {
                progress.waiting(NODES, LAST, Duration::from_secs(second), DEADLINE);
            }
            progress.waiting("the API", "", Duration::from_secs(59), DEADLINE);
            progress.waiting(NODES, LAST, Duration::from_secs(61), DEADLINE);
        });
        let times: Vec<&str> = text.lines().map(|line| line.rsplit(", ").next().unwrap()).collect();
        assert_eq!(times, ["60 s of 300 s", "120 s of 300 s", "61 s of 300 s"]);
        assert!(!text.contains('\r'), "{text:?}");
    }
}
