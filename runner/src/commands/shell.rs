//! `lab shell`: runs a program inside a node, a pod or the bridge's namespace of a lab that is up.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;

use super::program;
use crate::cli::{EnterArgs, ShellArgs};
use lab_backend::Doing;
use lab_backend::state::{DEFAULT_NAME, StateDir};
use lab_base::exec::Invocation;
use lab_base::failure::{Failure, chain, code};
use lab_kind::{KindLab, NOT_IN_NODES};
use lab_model::BackendKind;
use lab_model::observe::{Place, PodName};
use lab_netns::NetnsLab;

/// Finds the place, and replaces this process by `lab enter`, because only a process without threads can enter a user
/// namespace.
pub(super) fn shell(args: &ShellArgs) -> Result<u8, Failure> {
    let program = program()?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => StateDir::unnamed(StateDir::all_that_stay()?)?
            .map_or_else(|| DEFAULT_NAME.to_owned(), |lab| lab.name().to_owned()),
    };
    let command = if args.command.is_empty() { None } else { Some(args.command.clone()) };
    if let Some(enter) = runtime.block_on(on_kind(&program, &name, &args.place, command.as_deref()))? {
        drop(runtime);
        let error = enter.replace();
        return Err(Failure { code: code::STAGE, message: chain(&error) });
    }
    let (netns, userns) = runtime.block_on(async {
        let lab = NetnsLab::attach(&program, &name).await?;
        Ok::<_, Failure>((lab.netns_file(&place(&lab, &args.place))?, lab.userns_file()))
    })?;
    drop(runtime);
    let mut enter = Invocation::new(&program).args(["enter", "--label", args.place.as_str(), "--netns"]).args([&netns]);
    if let Some(userns) = userns {
        enter = enter.args(["--userns"]).args([userns]);
    }
    let command = command.unwrap_or_else(own_shell);
    let error = enter.args(["--"]).args(command).replace();
    Err(Failure { code: code::STAGE, message: chain(&error) })
}

fn own_shell() -> Vec<String> {
    vec![std::env::var("SHELL").unwrap_or_else(|_unset| "/bin/sh".to_owned())]
}

/// The command that enters a place of a lab on kind: `docker exec`, and for a pod `nsenter` in its node; for a program
/// that nodes do not have, `nsenter` on this host. `None` for a lab on netns.
async fn on_kind(
    program: &Path,
    name: &str,
    place: &str,
    command: Option<&[String]>,
) -> Result<Option<Invocation>, Failure> {
    let known = StateDir::open(name)?.read()?;
    if known.is_none_or(|lab| lab.backend != BackendKind::Kind) {
        return Ok(None);
    }
    let lab = KindLab::attach(program, name, &Doing::default()).await?;
    if place == "bridge" {
        // The bridge is in the host's own namespace: there is nothing to enter.
        let command = command.map_or_else(own_shell, <[String]>::to_vec);
        let (program, rest) =
            command.split_first().ok_or_else(|| Failure::usage("there is no command to run; give one after --"))?;
        return Ok(Some(Invocation::new(program).args(rest)));
    }
    let node = lab.nodes().iter().find(|(node, _)| node.0 == place).map(|(node, _)| node.clone());
    let router = lab.router_called(place);
    let (node, netns) = if let Some(node) = node.or(router) {
        (node, None)
    } else {
        let entered = lab.enter_pod(&PodName(place.to_owned())).await?;
        (entered.node, Some(format!("/proc/{}/ns/net", entered.pid)))
    };
    let lacks = |command: &&[String]| command.first().is_some_and(|program| NOT_IN_NODES.contains(&program.as_str()));
    if let Some(command) = command.filter(lacks) {
        let outside = lab.process_of(&node).await?;
        // As this host sees the node's own /proc, in which the pod's process has the number that the node knows.
        let netns =
            netns.map_or_else(|| format!("/proc/{outside}/ns/net"), |inside| format!("/proc/{outside}/root{inside}"));
        let enter = if nix::unistd::geteuid().is_root() {
            Invocation::new("nsenter")
        } else {
            Invocation::new("sudo").args(["nsenter"])
        };
        return Ok(Some(enter.args([format!("--net={netns}"), "--".to_owned()]).args(command)));
    }
    let terminal = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() { "-it" } else { "-i" };
    let mut enter = Invocation::new("docker").args(["exec", terminal, node.0.as_str()]);
    for (key, value) in lab.engine().environment() {
        enter = enter.env(key, value);
    }
    if let Some(netns) = netns {
        enter = enter.args(["nsenter", &format!("--net={netns}"), "--"]);
    }
    let command = command.map_or_else(|| vec!["bash".to_owned()], <[String]>::to_vec);
    Ok(Some(enter.args(command)))
}

/// The place with this name: `bridge`, a node if there is one of this name, else a pod.
fn place(lab: &NetnsLab, name: &str) -> Place {
    if name == "bridge" {
        Place::Bridge
    } else if let Some(router) =
        lab.plan().racks().and_then(|racks| racks.routers().find(|router| router.to_string() == name))
    {
        router
    } else if lab.nodes().iter().any(|(node, _)| node.0 == name) {
        Place::Node(name.into())
    } else {
        Place::Pod(name.into())
    }
}

/// Enters the namespaces, and replaces this process by the program.
pub(super) fn enter(args: &EnterArgs) -> Result<u8, Failure> {
    if let Some(userns) = &args.userns {
        into(userns, CloneFlags::CLONE_NEWUSER)?;
    }
    into(&args.netns, CloneFlags::CLONE_NEWNET)?;
    let Some((program, rest)) = args.command.split_first() else {
        return Err(Failure::usage("there is no command to run; give one after --"));
    };
    // A shell that takes its prompt from the environment then shows which place it is in.
    let error = Invocation::new(program).args(rest).env("PS1", format!("[{}] \\w# ", args.label)).replace();
    Err(Failure { code: 127, message: chain(&error) })
}

fn into(file: &Path, kind: CloneFlags) -> Result<(), Failure> {
    let failed = |why: String| Failure { code: code::STAGE, message: format!("entering {}: {why}", file.display()) };
    let opened = File::open(file).map_err(|error| failed(error.to_string()))?;
    setns(opened, kind).map_err(|errno| failed(errno.desc().to_owned()))
}
