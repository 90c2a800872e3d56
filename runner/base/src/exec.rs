//! The one place that starts processes.
//!
//! Everything is kept: arguments, output, how it ended and how long it took. What runs has a deadline and a process
//! group of its own, and is killed with that group when nobody waits for it any more. A program that ends with
//! another code than 0 is data; an error is a program that could not be run or did not end.

mod running;

use async_recursion::async_recursion as boxed;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use running::Running;

/// How many of the last lines on standard error an error carries.
const LAST_LINES: usize = 8;

/// A program and what it is started with.
#[derive(Debug, Clone)]
pub struct Invocation {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    stdin: Vec<u8>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(name) => write!(f, "signal {name}"),
                Err(_unnamed) => write!(f, "signal {signal}"),
            },
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        // A status that was waited for is either an exit or a signal; stopped children are not waited for.
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or_default()), Self::Code)
    }
}

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How it ended.
    pub exit: Exit,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
    /// From its start to its end.
    pub elapsed: Duration,
}

impl Finished {
    /// It ended with code 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    /// Its standard output as text; bytes that are not UTF-8 are replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard error as text; bytes that are not UTF-8 are replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Why a program could not be run, or did not end.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// There is no such program, or no interpreter for it: a script's `#!` line or the ELF loader names one.
    #[error("{program} was not found, or the interpreter that it names was not")]
    NotFound {
        /// The program as it was asked for.
        program: String,
    },
    /// The file exists, and the kernel does not run it.
    #[error("{program} cannot be executed")]
    NotExecutable {
        /// The program as it was asked for.
        program: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// It had not ended at its deadline, and was killed.
    #[error("`{command}` did not end within {deadline:?}{}", stderr_ends_with(stderr))]
    Deadline {
        /// The command line.
        command: String,
        /// The time that it was given.
        deadline: Duration,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// It ended, or closed its standard error, before it wrote a line that was waited for.
    #[error("`{command}` closed its standard error without the line `{line}`{}", stderr_ends_with(stderr))]
    NoLine {
        /// The command line.
        command: String,
        /// The line that was waited for.
        line: String,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// Talking to the program, or waiting for it, failed.
    #[error("`{command}`: cannot {doing}")]
    Io {
        /// The command line.
        command: String,
        /// What was tried.
        doing: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
}

fn stderr_ends_with(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; its standard error ends with: {stderr}") }
}

/// The last lines of what a program wrote to standard error.
fn last_lines(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// The last line that is not blank, without the blanks around it.
pub fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

impl Invocation {
    /// A program, by its path or by a name that is looked up in PATH.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        Self { program, args: Vec::new(), env: Vec::new(), directory: None, stdin: Vec::new() }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable; all others are inherited.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it in this directory instead of the current one.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// What it reads on standard input; nothing unless this is called.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The program and its arguments, for people and for evidence.
    pub fn argv(&self) -> Vec<String> {
        std::iter::once(&self.program).chain(&self.args).map(|part| part.to_string_lossy().into_owned()).collect()
    }

    fn command_line(&self) -> String {
        self.argv().join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// [`ExecError`], when it cannot be started, or does not end and close its output within the deadline. The whole
    /// process group is killed then.
    #[boxed(?Send)]
    pub async fn run(self, deadline: Duration) -> Result<Finished, ExecError> {
        self.open()?.finish(deadline).await
    }

    /// Starts it with standard input, output and error connected to the returned value, for a dialogue.
    /// Bytes given with [`Invocation::stdin`] are written by [`Running::finish`].
    ///
    /// # Errors
    /// [`ExecError`], when it cannot be started.
    pub fn open(self) -> Result<Running, ExecError> {
        let mut command = self.command();
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let child = command.spawn().map_err(|source| self.not_started(source))?;
        Ok(Running::new(child, self.argv(), self.stdin))
    }

    /// Starts it to outlive this program, its output in these files. Returns its process id and the end of the pipe
    /// that is its standard input, by which it can tell whether this program still runs.
    ///
    /// It must begin by calling [`lead_session`], and is not made the leader of a process group here because a
    /// leader cannot begin a session. Until this program ends, nobody reaps it.
    ///
    /// # Errors
    /// [`ExecError`], when it cannot be started.
    pub fn detach(self, stdout: File, stderr: File) -> Result<(u32, Option<ChildStdin>), ExecError> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        command.spawn().map(|mut child| (child.id(), child.stdin.take())).map_err(|source| self.not_started(source))
    }

    /// Starts it with this program's own standard input, output and error, to take over from this program, which ends
    /// next. Returns its process id.
    ///
    /// # Errors
    /// [`ExecError`], when it cannot be started.
    pub fn hand_over(self) -> Result<u32, ExecError> {
        self.command().spawn().map(|child| child.id()).map_err(|source| self.not_started(source))
    }

    /// Replaces this process by the program (execve(2)), which keeps the terminal and the file descriptors: for an
    /// interactive shell. Returns only on failure.
    pub fn replace(self) -> ExecError {
        let source = self.command().exec();
        self.not_started(source)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one constructor of processes, which all of the above go through"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    fn not_started(&self, source: io::Error) -> ExecError {
        let program = self.program.to_string_lossy().into_owned();
        match &self.directory {
            Some(directory) if !directory.is_dir() => {
                ExecError::Io { command: self.command_line(), doing: "enter its directory", source }
            }
            _ if source.kind() == io::ErrorKind::NotFound => ExecError::NotFound { program },
            _ => ExecError::NotExecutable { program, source },
        }
    }
}

/// How a child process of this one ended; none while it runs. The child is not reaped, so that it can still be waited
/// for.
pub fn ended(id: u32) -> Option<Exit> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let id = Id::Pid(nix::unistd::Pid::from_raw(i32::try_from(id).ok()?));
    match waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) {
        Ok(WaitStatus::Exited(_pid, code)) => Some(Exit::Code(code)),
        Ok(WaitStatus::Signaled(_pid, signal, _core)) => Some(Exit::Signal(signal as i32)),
        Ok(_) | Err(_) => None,
    }
}

/// Kills all processes of the group that this process is in: every process that [`Invocation::open`] starts leads a group
/// of its own, which outlives it in those that it has started. One that is in the caller's own group is killed alone. One
/// that has ended meanwhile is no error.
///
/// # Errors
/// The kernel's, when it is not this user's to kill.
pub fn kill_group_of(process: i32) -> io::Result<()> {
    use nix::errno::Errno;
    use nix::sys::signal::{Signal, kill, killpg};
    use nix::unistd::{Pid, getpgid, getpgrp};

    let process = Pid::from_raw(process);
    let killed = getpgid(Some(process)).and_then(|group| {
        if group == getpgrp() { kill(process, Signal::SIGKILL) } else { killpg(group, Signal::SIGKILL) }
    });
    match killed {
        Err(Errno::ESRCH) => Ok(()),
        other => other.map_err(io::Error::from),
    }
}

/// Begins a session of its own, away from the terminal and the process group of whoever started this program.
///
/// # Errors
/// The kernel's, when this process already leads a process group.
pub fn lead_session() -> io::Result<()> {
    nix::unistd::setsid().map(drop).map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
