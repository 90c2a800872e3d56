//! The runner's handle on a netns lab: starting one, finding one that is up, looking into it, ending it.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::time::Duration;
use tokio::sync::Mutex;

use super::client::Client;
use super::control::{Built, Description};
use super::holder::STAY;
use super::plan::{OUTSIDE_PORT, Plan, Spec};
use crate::backend::{LabError, StoredBase};
use crate::clock::{self, Poll};
use crate::exec::{self, Exit, Invocation, Running};
use crate::judge::seen::WireSeen;
use crate::observe::{NodeName, Place, Role};
use crate::probe::{Answered, Ask, Captures, Request};
use crate::stage::Stage;
use crate::state::{LabState, ProcessId, StateDir};
use crate::tamper::{Act, Tamper, Tampered};

/// For the holder to make its namespaces and listen.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// For a killed holder to be gone.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks at a process that starts or ends.
const INTERVAL: Duration = Duration::from_millis(1);
/// For one run of the probe: longer than the deadlines of all asks.
const PROBE_DEADLINE: Duration = Duration::from_secs(90);
/// What was seen before routing was installed, within the state folder.
const BASE_FILE: &str = "base.json";
/// What the holder says when it cannot go on, within the state folder.
const LOG_FILE: &str = "holder.log";

/// How long a lab lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It ends with this process, however that ends.
    Tied,
    /// It ends with this process until [`NetnsLab::stay`], and stays until `lab down` after.
    Detached,
}

/// What keeps a holder: its end of the holder's standard input.
#[derive(Debug)]
enum Tie {
    /// For good; dropping it kills the holder.
    Tied { running: Box<Running> },
    /// Until the lab is to stay.
    Detached(ChildStdin),
}

/// A netns lab.
#[derive(Debug)]
pub struct NetnsLab {
    program: PathBuf,
    state: StateDir,
    user_namespace: bool,
    plan: Plan,
    client: Mutex<Client>,
    description: RefCell<Description>,
    scratch: tempfile::TempDir,
    traffic: RefCell<Option<WireSeen>>,
    doing: RefCell<String>,
    /// None for a lab that stays.
    tie: Option<Tie>,
}

impl NetnsLab {
    /// Starts a lab: its namespaces exist, nothing is in them yet.
    ///
    /// `program` is this program's own file, which is started again as the holder and as the probe.
    ///
    /// # Errors
    /// When the name is taken, the topology does not fit, or the namespaces cannot be made. Nothing is left then.
    pub async fn start(program: &Path, name: &str, spec: Spec, lifetime: Lifetime) -> Result<Self, LabError> {
        Self::start_in(program, StateDir::claim(name)?, spec, lifetime).await
    }

    /// The same in a state folder that has been claimed. It is removed when this fails.
    ///
    /// # Errors
    /// When the topology does not fit, or the namespaces cannot be made.
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
        let said = || match &tie {
            Tie::Tied { running } => running.last_words(),
            Tie::Detached(_) => std::fs::read_to_string(&log).unwrap_or_default().trim().to_owned(),
        };
        let connected = clock::until(START_DEADLINE, INTERVAL, "the lab's namespaces", async || {
            match Client::connect(state.name(), state.path()).await {
                Ok(client) => Poll::Ready(client),
                Err(_) if !said().is_empty() => Poll::Failed(said()),
                // Of its own accord it ends with its last words.
                Err(_) if let Some(end @ Exit::Signal(_)) = pid.and_then(exec::ended) => {
                    Poll::Failed(format!("the process that makes them was ended by {end}"))
                }
                Err(error) => Poll::NotYet(error.to_string()),
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
        state.write(&LabState::new(state.name(), plan.spec.routing, holder, user_namespace))?;
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

    /// Finds a lab that is up.
    ///
    /// # Errors
    /// When there is none of this name, or its holder is gone.
    pub async fn attach(program: &Path, name: &str) -> Result<Self, LabError> {
        let state = StateDir::open(name)?;
        let gone = |pid, why| LabError::HolderGone { name: name.to_owned(), pid, why };
        let Some(known) = state.read()? else { return Err(gone(0, Some("it was never up".to_owned()))) };
        if !known.holder.is_alive() {
            return Err(gone(known.holder.pid, None));
        }
        let mut client = Client::connect(name, state.path())
            .await
            .map_err(|error| gone(known.holder.pid, Some(error.to_string())))?;
        let description = client.describe().await?;
        let plan = Plan::new(description.spec.clone()).map_err(|error| LabError::Probe(error.to_string()))?;
        Self::assemble(program, state, known.user_namespace, plan, client, description, None)
    }

    /// Lets a lab of [`Lifetime::Detached`] outlive this process. Of any other it changes nothing.
    ///
    /// # Errors
    /// When its holder is gone.
    pub fn stay(mut self) -> Result<(), LabError> {
        let Some(Tie::Detached(mut stdin)) = self.tie.take() else { return Ok(()) };
        stdin.write_all(STAY).map_err(|error| LabError::HolderGone {
            name: self.name().to_owned(),
            pid: self.holder_pid(),
            why: Some(error.to_string()),
        })
    }

    /// Builds a stage; the ones before it must have been built.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn build(&self, stage: Stage) -> Result<Built, LabError> {
        let mut client = self.client.lock().await;
        let built = client.build(stage).await?;
        *self.description.borrow_mut() = client.describe().await?;
        Ok(built)
    }

    /// Reaches a stage that is built by the holder, or observed here before the next is built. What came of it, in words.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn raise(&self, stage: Stage) -> Result<String, LabError> {
        if stage == Stage::BaseObserved {
            return self.observe_base().await;
        }
        self.build(stage).await.map(|built| built.summary)
    }

    /// Lets a node end, as if it had been stopped.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn stop_node(&self, node: &NodeName) -> Result<(), LabError> {
        let mut client = self.client.lock().await;
        client.stop_node(node).await?;
        *self.description.borrow_mut() = client.describe().await?;
        Ok(())
    }

