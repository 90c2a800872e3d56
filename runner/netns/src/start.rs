//! Starts a lab, attaches to one that is up, and lets a lab outlive this process.

use async_recursion::async_recursion as boxed;
use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ChildStdin;
use std::time::Duration;
use tokio::sync::Mutex;

use super::client::Client;
use super::control::Description;
use super::holder::STAY;
use super::lab::NetnsLab;
use super::plan::{Plan, Spec};
use super::teardown::INTERVAL;
use lab_backend::LabError;
use lab_backend::state::{LabState, Life, ProcessId, StateDir, StateError};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::exec;
use lab_base::exec::{Exit, Invocation, Running};

/// How long the holder may take until it has made its namespaces and listens.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Name of the file in the state folder that a detached holder writes to when it fails.
const LOG_FILE: &str = "holder.log";

/// How long a lab lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It ends when this process ends, however that happens.
    Tied,
    /// Until [`NetnsLab::stay`] it ends with this process; afterwards it stays until `lab down`.
    Detached,
}

/// What keeps a holder running: the open pipe to its standard input.
#[derive(Debug)]
pub(super) enum Tie {
    /// The holder never outlives this; dropping it kills the holder.
    Tied { running: Box<Running> },
    /// The holder outlives this only once [`STAY`] was written to the pipe.
    Detached(ChildStdin),
}

impl NetnsLab {
    /// Starts a lab. Its namespaces exist when this returns, with nothing in them yet.
    ///
    /// `program` is this program's own file, which is started again as the holder and as the probe.
    ///
    /// # Errors
    /// When the name is taken, the topology does not fit, or the namespaces cannot be made. Nothing is left then.
    pub async fn start(program: &Path, name: &str, spec: Spec, lifetime: Lifetime) -> Result<Self, LabError> {
        Self::start_in(program, StateDir::claim(name)?, spec, lifetime).await
    }

    /// Starts a lab in a state folder that has been claimed. The folder is removed when this fails.
    ///
    /// # Errors
    /// When the topology does not fit, or the namespaces cannot be made.
    #[boxed(?Send)]
    pub async fn start_in(program: &Path, state: StateDir, spec: Spec, lifetime: Lifetime) -> Result<Self, LabError> {
        let plan = match Plan::new(spec) {
            Ok(plan) => plan,
            Err(error) => {
                state.remove()?;
                return Err(LabError::HolderNotStarted { why: error.to_string() });
            }
        };
        match Self::start_claimed(program, state.clone(), plan, lifetime).await {
            Ok(lab) => Ok(lab),
            Err(error) => {
                state.remove()?;
                Err(error)
            }
        }
    }

    async fn start_claimed(program: &Path, state: StateDir, plan: Plan, lifetime: Lifetime) -> Result<Self, LabError> {
        let spec = serde_json::to_string(&plan.spec).map_err(|error| LabError::Probe(error.to_string()))?;
        let invocation =
            Invocation::new(program).args(["hold", "--spec", spec.as_str(), "--state"]).args([state.path()]);
        let log = state.path().join(LOG_FILE);
        let (pid, tie) = match lifetime {
            Lifetime::Tied => {
                let running = Box::new(invocation.open()?);
                (running.id(), Tie::Tied { running })
            }
            Lifetime::Detached => {
                let scratch = |source| LabError::Scratch { path: log.clone(), source };
                let file = File::create(&log).map_err(scratch)?;
                let other = file.try_clone().map_err(scratch)?;
                let (pid, stdin) = invocation.args(["--own-session"]).detach(file, other)?;
                let stdin = stdin.ok_or_else(|| scratch(std::io::ErrorKind::BrokenPipe.into()))?;
                (Some(pid), Tie::Detached(stdin))
            }
        };
        let holder_error = || match &tie {
            Tie::Tied { running } => running.last_stderr_lines(),
            Tie::Detached(_) => std::fs::read_to_string(&log).unwrap_or_default().trim().to_owned(),
        };
        let connected = clock::until(START_DEADLINE, INTERVAL, "the lab's namespaces", async || {
            match Client::connect(state.name(), state.path()).await {
                Ok(client) => Poll::Ready(client),
                Err(_) if !holder_error().is_empty() => Poll::Failed(holder_error()),
                Err(error) => match pid.and_then(exec::ended) {
                    // A holder that fails writes an error first; one that a signal ended does not.
                    Some(end @ Exit::Signal(_)) => {
                        Poll::Failed(format!("the process that makes them was ended by {end}"))
                    }
                    _ => Poll::NotYet(error.to_string()),
                },
            }
        })
        .await;
        let mut client = connected.map_err(|error| LabError::HolderNotStarted {
            why: match error {
                clock::WaitError::Failed { reason, .. } => reason,
                deadline @ clock::WaitError::Deadline { .. } => deadline.to_string(),
            },
        })?;
        let user_namespace = !nix::unistd::geteuid().is_root();
        let holder = ProcessId::of(client.pid()).map_err(|error| LabError::HolderGone {
            name: state.name().to_owned(),
            pid: client.pid(),
            why: Some(error.to_string()),
        })?;
        state.write(&LabState::held(state.name(), plan.spec.routing, holder, user_namespace))?;
        let description = client.describe().await?;
        Self::assemble(program, state, user_namespace, plan, client, description, Some(tie))
    }

