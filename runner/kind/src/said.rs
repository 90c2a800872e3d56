//! The article's own commands, and what they say: kept beside what was judged, for a reader who compares with the
//! article. No judge reads it, and a command that fails or is not there changes no verdict.

use std::time::Duration;

use lab_model::said::Said;

use super::lab::KindLab;
use lab_base::exec::{Exit, Invocation};
use lab_base::failure::chain;
use lab_model::observe::{NodeName, Place};

/// For one command. The slowest, `cilium status`, takes a second or two.
const DEADLINE: Duration = Duration::from_secs(10);

/// A command of the article's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByHand {
    /// On the Docker host: `docker`, `kubectl`, `helm` or `cilium`, with the run's own kubeconfig.
    OnHost(Vec<String>),
    /// In a node's container.
    InNode(NodeName, Vec<String>),
    /// The program `cilium` in the agent's container on a node, with these arguments.
    InAgent(NodeName, Vec<String>),
}

impl KindLab {
    /// Runs commands, all at once: what each said.
    pub async fn say_by_hand(&self, commands: Vec<ByHand>) -> Vec<Said> {
        futures_util::future::join_all(commands.into_iter().map(|command| self.run_by_hand(command))).await
    }

    /// What is only to be seen before Cilium: each node's routes, and nodes that are not ready.
    pub(super) async fn say_before_cni(&self) -> Vec<Said> {
        let words = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let routes = self.nodes().iter().map(|(node, _)| ByHand::InNode(node.clone(), words("ip route")));
        let nodes = ByHand::OnHost(words("kubectl get nodes -o wide"));
        self.say_by_hand(routes.chain([nodes]).collect()).await
    }

    async fn run_by_hand(&self, command: ByHand) -> Said {
        match command {
            ByHand::OnHost(argv) => self.on_host(argv).await,
            ByHand::InNode(node, argv) => self.in_node(node, argv).await,
            ByHand::InAgent(node, args) => match self.agents().await {
                Ok(agents) => {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    let said = agents.run(&node, &args).await;
                    Said {
                        place: Place::Node(node),
                        command: said.command,
                        code: said.code,
                        stdout: said.stdout,
                        stderr: said.stderr,
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
