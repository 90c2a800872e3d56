//! Which of the article's commands show what a case judges.

use async_recursion::async_recursion as boxed;
use serde_json::Value;

use lab_kind::{ByHand, KindLab};
use lab_model::observe::{NodeName, Role};
use lab_model::said::Said;

/// Where the article shows what a case judges, on kind: the commands that are run beside it, for comparison.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// Nowhere: the article has no command for it.
    Nowhere,
    /// In what these commands print on the Docker host.
    OnHost(&'static [&'static str]),
    /// In what this command prints in each node.
    InNodes(&'static str),
    /// In what this command prints in each control plane.
    InControlPlanes(&'static str),
    /// In what each agent prints on this command of `cilium`.
    InAgents(&'static str),
    /// In what this program printed before Cilium was there: it was stored then.
    BeforeCilium(&'static str),
    /// In what these commands print, which depend on the lab, or on what the case saw.
    Now(fn(&KindLab, &Value) -> Vec<ByHand>),
}

/// A command on the Docker host.
pub(super) fn on_host(command: &str) -> ByHand {
    ByHand::OnHost(argv(command))
}

/// A command in each control plane.
pub(super) fn in_control_planes(lab: &KindLab, command: &str) -> Vec<ByHand> {
    each(lab, Some(Role::ControlPlane)).map(|node| ByHand::InNode(node, argv(command))).collect()
}

/// What these commands say now; or, for what was only to be seen before Cilium, what they said then.
#[boxed(?Send)]
pub async fn said(shown: Shown, lab: &KindLab, seen: &Value) -> Vec<Said> {
    let commands = match shown {
        Shown::Nowhere => Vec::new(),
        Shown::OnHost(commands) => commands.iter().map(|command| on_host(command)).collect(),
        Shown::InNodes(command) => each(lab, None).map(|node| ByHand::InNode(node, argv(command))).collect(),
        Shown::InControlPlanes(command) => in_control_planes(lab, command),
        Shown::InAgents(command) => each(lab, None).map(|node| ByHand::InAgent(node, argv(command))).collect(),
        Shown::BeforeCilium(program) => return said_before(lab, program),
        Shown::Now(commands) => commands(lab, seen),
    };
    lab.run_article_commands(commands).await
}

fn said_before(lab: &KindLab, program: &str) -> Vec<Said> {
    let stored = lab.before_cni().ok().flatten().map(|before| before.said).unwrap_or_default();
    stored.into_iter().filter(|said| said.command.split(' ').next() == Some(program)).collect()
}

fn argv(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

fn each(lab: &KindLab, role: Option<Role>) -> impl Iterator<Item = NodeName> {
    lab.nodes().iter().filter(move |(_, is)| role.is_none_or(|role| role == *is)).map(|(name, _)| name.clone())
}
