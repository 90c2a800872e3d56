//! Commands in pods, through the API server (`pods/exec`, over a WebSocket).

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess};
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::call::{Api, garbled};
use super::error::ApiError;
use lab_base::clock;

/// The room for output that has arrived and was not read yet, in octets.
const BUFFER: usize = 64 * 1024;
/// More output than this is an error: no table of a node is that large. In octets.
const MOST: u64 = 64 * 1024 * 1024;

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodContainer {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
}

/// What a command in a pod printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodOutput {
    /// Its exit code.
    pub code: i32,
    /// All of its standard output, with U+FFFD where it is not UTF-8.
    pub stdout: String,
    /// All of its standard error, likewise.
    pub stderr: String,
}

impl Api {
    /// Runs a command in a container, to its end or the deadline.
    ///
    /// # Errors
    /// When it could not be started, or did not end in time. That it ended with another exit code than 0 is no error.
    #[boxed(?Send)]
    pub async fn exec(&self, at: &PodContainer, argv: &[&str], deadline: Duration) -> Result<PodOutput, ApiError> {
        self.exec_with(at, argv, &[], deadline).await
    }

    /// The same, with this on its standard input, of which the end cannot be told before Kubernetes 1.30
    /// (`v5.channel.k8s.io`): the command must know by itself how much it reads.
    ///
    /// # Errors
    /// As [`Self::exec`].
    #[boxed(?Send)]
    pub async fn exec_with(
        &self,
        at: &PodContainer,
        argv: &[&str],
        input: &[u8],
        deadline: Duration,
    ) -> Result<PodOutput, ApiError> {
        let call = running(at, argv);
        let ran = async {
            let mut command = self.started(at, argv, call.clone(), !input.is_empty()).await?;
            let mut ended = pin!(command.output.take().ended());
            // A command that ends before it has read everything says why by itself.
            let output = tokio::select! {
                output = &mut ended => output,
                written = command.write(input) => match (ended.await, written) {
                    (Err(_lost), Err(broken)) => return Err(broken),
                    (output, _written) => output,
                },
            };
            output.map_err(|problem| garbled(self.server(), &call, problem))
        };
        self.in_time(deadline, &call, ran).await
    }

    /// Starts a command that goes on while others run, and waits until a line of its standard error says that it does.
    /// `input` is written at once.
    ///
    /// # Errors
    /// As [`Self::exec`]; and when it ends before that line, with what it printed.
    #[boxed(?Send)]
    pub async fn open(
        &self,
        at: &PodContainer,
        argv: &[&str],
        input: &[u8],
        ready: &str,
        deadline: Duration,
    ) -> Result<OpenCommand, ApiError> {
        let call = running(at, argv);
        let opened = async {
            let mut command = self.started(at, argv, call.clone(), true).await?;
            command.write(input).await?;
            match command.output.until(ready).await {
                Ok(()) => Ok(command),
                Err(problem) => Err(garbled(self.server(), &call, problem)),
            }
        };
        self.in_time(deadline, &call, opened).await
    }

    async fn in_time<T>(
        &self,
        deadline: Duration,
        call: &str,
        what: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match clock::within(deadline, call, what).await {
            Ok(done) => done,
            Err(_late) => Err(ApiError::Unended { call: call.to_owned(), deadline }),
        }
    }

    async fn started(
        &self,
        at: &PodContainer,
        argv: &[&str],
        call: String,
        stdin: bool,
    ) -> Result<OpenCommand, ApiError> {
        let pods: kube::Api<Pod> = kube::Api::namespaced(self.client(), &at.namespace);
        let params = AttachParams::default()
            .container(&at.container)
            .stdin(stdin)
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(BUFFER)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER);
        let wrong = |error: &kube::Error| ApiError::from_kube(self.server(), &call, error);
        let mut process = pods.exec(&at.pod, argv.iter().copied(), &params).await.map_err(|error| wrong(&error))?;
        let input = process.stdin().map(|input| Box::new(input) as Box<dyn AsyncWrite + Unpin>);
        let output = Output {
            stdout: process.stdout().map(|stdout| Box::new(stdout) as Box<dyn AsyncRead + Unpin>),
            stderr: process.stderr().map(|stderr| Box::new(stderr) as Box<dyn AsyncRead + Unpin>),
            process: Some(process),
            said: Vec::new(),
        };
        Ok(OpenCommand { api: self.clone(), call, input, output })
    }
}

/// What is being done, for errors.
fn running(at: &PodContainer, argv: &[&str]) -> String {
    format!("run `{}` in pod {}/{}", argv.join(" "), at.namespace, at.pod)
}

