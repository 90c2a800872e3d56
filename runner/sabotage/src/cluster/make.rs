//! Breaks a cluster, and undoes that.

use futures_util::future::try_join_all;
use ipnet::IpNet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::liar::Liar;
use super::who::{Who, own_name};
use super::{Breakage, agents, liar};
use lab_base::failure::chain;
use lab_engine::Engine;
use lab_kind::api::Patience;
use lab_kind::{BeforeCni, KindLab};
use lab_model::StoredBase;

/// How long the API server may take to answer after its node was started.
const API_DEADLINE: Duration = Duration::from_mins(2);
/// The deadline for one command in a node. Some commands wait until the agent has restored a route.
const COMMAND_DEADLINE: Duration = Duration::from_mins(4);

/// What was done to a cluster and must be undone.
#[derive(Debug, Default)]
pub struct Standing {
    /// In the order in which it was done.
    done: Vec<Done>,
    /// Whether the last of it was begun and not seen to succeed, as when a deadline passed: it may have been done, or half
    /// of it.
    unsure: bool,
}

#[derive(Debug)]
enum Done {
    /// A command was run. The shell line `undo`, run in this node, undoes it.
    Command { node: &'static str, undo: String },
    /// This node was paused.
    Paused(&'static str),
    /// All nodes were restarted. The nodes' own names, in the order of the addresses that they had before.
    Restarted(Vec<String>),
    /// The agents were given another API server. The address that they had before.
    ServiceHost(Ipv4Addr),
    /// What was kept of the time before the CNI was replaced. What it was.
    ObservedTooLate(Box<(StoredBase, BeforeCni)>),
    /// The Engine is asked through a liar. The connection before.
    LyingEngine { before: Box<Engine>, _liar: Liar },
}

impl Standing {
    /// Breaks a cluster. After an error, what was done until then must be undone too.
    ///
    /// # Errors
    /// A text that says what could not be done.
    pub async fn make(&mut self, lab: &mut KindLab, breakage: Breakage) -> Result<(), String> {
        match breakage {
            Breakage::Commands(commands) => {
                for command in commands(&Who::of(lab).await?)? {
                    self.begin(Done::Command { node: command.node, undo: command.undo });
                    in_node(lab, command.node, &command.make).await?;
                    self.unsure = false;
                }
            }
            Breakage::Paused(node) => {
                self.begin(Done::Paused(node));
                let paused = lab.engine().pause_container(&container_name(lab, node)).await;
                paused.map_err(|error| chain(&error))?;
                self.unsure = false;
            }
            Breakage::Restarted => {
                let addresses = lab.addresses().await.map_err(|error| chain(&error))?;
                let mut before: Vec<(Ipv4Addr, String)> =
                    addresses.into_iter().map(|(node, address)| (address, node.0)).collect();
                before.sort();
                let before: Vec<String> = before.into_iter().map(|(_, node)| node).collect();
                let other = with_another_address(&before, &lab.control_plane().0);
                self.done.push(Done::Restarted(before));
                restart(lab, &other).await?;
            }
            Breakage::ObservedTooLate => {
                let kept = lab.observe_base_too_late().await.map_err(|error| chain(&error))?;
                self.done.push(Done::ObservedTooLate(Box::new(kept)));
            }
            Breakage::LyingEngine => {
                let (liar, through) = liar::before(lab.engine()).await?;
                self.done.push(Done::LyingEngine { before: Box::new(lab.ask_through(through)), _liar: liar });
            }
            Breakage::ServiceHost => {
                let record = lab.record().map_err(|error| chain(&error))?;
                let before =
                    record.service_host.ok_or("the lab has no record of the API server that its agents were given")?;
                let unused = unused_address(lab).await?;
                self.done.push(Done::ServiceHost(before));
                give_api_server(lab, unused).await?;
            }
        }
        Ok(())
    }

    /// Whether nothing was done.
    pub const fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// Notes what is about to be done, since this future may be dropped before there is an answer.
    fn begin(&mut self, what: Done) {
        self.done.push(what);
        self.unsure = true;
    }

    /// What was done, the last first, each with whether it may not have been done at all.
    fn backwards(self) -> impl Iterator<Item = (Done, bool)> {
        let mut unsure = self.unsure;
        self.done.into_iter().rev().map(move |done| (done, std::mem::take(&mut unsure)))
    }

    /// Undoes what was done, in reverse order. An error does not keep the rest from being undone. Where it is not known
    /// whether the last of it was done, that it cannot be undone is no error: the cases show what is left.
    ///
    /// # Errors
    /// A text that says what could not be undone.
    pub async fn undo(self, lab: &mut KindLab) -> Result<(), String> {
        let mut failures = Vec::new();
        for (done, unsure) in self.backwards() {
            let undone = match done {
                Done::Command { node, undo } => in_node(lab, node, &undo).await,
                Done::Paused(node) => {
                    lab.engine().unpause_container(&container_name(lab, node)).await.map_err(|error| chain(&error))
                }
                Done::Restarted(order) => put_back_in_order(lab, &order).await,
                Done::ObservedTooLate(kept) => lab.put_base_back(&kept).map_err(|error| chain(&error)),
                Done::LyingEngine { before, _liar } => {
                    let _through_it = lab.ask_through(*before);
                    Ok(())
                }
                Done::ServiceHost(host) => give_api_server_back(lab, host).await,
            };
            failures.extend(undone.err().filter(|_why| !unsure));
        }
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    }
}

/// The name in this cluster of a node that the article calls `article`.
fn container_name(lab: &KindLab, article: &str) -> String {
    own_name(&lab.spec().cluster, article)
}

/// Runs a line with `sh` in a node.
pub(super) async fn in_node(lab: &KindLab, node: &str, line: &str) -> Result<(), String> {
    let node = container_name(lab, node);
    lab.doing().now(format!("{node}: {line}"));
    let ran = lab.engine().exec(&node, ["sh", "-c", line], Vec::new(), COMMAND_DEADLINE).await;
    let ran = ran.map_err(|error| chain(&error))?;
    if ran.success() {
        return Ok(());
    }
    Err(format!("`{line}` in {node} ended with exit code {}: {}", ran.code, ran.stderr_text().trim()))
}

/// Stops all these nodes, and starts them in this order.
async fn restart(lab: &KindLab, order: &[String]) -> Result<(), String> {
    lab.doing().now("stopping all nodes");
    let stopped = try_join_all(order.iter().map(|node| lab.engine().stop_container(node))).await;
    stopped.map_err(|error| chain(&error))?;
    for node in order {
        lab.doing().now(format!("starting {node}"));
        lab.engine().start_container(node).await.map_err(|error| chain(&error))?;
    }
    Ok(())
}

/// Another order of the nodes, in which this node is the first, or the last if it was the first.
fn with_another_address(order: &[String], node: &str) -> Vec<String> {
    let others = order.iter().filter(|one| *one != node).cloned();
    if order.first().is_some_and(|first| first == node) {
        others.chain([node.to_owned()]).collect()
    } else {
        std::iter::once(node.to_owned()).chain(others).collect()
    }
}

/// Restarts all nodes in the order of the addresses that they had. Their kubelets start all pods, and remember no
/// back-off.
async fn put_back_in_order(lab: &KindLab, order: &[String]) -> Result<(), String> {
    restart(lab, order).await?;
    let say = |seen: String| lab.doing().now(seen);
    let api = lab.api().map_err(|error| chain(&error))?;
    let answers = api.until_it_answers(Patience { deadline: API_DEADLINE, say: &say }).await;
    answers.map(drop).map_err(|error| chain(&error))
}

/// An address of the lab's network that no container has: the last one, because Docker assigns the lowest ones.
async fn unused_address(lab: &KindLab) -> Result<Ipv4Addr, String> {
    let name = &lab.spec().expect.network;
    let network = lab.engine().network(name).await.map_err(|error| chain(&error))?;
    let subnets = network.into_iter().flat_map(|network| network.subnets);
    let mut subnets = subnets.filter_map(|subnet| match subnet.subnet {
        IpNet::V4(cidr) => Some(cidr),
        IpNet::V6(_) => None,
    });
    let subnet = subnets.next().ok_or_else(|| format!("the network {name} has no IPv4 subnet"))?;
    let last = subnet.hosts().last().ok_or_else(|| format!("{subnet} has no address for a host"))?;
    let addresses = lab.addresses().await.map_err(|error| chain(&error))?;
    if addresses.values().any(|address| *address == last) {
        Err(format!("{last} is the address of a node"))
    } else {
        Ok(last)
    }
}

/// Gives all agents another address of the API server, while none is there.
async fn give_api_server(lab: &KindLab, host: Ipv4Addr) -> Result<(), String> {
    let (removed, upgraded) = tokio::join!(Box::pin(agents::remove_all(lab)), lab.upgrade_service_host(host));
    removed?;
    upgraded.map_err(|error| chain(&error))?;
    agents::bring_back(lab).await
}

/// Gives all agents the address that they had. Those that are not available are replaced by their `DaemonSet` at once and all
/// together, and need not wait for the end of their back-off.
async fn give_api_server_back(lab: &KindLab, host: Ipv4Addr) -> Result<(), String> {
    lab.upgrade_service_host(host).await.map_err(|error| chain(&error))?;
    agents::bring_back(lab).await?;
    agents::replace_operators(lab).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_base::clock;

    #[test]
    fn the_control_plane_always_has_another_place() {
        let nodes = ["a", "b", "c"].map(str::to_owned);
        for (node, order) in [("a", ["b", "c", "a"]), ("b", ["b", "a", "c"]), ("c", ["c", "a", "b"])] {
            assert_eq!(with_another_address(&nodes, node), order, "{node}");
        }
    }

    #[test]
    fn what_was_begun_when_a_deadline_passed_is_undone_too_and_what_was_done_before_it() {
        let mut standing = Standing::default();
        let make = async {
            standing.begin(Done::Paused("first"));
            standing.unsure = false;
            standing.begin(Done::Paused("second"));
            std::future::pending::<Result<(), String>>().await
        };
        let runtime = lab_base::runtime().unwrap();
        let passed = runtime.block_on(clock::within(Duration::from_millis(10), "the fault", make));
        assert!(passed.is_err());
        let undone: Vec<(&str, bool)> = standing
            .backwards()
            .map(|(done, unsure)| (if let Done::Paused(node) = done { node } else { "" }, unsure))
            .collect();
        assert_eq!(undone, [("second", true), ("first", false)]);
    }
}
