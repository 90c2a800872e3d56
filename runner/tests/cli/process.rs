//! A program that is watched while it runs.

use lab_base::clock;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, pipe2};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStderr};

/// For anything that is waited for. Only a broken program, or a machine that stands still, takes as long.
pub(super) const DEADLINE: Duration = Duration::from_mins(3);

/// Runs a future on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) command: String,
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// Asserts how it ended.
    #[track_caller]
    pub(super) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Asserts that a signal ended it.
    #[track_caller]
    pub(super) fn signal(self, signal: Signal) -> Self {
        assert_eq!(self.status.signal(), Some(signal as i32), "{self}");
        self
    }

    /// Asserts that it has written nothing to standard error.
    #[track_caller]
    pub(super) fn quiet(self) -> Self {
        assert_eq!(self.stderr, "", "{self}");
        self
    }

    /// Asserts that standard error is one line, this one after `lab: `.
    #[track_caller]
    pub(super) fn says(self, message: &str) -> Self {
        assert_eq!(self.stderr, format!("lab: {message}\n"), "{self}");
        self
    }

    /// Asserts that standard error is one line after `lab: `, with all of these in it.
    #[track_caller]
    pub(super) fn mentions(self, parts: &[&str]) -> Self {
        let line = self.stderr.strip_prefix("lab: ").and_then(|rest| rest.strip_suffix('\n'));
        assert!(line.is_some_and(|line| !line.contains('\n')), "not one message: {self}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part} is not in: {self}");
        }
        self
    }

    /// Asserts all of standard output.
    #[track_caller]
    pub(super) fn prints(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{self}");
        self
    }

    /// Asserts that this is within standard output.
    #[track_caller]
    pub(super) fn shows(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "{part:?} is not in: {self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, status, stdout, stderr } = self;
        write!(f, "`{command}`: {status}\n--- standard output\n{stdout}--- standard error\n{stderr}---")
    }
}

/// A program that runs, at most one write to its standard output ahead of what was read of it: what follows the next
/// line but one is sure to happen after the test has gone on.
#[derive(Debug)]
pub(super) struct Running {
    command: String,
    child: Child,
    pid: Pid,
    /// None once the reader is gone.
    stdout: Option<Receiver>,
    stderr: ChildStderr,
    /// As octets: where a packet ends says nothing of where a character does.
    read: Vec<u8>,
    /// How much of it was handed out as lines.
    told: usize,
    // Last: what is above is dropped within it.
    runtime: tokio::runtime::Runtime,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let line = format!("{command:?}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let guard = runtime.enter();
        let (read, write) = one_write_ahead();
        command.stdin(Stdio::null()).stdout(write).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let spawned = command.process_group(0).kill_on_drop(true).spawn();
        // The pipe's other end is the program's alone from here on.
        drop(command);
        let mut child = spawned.unwrap_or_else(|error| panic!("{line} cannot be started: {error}"));
        let pid = Pid::from_raw(child.id().unwrap().cast_signed());
        let stderr = child.stderr.take().unwrap();
        let stdout = Some(Receiver::from_owned_fd(read).unwrap());
        drop(guard);
        Self { command: line, child, pid, stdout, stderr, read: Vec::new(), told: 0, runtime }
    }

    /// Reads on, until a line is whole or there are no more. None for that.
    #[track_caller]
    pub(super) fn line(&mut self) -> Option<String> {
        loop {
            let rest = &self.read[self.told..];
            if let Some(length) = rest.iter().position(|octet| *octet == b'\n') {
                let line = String::from_utf8_lossy(&rest[..length]).into_owned();
                self.told += length + 1;
                return Some(line);
            }
            let stdout = self.stdout.as_mut().expect("somebody reads");
            if !self.runtime.block_on(read_more(stdout, &mut self.read)) {
                return None;
            }
        }
    }

    /// Reads on to the line that holds this.
    #[track_caller]
    pub(super) fn line_with(&mut self, part: &str) -> String {
        loop {
            match self.line() {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("no line with {part:?} in: {}", String::from_utf8_lossy(&self.read)),
            }
        }
    }

    /// Nobody reads its standard output any more.
    pub(super) fn stop_reading(&mut self) {
        let _guard = self.runtime.enter();
        self.stdout = None;
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// As a terminal does on Ctrl-C.
    pub(super) fn signal_group(&self, signal: Signal) {
        killpg(self.pid, signal).unwrap();
    }

    /// Waits until it has ended and nobody holds its output any more.
    #[track_caller]
    pub(super) fn finish(self) -> Ended {
        let Self { command, mut child, mut stdout, mut stderr, mut read, runtime, .. } = self;
        let mut said = Vec::new();
        let ended = runtime.block_on(async {
            let reading = async {
                if let Some(stdout) = &mut stdout {
                    while read_more(stdout, &mut read).await {}
                }
            };
            let all = async { tokio::join!(reading, stderr.read_to_end(&mut said), child.wait()).2 };
            clock::within(DEADLINE, "the end of the program and of its output", all).await
        });
        let [stdout, stderr] = [read, said].map(|octets| String::from_utf8_lossy(&octets).into_owned());
        match ended {
            Ok(status) => Ended { command, status: status.unwrap(), stdout, stderr },
            Err(error) => panic!("`{command}`: {error}\n--- standard output\n{stdout}--- standard error\n{stderr}"),
        }
    }
}

/// False at the end of the stream.
async fn read_more(stdout: &mut Receiver, into: &mut Vec<u8>) -> bool {
    // A packet is a page at most, and what does not fit here is lost.
    let mut packet = vec![0; 64 * 1024];
    let read = clock::within(DEADLINE, "more output", stdout.read(&mut packet)).await;
    let length = read.unwrap_or_else(|error| panic!("{error} after: {}", String::from_utf8_lossy(into))).unwrap();
    into.extend_from_slice(&packet[..length]);
    length > 0
}

/// A pipe that holds one write: packets (`O_DIRECT`, pipe(2)) have a page each, and this pipe has one page.
fn one_write_ahead() -> (OwnedFd, OwnedFd) {
    let (read, write) = pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC).unwrap();
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(1)).unwrap();
    (read, write)
}
