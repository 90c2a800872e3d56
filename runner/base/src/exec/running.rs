//! A program that runs and can still be talked to.

use async_recursion::async_recursion as boxed;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;

use super::{ExecError, Finished, last_line, last_lines};
use crate::clock;

/// A program that runs. Dropping it kills it, and everything in its process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
    argv: Vec<String>,
    begun: Instant,
    to_write: Vec<u8>,
    stdin: Option<ChildStdin>,
    stdout: watch::Receiver<Vec<u8>>,
    stderr: watch::Receiver<Vec<u8>>,
}

/// A program's standard error as it is written, to be shown while other code waits for the program's end.
#[derive(Debug)]
pub struct StderrLines(watch::Receiver<Vec<u8>>);

impl StderrLines {
    /// Passes each new last line to `show`, until the program closes its standard error.
    pub async fn follow(mut self, mut show: impl FnMut(&str)) {
        while self.0.changed().await.is_ok() {
            let text = String::from_utf8_lossy(&self.0.borrow_and_update()).into_owned();
            if let Some(line) = last_line(&text) {
                show(line);
            }
        }
    }
}

/// A process group that is killed when this is dropped, unless its leader has been waited for: after that its number
/// may already be another group's.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // An error means that the group has ended already; a destructor could not report one either.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Running {
    pub(super) fn new(mut child: Child, argv: Vec<String>, to_write: Vec<u8>) -> Self {
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Self { child, group, argv, begun: clock::now(), to_write, stdin, stdout: keep(stdout), stderr: keep(stderr) }
    }

    /// Its process id; none once it has been waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops it, as SIGSTOP does: it stays as it is, with all that it has open, and does nothing.
    ///
    /// # Errors
    /// The kernel's, or that it has ended.
    pub fn stop(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`Self::stop`].
    ///
    /// # Errors
    /// The kernel's, or that it has ended.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let group = self.group.0.ok_or_else(|| io::Error::other("it has ended"))?;
        Ok(killpg(group, signal)?)
    }

    fn command_line(&self) -> String {
        self.argv.join(" ")
    }

    fn io(&self, doing: &'static str, source: io::Error) -> ExecError {
        ExecError::Io { command: self.command_line(), doing, source }
    }

    /// The last lines that it has written to standard error so far.
    pub fn last_stderr_lines(&self) -> String {
        last_lines(&self.stderr.borrow())
    }

    /// What it writes to standard error from now on.
    pub fn stderr_lines(&self) -> StderrLines {
        StderrLines(self.stderr.clone())
    }

    /// Writes to its standard input, which stays open.
    ///
    /// # Errors
    /// [`ExecError::Io`], when the program has closed its standard input.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ExecError> {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let written = match &mut self.stdin {
            Some(stdin) => match stdin.write_all(bytes).await {
                Ok(()) => stdin.flush().await,
                Err(error) => Err(error),
            },
            None => Err(closed()),
        };
        written.map_err(|source| self.io("write to its standard input", source))
    }

    /// Waits for a whole line on its standard error. Lines that were written before count too.
    ///
    /// # Errors
    /// [`ExecError::NoLine`], when it closes standard error first; [`ExecError::Deadline`], when it does not write the
    /// line in time. It keeps running either way.
    #[boxed(?Send)]
    pub async fn wait_for_line(&mut self, line: &str, deadline: Duration) -> Result<(), ExecError> {
        let written = |stderr: &Vec<u8>| stderr.split(|&byte| byte == b'\n').any(|seen| seen == line.as_bytes());
        let waited = clock::within(deadline, line, self.stderr.wait_for(written)).await.map(|seen| seen.is_ok());
        let (command, stderr) = (self.command_line(), self.last_stderr_lines());
        match waited {
            Ok(true) => Ok(()),
            Ok(false) => Err(ExecError::NoLine { command, line: line.to_owned(), stderr }),
            Err(_passed) => Err(ExecError::Deadline { command, deadline, stderr }),
        }
    }

    /// Writes to its standard input, which stays open, and waits for the line with which it answers. When the program
    /// has ended already, the error is that of the wait, because it carries the last lines of standard error.
    ///
    /// # Errors
    /// As [`Self::wait_for_line`], then as [`Self::write`].
    #[boxed(?Send)]
    pub async fn call(&mut self, bytes: &[u8], answer: &str, deadline: Duration) -> Result<(), ExecError> {
        let written = self.write(bytes).await;
        self.wait_for_line(answer, deadline).await?;
        written
    }

    /// Writes what is still to be written to its standard input, closes it, and waits for its end.
    ///
    /// # Errors
    /// [`ExecError::Deadline`], when it has not ended and closed its output by then; its process group is killed.
    #[boxed(?Send)]
    pub async fn finish(mut self, deadline: Duration) -> Result<Finished, ExecError> {
        let write = async {
            if let Some(mut stdin) = self.stdin.take() {
                // A program may end without reading its input; its exit code and its output say whether that is wrong.
                let _ = stdin.write_all(&self.to_write).await;
            }
        };
        let all = async {
            let ((), (), (), status) =
                tokio::join!(write, closed(&mut self.stdout), closed(&mut self.stderr), self.child.wait());
            status
        };
        match clock::within(deadline, "the end of a program", all).await {
            Ok(Ok(status)) => {
                self.group.0 = None;
                Ok(Finished {
                    argv: std::mem::take(&mut self.argv),
                    exit: status.into(),
                    stdout: self.stdout.borrow().clone(),
                    stderr: self.stderr.borrow().clone(),
                    elapsed: self.begun.elapsed(),
                })
            }
            Ok(Err(source)) => Err(self.io("wait for its end", source)),
            Err(_passed) => {
                Err(ExecError::Deadline { command: self.command_line(), deadline, stderr: self.last_stderr_lines() })
            }
        }
    }
}

/// Reads a stream to its end in the background, so that the program never blocks on a full pipe.
fn keep(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> watch::Receiver<Vec<u8>> {
    let (kept, receiver) = watch::channel(Vec::new());
    if let Some(mut stream) = stream {
        tokio::spawn(async move {
            let mut chunk = vec![0; 16 * 1024];
            // Reading a pipe does not fail; an error would be treated as the end of the stream.
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                kept.send_modify(|bytes| bytes.extend_from_slice(&chunk[..length]));
            }
        });
    }
    receiver
}

async fn closed(stream: &mut watch::Receiver<Vec<u8>>) {
    while stream.changed().await.is_ok() {}
}