/// A command that goes on. Dropped, its connection is closed, with which its standard input ends.
pub struct OpenCommand {
    api: Api,
    call: String,
    input: Option<Box<dyn AsyncWrite + Unpin>>,
    output: Output,
}

impl fmt::Debug for OpenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCommand").field("call", &self.call).finish_non_exhaustive()
    }
}

impl OpenCommand {
    async fn write(&mut self, input: &[u8]) -> Result<(), ApiError> {
        let Some(writer) = self.input.as_mut().filter(|_| !input.is_empty()) else { return Ok(()) };
        let written = async {
            writer.write_all(input).await?;
            writer.flush().await
        };
        written.await.map_err(|error| garbled(self.api.server(), &self.call, error.to_string()))
    }

    /// Writes this, at which the command ends by itself, and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time, or its output cannot be read.
    pub async fn finish(mut self, input: &[u8], deadline: Duration) -> Result<PodOutput, ApiError> {
        let (api, call) = (self.api.clone(), self.call.clone());
        let finished = async {
            self.write(input).await?;
            self.output.take().ended().await.map_err(|problem| garbled(api.server(), &call, problem))
        };
        api.in_time(deadline, &call, finished).await
    }
}

/// What comes from a command.
struct Output {
    stdout: Option<Box<dyn AsyncRead + Unpin>>,
    stderr: Option<Box<dyn AsyncRead + Unpin>>,
    process: Option<AttachedProcess>,
    /// What has come on standard error and was read.
    said: Vec<u8>,
}

impl Output {
    /// It, in the place of which nothing is left.
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self { stdout: None, stderr: None, process: None, said: Vec::new() })
    }

    /// Reads standard error until it has this line.
    async fn until(&mut self, line: &str) -> Result<(), String> {
        let mut chunk = [0; 1024];
        loop {
            if String::from_utf8_lossy(&self.said).lines().any(|said| said == line) {
                return Ok(());
            }
            let Some(stderr) = &mut self.stderr else { return Err("it has no standard error".to_owned()) };
            match stderr.read(&mut chunk).await.map_err(|error| error.to_string())? {
                0 => {
                    let ended = self.take().ended().await?;
                    return Err(format!("it ended with exit code {}: {}", ended.code, ended.stderr.trim()));
                }
                read => self.said.extend(&chunk[..read]),
            }
        }
    }

    /// Everything, and the exit code.
    async fn ended(self) -> Result<PodOutput, String> {
        let mut process = self.process.ok_or("it has ended already")?;
        let status = process.take_status();
        let (stdout, stderr) = tokio::join!(all(self.stdout), all(self.stderr));
        let (stdout, stderr) = (stdout?, String::from_utf8_lossy(&self.said).into_owned() + &stderr?);
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let status = status.ok_or("the connection ended before the command's exit code came")?;
        Ok(PodOutput { code: code_of(&status)?, stdout, stderr })
    }
}

/// All that comes, as text.
async fn all(stream: Option<impl AsyncRead + Unpin>) -> Result<String, String> {
    let mut octets = Vec::new();
    if let Some(stream) = stream {
        let read = stream.take(MOST).read_to_end(&mut octets).await.map_err(|error| error.to_string())?;
        if u64::try_from(read).is_ok_and(|read| read >= MOST) {
            return Err(format!("its output has more than {MOST} octets"));
        }
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// The exit code in a status (Kubernetes: `staging/src/k8s.io/apimachinery/pkg/util/remotecommand`,
/// `NonZeroExitCodeReason`).
fn code_of(status: &Status) -> Result<i32, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
    let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.and_then(|cause| cause.message.as_deref()?.parse().ok());
    code.ok_or_else(|| status.message.clone().unwrap_or_else(|| "it was not run".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(status: &serde_json::Value) -> Result<i32, String> {
        code_of(&serde_json::from_value(status.clone()).unwrap())
    }

    #[test]
    fn exit_codes_are_read_from_the_status() {
        use serde_json::json;
        assert_eq!(code(&json!({"metadata": {}, "status": "Success"})), Ok(0));
        let failed = json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code: exit status 2",
            "details": {"causes": [{"reason": "ExitCode", "message": "2"}]}});
        assert_eq!(code(&failed), Ok(2));
        let not_run = json!({"metadata": {}, "status": "Failure", "reason": "InternalError",
            "message": "exec: \"ip\": executable file not found in $PATH"});
        assert_eq!(code(&not_run).unwrap_err(), "exec: \"ip\": executable file not found in $PATH");
        assert_eq!(code(&json!({"metadata": {}})).unwrap_err(), "it was not run");
    }
}
