//! The text that `lab explain` prints.

use std::fmt::Write;

use super::Explained;
use lab_harness::ThereExplained;
use lab_harness::explanation::{ByHand, Where};
use lab_model::BackendKind;
use lab_report::Style;

/// The width that labels are padded to.
const LABEL: usize = 16;
/// The indentation of a command.
const BEFORE_COMMAND: &str = "    ";

/// Placeholders in commands, which are in capitals, and what to put in their place.
pub(super) const STANDS_FOR: [(&str, &str); 7] = [
    ("AGENT", "the pod of Cilium's agent on the node: `kubectl get pods -n kube-system -l k8s-app=cilium -o wide`"),
    ("POD", "a pod of hello-app: `kubectl get pods -o wide`"),
    ("POD_ADDRESS", "its address"),
    ("PEER_ADDRESS", "the address of the other node: `kubectl get nodes -o wide`"),
    ("PEER_POD_ADDRESS", "the address of the pod on the other node"),
    ("CLUSTER_IP", "the Service's address: `kubectl get service hello-app`"),
    ("PID_OF_NODE", "its process on the host: `docker inspect --format {{.State.Pid}} kind-worker2`"),
];
/// A placeholder that is in commands for labs on netns only.
pub(super) const GATEWAY_LLADDR: (&str, &str) =
    ("GATEWAY_LLADDR", "the link-layer address that the command before it printed");
/// How a command is run in the agent on a node.
const IN_AN_AGENT: &str = "kubectl exec --namespace kube-system AGENT --container cilium-agent -- COMMAND";
/// Programs that need a kubeconfig, because they ask the API server.
const ASK_THE_API: [&str; 3] = ["kubectl ", "helm ", "cilium "];

/// The list of cases, one on each line.
pub fn list(cases: &[Explained], style: Style) -> String {
    let width = cases.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let line = |one: &Explained| {
        let line = format!("{:<width$}  {}", one.name, one.article);
        style.cut(&line) + "\n"
    };
    cases.iter().map(line).collect()
}

/// The explanation of a case.
pub fn text(one: &Explained, style: Style) -> String {
    let mut page = Page { style, text: String::new() };
    let on: Vec<String> = one.on.iter().map(ToString::to_string).collect();
    page.line(&style.heading(one.name));
    page.prose("", &format!("{} (on {})", one.claim, listed(&on)));
    let about = &one.explanation;
    page.prose("the article", &format!("{}. {}", one.article, about.step));
    page.prose("native routing", about.native);
    page.prose("needs", &format!("stage {}", one.needs));
    for (index, read) in about.read.iter().enumerate() {
        page.prose(if index == 0 { "reads" } else { "" }, &with_backend(read.on, read.what));
    }
    page.by_hand(about.by_hand);
    for (index, breaks) in about.breaks.iter().enumerate() {
        let label = if index == 0 { "refuted by" } else { "" };
        page.prose(label, &format!("{}: {}", breaks.reason, breaks.how));
    }
    page.prose("unobserved", about.unobserved);
    if let Some(there) = &one.there {
        page.there(there);
    }
    for (index, killed) in one.kills.iter().enumerate() {
        let label = if index == 0 { "kills" } else { "" };
        let on = match killed.on {
            BackendKind::Netns | BackendKind::Cluster => "",
            BackendKind::Kind => " --on kind",
        };
        page.prose(label, &format!("`lab sabotage{on} --exact {}`: {}", killed.fault, killed.what));
    }
    page.text
}

/// `netns, kind and cluster`.
fn listed(names: &[String]) -> String {
    match names {
        [before @ .., second, last] => {
            before.iter().fold(String::new(), |text, name| text + name + ", ") + second + " and " + last
        }
        few => few.concat(),
    }
}

/// The text, with the backend that it is about before it if it is about one only.
fn with_backend(on: Where, text: &str) -> String {
    if on == Where::Both { text.to_owned() } else { format!("{}: {text}", on.label()) }
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Adds a paragraph beside its label, wrapped if the output has a width.
    fn prose(&mut self, label: &str, text: &str) {
        let indent = " ".repeat(2 + LABEL);
        let first = format!("  {}", self.style.aside(&format!("{label:<LABEL$}")));
        let lines = match self.style.limit() {
            None => vec![text.into()],
            Some(width) => {
                let room = width.saturating_sub(indent.len()).max(LABEL);
                textwrap::wrap(text, textwrap::Options::new(room).break_words(false))
            }
        };
        for (index, line) in lines.iter().enumerate() {
            let before = if index == 0 { &first } else { &indent };
            let line = format!("{before}{line}");
            self.line(line.trim_end());
        }
    }

    /// Adds what is claimed, read and expected in a cluster that is there already.
    fn there(&mut self, there: &ThereExplained) {
        self.prose("on a cluster", &format!("{} (`lab verify --on cluster`)", there.claim));
        if there.commands.is_empty() {
            self.prose("sends there", &format!("in the probe tier: {}", there.asks));
        } else {
            self.prose("reads there", &format!("of the API server: {}", there.asks));
            self.prose("", &format!("in the agent on each node, by `{IN_AN_AGENT}`:"));
        }
        let indent = " ".repeat(2 + LABEL);
        for command in &there.commands {
            self.line(&format!("{indent}{BEFORE_COMMAND}{command}"));
        }
        self.prose(
            "expects there",
            "what the first row says that applies, of what was read of the cluster's configuration:",
        );
        for (read, says) in &there.expects {
            self.prose("", &format!("{read}: {says}"));
        }
    }

    /// Adds commands to run by hand. Their lines are never wrapped, so that they can be copied.
    fn by_hand(&mut self, commands: &[ByHand]) {
        let mut label = "by hand";
        for on in [Where::Both, Where::Netns, Where::Kind] {
            let here: Vec<&ByHand> = commands.iter().filter(|command| command.on == on).collect();
            if here.is_empty() {
                continue;
            }
            let title = if on == Where::Both { "on both" } else { on.label() };
            self.prose(label, &format!("{title}:"));
            label = "";
            for ByHand { command, shows, .. } in &here {
                let indent = " ".repeat(2 + LABEL);
                let _never_fails = writeln!(self.text, "{indent}{BEFORE_COMMAND}{command}");
                self.prose("", &format!("{BEFORE_COMMAND}{BEFORE_COMMAND}{shows}"));
            }
            for (word, meaning) in stands_for(&here) {
                self.prose("", &format!("{word} is {meaning}"));
            }
            if here.iter().any(|one| ASK_THE_API.iter().any(|program| one.command.starts_with(program))) {
                self.prose("", "KUBECONFIG is `kubeconfig` in the lab's state folder, ~/.local/state/lab/kind");
            }
        }
    }
}

/// The placeholders in these commands.
fn stands_for<'a>(commands: &'a [&'a ByHand]) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    let words = STANDS_FOR.into_iter().chain([GATEWAY_LLADDR]);
    words.filter(|(word, _)| {
        commands.iter().any(|one| one.command.split([' ', '/', ':', '\'']).any(|part| part == *word))
    })
}
