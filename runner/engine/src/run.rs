//! Commands in containers, through the Engine's API (`POST /containers/{id}/exec`).

use async_recursion::async_recursion as boxed;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use lab_base::clock;
use lab_base::clock::Poll;

/// How often the Engine is asked whether a program has ended after its output has. It usually ends within milliseconds.
const ENDED_INTERVAL: Duration = Duration::from_millis(5);
/// How long a program may neither read its input nor write output until the Engine is asked whether it has ended.
/// Engine 20.10 does not report the end while it has input that the program has not read: it keeps the connection open,
/// for a minute or for ever.
const ASKED_AFTER: Duration = Duration::from_millis(500);
/// For a program that has ended without reading its input: after this long without output, its output counts as complete.
const QUIET: Duration = Duration::from_secs(5);
/// What the Engine writes in place of a program's output when its runtime could not start the program; newer Engines
/// refuse the request with the same text.
const NOT_STARTED: &str = "OCI runtime exec failed";
/// How many of the last lines on standard error an error carries.
const LAST_LINES: usize = 8;

/// A command that has ended in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code: 128 and the signal's number when a signal ended it.
    pub code: i64,
}

impl Ran {
    /// Whether it ended with code 0.
    pub const fn success(&self) -> bool {
        self.code == 0
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

/// What was received of standard output and standard error so far.
#[derive(Debug, Default)]
struct Streams {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A command that runs in a container. Its output is read in the background, so that it never blocks on it.
///
/// Dropping this closes its standard input and stops reading its output. It does not end the command: the Engine's API
/// cannot do that.
pub struct Started {
    engine: Engine,
    id: String,
    container: String,
    argv: Vec<String>,
    with_stdin: bool,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    reading: Reading,
    streams: watch::Receiver<Streams>,
}

/// The task that reads the output. It is aborted when this is dropped.
struct Reading(JoinHandle<Result<(), Error>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("container", &self.container).field("argv", &self.argv).finish_non_exhaustive()
    }
}

impl Engine {
    /// Runs a command in a container to its end. An exit code other than 0 is a result, not an error.
    ///
    /// # Errors
    /// [`EngineError::NotRunnable`] for a program that does not exist, [`EngineError::NotEnded`] for one that does not
    /// end in time, [`EngineError::Answered`] for a container that does not exist (404), [`EngineError::Halted`] for one
    /// that is paused or does not run.
    pub async fn exec(
        &self,
        container: &str,
        argv: impl IntoIterator<Item = impl Into<String>>,
        stdin: Vec<u8>,
        deadline: Duration,
    ) -> Result<Ran, EngineError> {
        let begun = clock::now();
        let started = self.start(container, argv, !stdin.is_empty()).await?;
        started.finish(&stdin, deadline.saturating_sub(begun.elapsed())).await
    }

    /// Starts a command in a container; standard input is empty, or written with [`Started::write`].
    ///
    /// # Errors
    /// As [`Engine::exec`].
    pub async fn start(
        &self,
        container: &str,
        argv: impl IntoIterator<Item = impl Into<String>>,
        with_stdin: bool,
    ) -> Result<Started, EngineError> {
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        let doing = format!("run `{}` in {container}", argv.join(" "));
        let config = ExecConfig {
            attach_stdin: Some(with_stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.clone()),
            ..ExecConfig::default()
        };
        let made = self.call(&doing, ASK_DEADLINE, self.docker.create_exec(container, config)).await;
        let made = made.map_err(|error| halted(container, error))?;
        let attached = self.call(&doing, ASK_DEADLINE, self.docker.start_exec(&made.id, None)).await;
        let attached = attached.map_err(|error| match error {
            EngineError::Answered { message, .. } if message.contains(NOT_STARTED) => {
                not_runnable(container, &argv, &message)
            }
            other => halted(container, other),
        })?;
        let StartExecResults::Attached { mut output, input } = attached else {
            let why = "it did not attach to the command".to_owned();
            return Err(EngineError::Broken { endpoint: self.endpoint(), doing, why });
        };
        let (kept, streams) = watch::channel(Streams::default());
        let read = async move {
            while let Some(message) = output.next().await {
                let message = message?;
                kept.send_modify(|streams| match message {
                    LogOutput::StdErr { message } => streams.stderr.extend_from_slice(&message),
                    LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                        streams.stdout.extend_from_slice(&message);
                    }
                });
            }
            Ok(())
        };
        let reading = Reading(tokio::spawn(read));
        Ok(Started {
            engine: self.clone(),
            id: made.id,
            container: container.to_owned(),
            argv,
            with_stdin,
            input,
            reading,
            streams,
        })
    }
}

impl Started {
    /// Writes to its standard input, which stays open. Waits while the program does not read.
    ///
    /// # Errors
    /// [`EngineError::Broken`], when the program has closed its standard input or has ended.
    #[boxed(?Send)]
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let doing = self.doing();
        let input = &mut self.input;
        let mut write = std::pin::pin!(async {
            input.write_all(bytes).await?;
            input.flush().await
        });
        let written = loop {
            match clock::within(ASKED_AFTER, &doing, write.as_mut()).await {
                Ok(written) => break written.map_err(|error| error.to_string()),
                Err(_passed) if self.engine.has_ended(&self.id, &doing).await => break Err("it has ended".to_owned()),
                Err(_passed) => {}
            }
        };
        let endpoint = self.engine.endpoint();
        written.map_err(|why| EngineError::Broken {
            endpoint,
            doing,
            why: format!("its standard input is closed: {why}"),
        })
    }