    fn assemble(
        program: &Path,
        state: StateDir,
        user_namespace: bool,
        plan: Plan,
        client: Client,
        description: Description,
        tie: Option<Tie>,
    ) -> Result<Self, LabError> {
        let scratch = tempfile::Builder::new()
            .prefix("captures")
            .tempdir_in(state.path())
            .map_err(|source| LabError::Scratch { path: state.path().to_owned(), source })?;
        Ok(Self {
            program: program.to_owned(),
            state,
            user_namespace,
            plan,
            client: Mutex::new(client),
            description: RefCell::new(description),
            scratch,
            traffic: RefCell::new(None),
            doing: RefCell::new("nothing had been asked".to_owned()),
            tie,
        })
    }

    /// Attaches to a lab that is up.
    ///
    /// # Errors
    /// When there is none of this name, or its holder is gone.
    #[boxed(?Send)]
    pub async fn attach(program: &Path, name: &str) -> Result<Self, LabError> {
        let state = StateDir::open(name)?;
        let gone = |pid, why| LabError::HolderGone { name: name.to_owned(), pid, why };
        let Some(known) = state.read()? else {
            return Err(gone(0, Some("it was never completely started".to_owned())));
        };
        let Some(holder) = &known.holder else { return Err(gone(0, Some("no process holds it".to_owned()))) };
        // It is asked first: its number and its start time may be those of another namespace.
        let mut client = match (Client::connect(name, state.path()).await, state.life(&known)) {
            (Ok(client), _) => client,
            (Err(_), Life::Untold(why)) => return Err(state.untold(&why).into()),
            (Err(_), Life::Ended) => return Err(gone(holder.pid, None)),
            (Err(error), Life::Runs) => return Err(gone(holder.pid, Some(error.to_string()))),
        };
        // Its namespaces are entered through /proc/PID.
        if client.pid() == 0 {
            return Err(StateError::OutOfSight { name: name.to_owned() }.into());
        }
        let description = client.describe().await?;
        let plan = Plan::new(description.spec.clone()).map_err(|error| LabError::Probe(error.to_string()))?;
        Self::assemble(program, state, known.user_namespace, plan, client, description, None)
    }

    /// Lets a lab of [`Lifetime::Detached`] outlive this process. For other labs it does nothing.
    ///
    /// # Errors
    /// When its holder is gone.
    pub fn stay(mut self) -> Result<(), LabError> {
        let Some(Tie::Detached(mut stdin)) = self.tie.take() else { return Ok(()) };
        if let Some(known) = self.state.read()? {
            self.state.write(&LabState { stays: true, ..known })?;
        }
        stdin.write_all(STAY).map_err(|error| LabError::HolderGone {
            name: self.name().to_owned(),
            pid: self.holder_pid(),
            why: Some(error.to_string()),
        })
    }
}
