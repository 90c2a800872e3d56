//! The process that owns a netns lab: process 1 of its own PID namespace, so that its end is the end of all of it.
//!
//! It is started twice. The first start makes the namespaces, before any thread exists, starts the second one within
//! them and ends. The second builds what it is told to over its control socket, and ends when it is told to, when it
//! is killed, or when the pipe on its standard input closes because the runner that started it is gone. A lab that
//! is to outlive its runner is told so over that pipe once it is complete: one that nobody knows of cannot remain.

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::control::{Built, Description, Order, Reply, SOCKET};
use super::plan::{Plan, Spec};
use super::world::{BuildError, World};
use super::{hello, pods, restart, routing, service, settle, topology};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::exec;
use lab_base::exec::{ExecError, Invocation};
use lab_model::stage::Stage;

/// The word on standard input after which the lab outlives the runner that started it.
pub const STAY: &[u8] = b"stay\n";
/// For the files in the state folder to become none.
const REMOVE_DEADLINE: Duration = Duration::from_secs(5);
/// Between two tries of that.
const INTERVAL: Duration = Duration::from_millis(2);

/// How a holder is started.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct HolderArgs {
    /// The lab's state folder.
    #[arg(long)]
    pub state: PathBuf,
    /// The spec, as JSON.
    #[arg(long)]
    pub spec: String,
    /// Begin a session, away from the terminal.
    #[arg(long)]
    pub own_session: bool,
    /// Already within the namespaces.
    #[arg(long)]
    pub inside: bool,
}

/// The kernel did not let this process have namespaces of its own.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct IsolateError {
    /// Which step.
    pub doing: &'static str,
    /// The kernel's reason.
    pub source: io::Error,
}

/// Moves this process into namespaces of its own: network, mount, IPC, for its children PID, and user when it is not
/// root. Must be called before any thread exists (unshare(2)).
///
/// # Errors
/// Names the step that the kernel refused.
pub fn isolate() -> Result<(), IsolateError> {
    let step = |doing| move |errno: nix::Error| IsolateError { doing, source: errno.into() };
    let write = |doing: &'static str, path: &str, text: String| {
        fs::write(path, text).map_err(|source| IsolateError { doing, source })
    };
    let (uid, gid) = (getuid(), getgid());
    if !nix::unistd::geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWUSER).map_err(step("making a user namespace"))?;
        write("denying setgroups", "/proc/self/setgroups", "deny".to_owned())?;
        write("mapping the user", "/proc/self/uid_map", format!("0 {uid} 1\n"))?;
        write("mapping the group", "/proc/self/gid_map", format!("0 {gid} 1\n"))?;
    }
    unshare(CloneFlags::CLONE_NEWNET).map_err(step("making a network namespace"))?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(step("making a mount namespace"))?;
    nix::mount::mount(
        None::<&str>,
        "/",
        None::<&str>,
        nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .map_err(step("making mounts private"))?;
    unshare(CloneFlags::CLONE_NEWIPC).map_err(step("making an IPC namespace"))?;
    unshare(CloneFlags::CLONE_NEWPID).map_err(step("making a PID namespace"))
}

/// The holder itself, within its namespaces: takes orders until it is told to end.
///
/// It says nothing while all is well: what it says is taken for the reason why it could not go on.
pub fn hold(args: &HolderArgs) -> ExitCode {
    let held = fs::File::open(&args.state)
        .map(|folder| end_with_standard_input(folder, args.state.clone()))
        .and_then(|()| lab_base::runtime())
        .and_then(|runtime| runtime.block_on(take_orders(args)));
    match held {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: holding the lab in {}: {error}", args.state.display());
            ExitCode::FAILURE
        }
    }
}

/// The runner's death closes the pipe, however it dies. Nobody else is left then to free the lab's name.
fn end_with_standard_input(folder: fs::File, state: PathBuf) {
    std::thread::spawn(move || {
        let mut word = Vec::new();
        // A pipe cannot fail to be read; if it could, nobody would be at its other end.
        let _read = io::stdin().take(STAY.len() as u64).read_to_end(&mut word);
        if word == STAY {
            return;
        }
        if is_at(&folder, &state) {
            remove(&state);
        }
        std::process::exit(0);
    });
}

/// Removes the state folder. A control socket that is being bound or a capture that is ending may still make a file
/// in it meanwhile. What cannot be removed stays for `lab down`.
fn remove(state: &Path) {
    let Ok(runtime) = lab_base::runtime() else { return };
    let removed =
        clock::until(REMOVE_DEADLINE, INTERVAL, "an empty state folder", async || match fs::remove_dir_all(state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Poll::NotYet(error),
            Ok(()) | Err(_) => Poll::Ready(()),
        });
    let _removed = runtime.block_on(removed);
}

/// Whether the folder at this path is still this one, and not another lab's that has its name by now.
fn is_at(folder: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((folder.metadata().map(id), fs::metadata(path).map(id)), (Ok(own), Ok(there)) if own == there)
}

async fn take_orders(args: &HolderArgs) -> io::Result<()> {
    let spec: Spec = serde_json::from_str(&args.spec)?;
    let plan = Plan::new(spec).map_err(io::Error::other)?;
    let listener = bind(&args.state)?;
    let mut holder = Holder { plan, world: None, built: Vec::new() };
    loop {
        let (stream, _peer) = listener.accept().await?;
        if holder.serve(stream).await {
            return Ok(());
        }
    }
}

/// Binds the control socket through the folder's descriptor: a socket's path holds at most 107 octets (unix(7)), a
/// folder's may be longer.
fn bind(state: &Path) -> io::Result<UnixListener> {
    let folder = fs::File::open(state)?;
    UnixListener::bind(short_path(&folder))
}