    /// Stages that stand.
    pub fn built(&self) -> Vec<Stage> {
        self.description.borrow().built.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// What it was made from.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The nodes it should have, whether they run or not.
    pub fn nodes(&self) -> &[(NodeName, Role)] {
        &self.plan.spec.nodes
    }

    /// Where requests leave the native routing CIDR.
    pub fn outside(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.plan.gateway.addr(), OUTSIDE_PORT)
    }

    /// A folder for captures, gone with this handle.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The traffic that was observed last.
    pub fn traffic(&self) -> Option<WireSeen> {
        self.traffic.borrow().clone()
    }

    /// Keeps observed traffic for the cases that judge it.
    pub fn keep_traffic(&self, seen: WireSeen) {
        *self.traffic.borrow_mut() = Some(seen);
    }

    /// Stores what nodes showed before routing was installed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store_base(&self, base: &StoredBase) -> Result<(), LabError> {
        Ok(self.state.write_json(BASE_FILE, base)?)
    }

    /// What was stored then.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn base(&self) -> Result<Option<StoredBase>, LabError> {
        Ok(self.state.read_json(BASE_FILE)?)
    }

    fn holder_pid(&self) -> i32 {
        self.client.try_lock().map_or(0, |client| client.pid())
    }

    /// The file of a place's network namespace.
    ///
    /// # Errors
    /// When the lab has no such place.
    pub fn netns_file(&self, place: &Place) -> Result<PathBuf, LabError> {
        let description = self.description.borrow();
        let found = description.namespaces.iter().find(|(there, _)| there == place);
        let file = found.map(|(_, file)| Path::new("/proc").join(self.holder_pid().to_string()).join(file));
        file.ok_or_else(|| LabError::NoPlace {
            place: place.to_string(),
            name: self.name().to_owned(),
            there: description.namespaces.iter().map(|(place, _)| place.to_string()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The user namespace that must be entered first; none for a lab of root's.
    pub fn userns_file(&self) -> Option<PathBuf> {
        self.user_namespace.then(|| Path::new("/proc").join(self.holder_pid().to_string()).join("ns/user"))
    }

    /// The program, run so that it enters this lab's user namespace first.
    pub fn program(&self, subcommand: &str) -> Invocation {
        let invocation = Invocation::new(&self.program).args([subcommand]);
        match self.userns_file() {
            Some(userns) => invocation.args(["--userns"]).args([userns]),
            None => invocation,
        }
    }

    /// Looks into namespaces with one run of the probe. A place that the lab does not have (any more) is in its answer.
    ///
    /// # Errors
    /// When the probe could not be run or said something else than answers.
    pub async fn ask(&self, asks: Vec<(Place, Request)>) -> Result<Vec<Answered>, LabError> {
        let what = in_words(&asks);
        *self.doing.borrow_mut() = format!("{what}, without an answer yet");
        let (asks, missing) = self.locate(asks);
        let input = serde_json::to_vec(&asks).map_err(|error| LabError::Probe(error.to_string()))?;
        let answered = if asks.is_empty() {
            Vec::new()
        } else {
            Captures::answers(&self.program("probe").stdin(input).run(PROBE_DEADLINE).await?)?
        };
        *self.doing.borrow_mut() = format!("{what}, answered");
        merge(answered, missing)
    }

    /// What was asked last, and whether it was answered.
    pub fn doing(&self) -> String {
        self.doing.borrow().clone()
    }

    /// Starts captures; they run until they are stopped.
    ///
    /// # Errors
    /// When they cannot all be started.
    pub async fn capture(&self, wanted: Vec<(Place, Request)>) -> Result<Captures, LabError> {
        let (asks, missing) = self.locate(wanted);
        if let Some((_, missing)) = missing.into_iter().next() {
            return Err(LabError::Probe(missing.answer.err().unwrap_or_default()));
        }
        Captures::start(self.program("probe"), &asks).await
    }

    /// Makes changes within namespaces, in order: deliberate faults. They stand when this returns.
    ///
    /// # Errors
    /// When the lab has no such place, or a change could not be made.
    pub async fn tamper(&self, acts: Vec<(Place, Act)>) -> Result<Tampered, LabError> {
        let changes = acts
            .into_iter()
            .map(|(place, act)| Ok(Tamper { netns: self.netns_file(&place)?, act }))
            .collect::<Result<Vec<_>, LabError>>()?;
        Tampered::make(self.program("tamper"), &changes).await
    }

    /// The asks that can be made, and an answer for each that cannot, with its position.
    fn locate(&self, asks: Vec<(Place, Request)>) -> (Vec<Ask>, Vec<(usize, Answered)>) {
        let mut located = Vec::with_capacity(asks.len());
        let mut missing = Vec::new();
        for (position, (place, request)) in asks.into_iter().enumerate() {
            match self.netns_file(&place) {
                Ok(file) => located.push(Ask { place, netns: Some(file), request }),
                Err(error) => missing.push((position, Answered { place, answer: Err(error.to_string()) })),
            }
        }
        (located, missing)
    }

    /// Ends the lab: all its processes are gone, and the name is free.
    ///
    /// # Errors
    /// When its holder cannot be ended or its folder not removed.
    pub async fn down(self) -> Result<(), LabError> {
        let state = self.state.clone();
        // One that does not obey is killed; why it did not matters to nobody then.
        let _obeyed = self.client.lock().await.shut_down().await;
        drop(self);
        take_down(&state).await
    }
}

/// `view of kind-control-plane and 2 more`.
fn in_words(asks: &[(Place, Request)]) -> String {
    let Some((place, request)) = asks.first() else { return "nothing".to_owned() };
    let more = asks.len() - 1;
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} of {place}{others}", request.name())
}

/// Puts answers that were given without the probe where they belong.
fn merge(answered: Vec<Answered>, missing: Vec<(usize, Answered)>) -> Result<Vec<Answered>, LabError> {
    let mut all = answered;
    for (position, answer) in missing {
        if position > all.len() {
            return Err(LabError::Probe("it gave fewer answers than it was asked for".to_owned()));
        }
        all.insert(position, answer);
    }
    Ok(all)
}

/// Ends whatever holds the lab of this folder, and removes the folder. May be repeated.
///
/// # Errors
/// When the process cannot be ended or the folder not removed.
pub async fn take_down(state: &StateDir) -> Result<(), LabError> {
    let holder = if let Ok(Some(known)) = state.read() {
        Some(known.holder)
    } else {
        // It is being started, or another version of this program wrote its state: who listens there holds it.
        let client = Client::connect(state.name(), state.path()).await;
        client.ok().and_then(|client| ProcessId::of(client.pid()).ok())
    };
    if let Some(holder) = holder {
        end(state.name(), &holder).await?;
    }
    Ok(state.remove()?)
}

/// Ends exactly this process, if it still runs.
async fn end(name: &str, holder: &ProcessId) -> Result<(), LabError> {
    let gone = clock::until(END_DEADLINE, INTERVAL, "the end of the lab's process", async || {
        if !holder.is_alive() {
            return Poll::Ready(());
        }
        // Process 1 of a PID namespace: the kernel ends everything else in it.
        let killed = nix::sys::signal::kill(nix::unistd::Pid::from_raw(holder.pid), nix::sys::signal::Signal::SIGKILL);
        match killed {
            Ok(()) | Err(nix::Error::ESRCH) => Poll::NotYet("it still runs".to_owned()),
            Err(errno) => Poll::Failed(format!("it cannot be killed: {}", errno.desc())),
        }
    })
    .await;
    gone.map_err(|error| LabError::Refused {
        name: name.to_owned(),
        order: "end".to_owned(),
        why: format!("{error} (pid {})", holder.pid),
    })
}
