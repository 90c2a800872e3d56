//! Runs the article's own commands and keeps their output as evidence, for a user who compares with the article. Judges do
//! not read it, and a command that fails or does not exist changes no verdict.

use async_recursion::async_recursion as boxed;
use std::time::Duration;

use lab_model::said::Said;

use super::lab::KindLab;
use super::racks::WARNING;
use lab_base::exec::{Exit, Invocation};
use lab_base::failure::chain;
use lab_model::observe::{NodeName, Place};

/// The deadline for one command. The slowest, `cilium status`, takes a second or two.
const DEADLINE: Duration = Duration::from_secs(10);

/// A command of the article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByHand {
    /// Run on the Docker host, with the lab's kubeconfig: `docker`, `kubectl`, `helm` or `cilium`.
    OnHost(Vec<String>),
    /// Run in a node's container.
    InNode(NodeName, Vec<String>),
    /// `cilium` with these arguments, run in the agent's container on a node.
    InAgent(NodeName, Vec<String>),
    /// The warnings of direct routes that it could not install, in the log of the agent on a node.
    RefusedRoutes(NodeName),
}

impl KindLab {
    /// Runs commands at the same time. Returns the output of each.
    #[boxed(?Send)]
    pub async fn run_article_commands(&self, commands: Vec<ByHand>) -> Vec<Said> {
        futures_util::future::join_all(commands.into_iter().map(|command| self.run_by_hand(command))).await
    }

    /// Runs the commands whose output differs once Cilium is installed: each node's routes, and the list of nodes.
    pub(super) async fn run_commands_before_cni(&self) -> Vec<Said> {
        let split = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let routes = self.nodes().iter().map(|(node, _)| ByHand::InNode(node.clone(), split("ip route")));
        let nodes = ByHand::OnHost(split("kubectl get nodes -o wide"));
        self.run_article_commands(routes.chain([nodes]).collect()).await
    }

    async fn run_by_hand(&self, command: ByHand) -> Said {
        match command {
            ByHand::OnHost(argv) => self.on_host(argv).await,
            ByHand::InNode(node, argv) => self.in_node(node, argv).await,
            ByHand::RefusedRoutes(node) => {
                let agent = "kubectl logs --namespace kube-system --selector k8s-app=cilium --tail=-1";
                let command = format!("{agent} | grep '{WARNING}'");
                match self.agent_warnings(&node).await {
                    Ok(lines) => Said {
                        place: Place::Node(node),
                        command,
                        code: Some(0),
                        stdout: lines.join("\n"),
                        stderr: String::new(),
                    },
                    Err(why) => not_run(Place::Node(node), command, why),
                }
            }
            ByHand::InAgent(node, args) => match self.agents().await {
                Ok(agents) => {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    let output = agents.run(&node, &args).await;
                    Said {
                        place: Place::Node(node),
                        command: output.command,
                        code: output.code,
                        stdout: output.stdout,
                        stderr: output.stderr,
                    }
                }
                Err(error) => not_run(Place::Node(node), format!("cilium {}", args.join(" ")), chain(&error)),
            },
        }
    }

    async fn on_host(&self, argv: Vec<String>) -> Said {
        let command = argv.join(" ");
        let Some((program, args)) = argv.split_first() else {
            return not_run(Place::Bridge, command, "no command".to_owned());
        };
        let mut invocation = Invocation::new(program).args(args);
        for (key, value) in self.engine.environment() {
            invocation = invocation.env(key, value);
        }
        if let Ok(kubeconfig) = self.kubeconfig() {
            invocation = invocation.env("KUBECONFIG", kubeconfig);
        }
        match invocation.run(DEADLINE).await {
            Ok(finished) => Said {
                place: Place::Bridge,
                command,
                code: match finished.exit {
                    Exit::Code(code) => Some(i64::from(code)),
                    Exit::Signal(_) => None,
                },
                stdout: finished.stdout_text(),
                stderr: finished.stderr_text(),
            },
            Err(error) => not_run(Place::Bridge, command, chain(&error)),
        }
    }

    async fn in_node(&self, node: NodeName, argv: Vec<String>) -> Said {
        let command = argv.join(" ");
        match self.engine.exec(&node.0, argv, Vec::new(), DEADLINE).await {
            Ok(ran) => Said {
                place: Place::Node(node),
                command,
                code: Some(ran.code),
                stdout: ran.stdout_text(),
                stderr: ran.stderr_text(),
            },
            Err(error) => not_run(Place::Node(node), command, chain(&error)),
        }
    }
}

const fn not_run(place: Place, command: String, why: String) -> Said {
    Said { place, command, code: None, stdout: String::new(), stderr: why }
}
