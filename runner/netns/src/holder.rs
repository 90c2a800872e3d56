//! The holder: the process that owns a netns lab. It is process 1 of its own PID namespace, so the whole lab ends with it.
//!
//! It is started twice. The first process makes the namespaces, before any thread exists, starts the second process
//! within them and ends. The second builds what the orders on its control socket say. It ends when it is ordered to, when
//! it is killed, or when the pipe on its standard input closes because the runner is gone. When a lab that is to outlive
//! its runner is complete, the runner writes [`STAY`] to that pipe. So no unfinished lab remains after a crash.

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::LocalSet;

use super::control::{Built, Description, Order, Reply};
use super::plan::{Plan, Spec};
use super::world::{BuildError, World};
use super::{announce, hello, pods, restart, routing, service, settle, silence, topology};
use lab_backend::state::socket_within;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::exec;
use lab_base::exec::{ExecError, Invocation};
use lab_model::stage::Stage;

/// The line on standard input after which the lab outlives the runner that started it.
pub const STAY: &[u8] = b"stay\n";
/// How long removing the state folder is tried.
const REMOVE_DEADLINE: Duration = Duration::from_secs(5);
/// The time between two attempts to remove it.
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
    /// Begin a session of its own, detached from the terminal.
    #[arg(long)]
    pub own_session: bool,
    /// This is the second process, within the namespaces.
    #[arg(long)]
    pub inside: bool,
}

/// The kernel refused namespaces of its own to this process.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct IsolateError {
    /// The step that was refused.
    pub doing: &'static str,
    /// The kernel's reason.
    pub source: io::Error,
}

/// Moves this process into namespaces of its own: network, mount, IPC, for its children PID, and user when it is not
/// root. Must be called before any thread exists (unshare(2)).
///
/// # Errors
/// When the kernel refuses a step; the error names it.
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

/// Runs the holder within its namespaces: it carries out orders until it is ordered to end.
///
/// It writes nothing while all is well, because the runner takes any output for the reason why the holder failed.
pub fn hold(args: &HolderArgs) -> ExitCode {
    let held = fs::File::open(&args.state)
        .and_then(|folder| end_with_standard_input(folder, args.state.clone()))
        .and_then(|()| lab_base::runtime())
        // Speakers are tasks of this thread alone.
        .and_then(|runtime| runtime.block_on(LocalSet::new().run_until(take_orders(args))));
    match held {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: holding the lab in {}: {error}", args.state.display());
            ExitCode::FAILURE
        }
    }
}

/// Ends this process when its standard input closes, which happens however the runner dies. The state folder is removed
/// first, so that the lab's name is free.
fn end_with_standard_input(folder: fs::File, state: PathBuf) -> io::Result<()> {
    let waiting = move || {
        let mut word = Vec::new();
        // Reading a pipe does not fail; an error would be treated as its end.
        let _read = io::stdin().take(STAY.len() as u64).read_to_end(&mut word);
        if word == STAY {
            return;
        }
        if is_at(&folder, &state) {
            remove(&state);
        }
        std::process::exit(0);
    };
    let thread = std::thread::Builder::new().spawn(waiting);
    thread.map(drop).map_err(|error| io::Error::other(format!("no thread could be started: {error}")))
}

/// Removes the state folder. This is retried, since a control socket that is being bound or a capture that is ending may
/// still make a file in it. If it fails, `lab down` can remove the folder.
fn remove(state: &Path) {
    let Ok(runtime) = lab_base::runtime() else { return };
    let removed =
        clock::until(REMOVE_DEADLINE, INTERVAL, "an empty state folder", async || match fs::remove_dir_all(state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Poll::NotYet(error),
            Ok(()) | Err(_) => Poll::Ready(()),
        });
    let _removed = runtime.block_on(removed);
}

/// Whether the path still leads to this folder, rather than to that of a new lab of the same name.
fn is_at(folder: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((folder.metadata().map(id), fs::metadata(path).map(id)), (Ok(own), Ok(there)) if own == there)
}

async fn take_orders(args: &HolderArgs) -> io::Result<()> {
    let spec: Spec = serde_json::from_str(&args.spec)?;
    let plan = Plan::new(spec).map_err(io::Error::other)?;
    let listener = bind(&args.state)?;
    let mut holder = Holder { plan, state: args.state.clone(), world: None, built: Vec::new() };
    loop {
        let (stream, _peer) = listener.accept().await?;
        if holder.serve(stream).await {
            return Ok(());
        }
    }
}

/// Binds the control socket through the folder's descriptor.
fn bind(state: &Path) -> io::Result<UnixListener> {
    let folder = fs::File::open(state)?;
    UnixListener::bind(socket_within(&folder))
}

struct Holder {
    plan: Plan,
    /// The lab's state folder.
    state: PathBuf,
    world: Option<World>,
    built: Vec<Stage>,
}

impl Holder {
    /// Carries out the orders of one connection. Returns true when one of them was [`Order::Shutdown`].
    async fn serve(&mut self, stream: UnixStream) -> bool {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        loop {
            line.clear();
            // When the client is gone or sends nothing, only its connection ends.
            if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
                return false;
            }
            let (reply, end) = match serde_json::from_str(&line) {
                Ok(Order::Shutdown) => (Reply::Done, true),
                Ok(order) => (self.obey(order).await, false),
                Err(error) => (Reply::Failed(format!("this is not an order: {error}")), false),
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
            Order::Describe => Reply::Description(Box::new(self.describe())),
            Order::StopNode(name) => self.change(async |world, _built| restart::stop_node(world, &name).await).await,
            Order::StartNode(name) => {
                self.change(async |world, built| restart::start_node(world, &name, built).await).await
            }
            Order::Announce { node, how } => {
                self.change(async |world, _built| announce::instead(world, &node, how).await).await
            }
            Order::Silence(router) => self.change(async |world, _built| silence::silence(world, &router).await).await,
            Order::Wake(router) => self.change(async |world, _built| silence::wake(world, &router)).await,
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
            let world = topology::build(self.plan.clone(), &self.state).await?;
            let summary = topology::summary(&world.plan);
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
            // The runner observes these stages; the holder builds nothing for them.
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
    // Between racks the router is last.
    let hub = world.routers.last().map_or(&world.bridge, |router| &router.member);
    let _runs_until_exit = hello::serve(&hub.namespace, world.plan.outside(), hello::Says::ClientAddress)?;
    Ok(())
}

/// Starts hello-app in the pod at this position in the plan, if the pod runs.
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

/// `lab hold`: the first process of a holder, and with `--inside` the second.
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

/// Starts this program again, because only a child is in the new PID namespace.
fn start_inside(args: &HolderArgs) -> Result<(), ExecError> {
    let invocation = Invocation::new("/proc/self/exe").args(["hold", "--inside", "--spec", args.spec.as_str()]);
    invocation.args(["--state"]).args([&args.state]).hand_over().map(drop)
}