    /// Writes the rest of its standard input, closes it, and waits for the end of the program.
    ///
    /// # Errors
    /// As [`Engine::exec`].
    #[boxed(?Send)]
    pub async fn finish(self, rest: &[u8], deadline: Duration) -> Result<Ran, EngineError> {
        let doing = self.doing();
        let Self { engine, id, container, argv, with_stdin, mut input, mut reading, streams } = self;
        let mut news = streams.clone();
        let write = async {
            // A program may end without reading its input; its exit code and its output say whether that is wrong.
            let _ = input.write_all(rest).await;
            let _ = input.shutdown().await;
        };
        let mut all = std::pin::pin!(async { tokio::join!(write, &mut reading.0).1 });
        let to_the_end = async {
            let read = loop {
                match clock::within(ASKED_AFTER, &doing, all.as_mut()).await {
                    Ok(read) => break read,
                    Err(_passed) if !with_stdin || !engine.has_ended(&id, &doing).await => continue,
                    Err(_passed) => news.mark_unchanged(),
                }
                match clock::within(QUIET, &doing, all.as_mut()).await {
                    Ok(read) => break read,
                    // Nothing new came, or the output has ended and only the input is stuck: that was all.
                    Err(_passed) if !matches!(news.has_changed(), Ok(true)) => break Ok(Ok(())),
                    Err(_passed) => {}
                }
            };
            match read {
                Ok(Ok(())) => engine.exit_code(&id, &doing, deadline).await,
                // An Engine that closes the connection while input is unread resets it. All output has arrived by then;
                // the Engine may report the program's end a moment later.
                Ok(Err(error)) if with_stdin && is_reset(&error) => engine.exit_code(&id, &doing, deadline).await,
                Ok(Err(error)) => Err(engine.failed(&doing, error)),
                Err(stopped) => Err(EngineError::Broken {
                    endpoint: engine.endpoint(),
                    doing: doing.clone(),
                    why: stopped.to_string(),
                }),
            }
        };
        let ended = clock::within(deadline, &doing, to_the_end).await;
        let streams = streams.borrow();
        let not_ended = || EngineError::NotEnded {
            container: container.clone(),
            command: argv.join(" "),
            deadline,
            stderr: last_lines(&streams.stderr),
        };
        let code = ended.map_err(|_passed| not_ended())??;
        let (stdout, stderr) = (streams.stdout.clone(), streams.stderr.clone());
        let says = |stream: &[u8]| stream.starts_with(NOT_STARTED.as_bytes());
        if matches!(code, 126 | 127) && (says(&stdout) || says(&stderr)) {
            let message = if says(&stdout) { &stdout } else { &stderr };
            return Err(not_runnable(&container, &argv, &String::from_utf8_lossy(message)));
        }
        Ok(Ran { stdout, stderr, code })
    }

    fn doing(&self) -> String {
        format!("run `{}` in {}", self.argv.join(" "), self.container)
    }
}

impl Engine {
    /// Whether a program has ended. If the Engine does not answer this counts as no: the program's own connection breaks
    /// then, and that error is reported.
    async fn has_ended(&self, id: &str, doing: &str) -> bool {
        let asked = self.call(doing, ASK_DEADLINE, self.docker.inspect_exec(id)).await;
        asked.is_ok_and(|exec| exec.running != Some(true) && exec.exit_code.is_some())
    }

    /// The exit code of a program whose output has ended.
    async fn exit_code(&self, id: &str, doing: &str, deadline: Duration) -> Result<i64, EngineError> {
        let broken = |why: String| EngineError::Broken { endpoint: self.endpoint(), doing: doing.to_owned(), why };
        let ended = clock::until(deadline, ENDED_INTERVAL, doing, async || {
            match self.call(doing, ASK_DEADLINE, self.docker.inspect_exec(id)).await {
                Ok(exec) if exec.running == Some(true) => Poll::NotYet("it has closed its output and still runs"),
                Ok(exec) => {
                    Poll::Ready(exec.exit_code.ok_or_else(|| broken("the Engine reports no exit code".to_owned())))
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        });
        ended.await.unwrap_or_else(|error| Err(broken(error.to_string())))
    }
}

/// Whether the error means that the other end closed the connection while this end still wrote to it.
fn is_reset(error: &Error) -> bool {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| matches!(cause.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe))
}

/// Recognises the Engine's refusal to run a command in a container that is paused or stopped (moby, `daemon/exec.go`).
fn halted(container: &str, error: EngineError) -> EngineError {
    match &error {
        EngineError::Answered { status: 409, message, .. } if message.contains("is paused") => {
            EngineError::Halted { container: container.to_owned(), paused: true }
        }
        EngineError::Answered { status: 409, message, .. } if message.contains("is not running") => {
            EngineError::Halted { container: container.to_owned(), paused: false }
        }
        _ => error,
    }
}

fn not_runnable(container: &str, argv: &[String], message: &str) -> EngineError {
    // The innermost reason comes last: `…: exec: "curl": executable file not found in $PATH: unknown`.
    let why = message.trim().trim_end_matches(": unknown");
    let why = why.rsplit_once("exec: ").map_or(why, |(_, reason)| reason);
    let program = argv.first().cloned().unwrap_or_default();
    EngineError::NotRunnable { container: container.to_owned(), program, why: why.to_owned() }
}

fn last_lines(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