/// A path to the control socket that is always short enough.
pub(super) fn short_path(folder: &fs::File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

struct Holder {
    plan: Plan,
    world: Option<World>,
    built: Vec<Stage>,
}

impl Holder {
    /// Answers one connection's orders. True when one of them was to end.
    async fn serve(&mut self, stream: UnixStream) -> bool {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        loop {
            line.clear();
            // A client that is gone, or that sends no order, is no reason for the lab to end.
            if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
                return false;
            }
            let (reply, end) = match serde_json::from_str(&line) {
                Ok(Order::Shutdown) => (Reply::Done, true),
                Ok(order) => (self.obey(order).await, false),
                Err(error) => (Reply::Failed(format!("this is no order: {error}")), false),
            };
            let mut text = serde_json::to_vec(&reply).unwrap_or_default();
            text.push(b'\n');
            let _client_gone = stream.get_mut().write_all(&text).await;
            if end {
                return true;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Reply {
        match order {
            Order::Build(stage) => match self.build(stage).await {
                Ok(built) => Reply::Built(built),
                Err(error) => Reply::Failed(error.to_string()),
            },
            Order::Describe => Reply::Description(self.describe()),
            Order::StopNode(name) => self.change(async |world, _built| restart::stop_node(world, &name).await).await,
            Order::StartNode(name) => {
                self.change(async |world, built| restart::start_node(world, &name, built).await).await
            }
            Order::Shutdown => Reply::Done,
        }
    }

    async fn change(&mut self, change: impl AsyncFnOnce(&mut World, &[Stage]) -> Result<(), BuildError>) -> Reply {
        let Some(world) = self.world.as_mut() else { return Reply::Failed("there are no nodes yet".to_owned()) };
        match change(world, &self.built).await {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed(error.to_string()),
        }
    }

    async fn build(&mut self, stage: Stage) -> Result<Built, BuildError> {
        let begun = clock::now();
        let summary = self.build_stage(stage).await?;
        self.built.push(stage);
        Ok(Built { stage, summary, elapsed: begun.elapsed() })
    }

    async fn build_stage(&mut self, stage: Stage) -> Result<String, BuildError> {
        if stage == Stage::ClusterCreated {
            let world = topology::build(self.plan.clone()).await?;
            let summary = format!("1 bridge, {} nodes on {}", world.nodes.len(), world.plan.gateway.trunc());
            settle::links_are_up(&world).await?;
            self.world = Some(world);
            return Ok(summary);
        }
        let world = self.world.as_mut().ok_or_else(|| BuildError::Gone("the topology".to_owned()))?;
        match stage {
            Stage::RoutingInstalled => routing::build(world).await,
            Stage::NodesReady => settle::nodes_forward(world),
            Stage::WorkloadReady => {
                pods::build(world).await?;
                service::install_services(world).await?;
                serve_all(world)?;
                settle::links_are_up(world).await?;
                Ok(workload_summary(&world.plan))
            }
            // Observed by the runner; nothing is built for them.
            Stage::Doctor | Stage::BaseObserved | Stage::TrafficObserved | Stage::ClusterCreated => Ok(String::new()),
        }
    }

    fn describe(&self) -> Description {
        let nodes = self.world.as_ref().map(|world| {
            world.running().map(|(index, plan, _)| (plan.name.clone(), world.plan.spec.nodes[index].1)).collect()
        });
        Description {
            spec: self.plan.spec.clone(),
            built: self.built.clone(),
            nodes: nodes.unwrap_or_default(),
            namespaces: self.world.as_ref().map(World::namespaces).unwrap_or_default(),
        }
    }
}

fn serve_all(world: &mut World) -> Result<(), BuildError> {
    for pod in 0..world.plan.pods.len() {
        serve_pod(world, pod)?;
    }
    let _runs_until_exit = hello::serve(&world.bridge.namespace, world.plan.outside(), hello::Says::WhomItSees)?;
    Ok(())
}

/// hello-app in the pod of this position in the plan, if it runs.
pub(super) fn serve_pod(world: &mut World, pod: usize) -> Result<(), BuildError> {
    let (plan, up) = (&world.plan.pods[pod], &world.pods[pod]);
    let Some(up) = up else { return Ok(()) };
    let at = std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, world.plan.spec.target_port);
    let server = hello::serve(&up.namespace, at, hello::Says::Hello { hostname: plan.name.to_string() })?;
    world.servers.push((pod, server.abort_handle()));
    Ok(())
}

fn workload_summary(plan: &Plan) -> String {
    let mut nodes: Vec<&str> = plan.pods.iter().map(|pod| plan.nodes[pod.node].name.0.as_str()).collect();
    let more = nodes.len().saturating_sub(3);
    nodes.truncate(3);
    let others = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} on {}{others}; {}", plan.spec.workload, nodes.join(", "), plan.cluster_ip())
}

/// `lab hold`: the whole life of a holder, both starts.
pub fn main(args: &HolderArgs) -> ExitCode {
    if args.inside {
        return hold(args);
    }
    let started = if args.own_session { exec::lead_session() } else { Ok(()) };
    let started = started
        .map_err(|error| format!("beginning a session: {error}"))
        .and_then(|()| isolate().map_err(|error| error.to_string()))
        .and_then(|()| start_inside(args).map_err(|error| error.to_string()));
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts this program once more: only a child is in the new PID namespace.
fn start_inside(args: &HolderArgs) -> Result<(), ExecError> {
    let invocation = Invocation::new("/proc/self/exe").args(["hold", "--inside", "--spec", args.spec.as_str()]);
    invocation.args(["--state"]).args([&args.state]).hand_over().map(drop)
}
