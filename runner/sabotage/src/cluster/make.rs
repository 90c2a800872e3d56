//! Breaking a cluster, and putting back what was broken.

use futures_util::future::try_join_all;
use ipnet::IpNet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::who::{Who, own_name};
use super::{Breakage, agents};
use lab_base::failure::chain;
use lab_kind::KindLab;
use lab_kind::api::Patience;

/// For the API server to answer again after its node was started.
const API_DEADLINE: Duration = Duration::from_mins(2);
/// For one command in a node: some of them wait for the agent to put a route back.
const COMMAND_DEADLINE: Duration = Duration::from_mins(4);

/// What was done to a cluster, and has to be taken back.
#[derive(Debug, Default)]
pub struct Standing {
    /// In the order in which it was done.
    done: Vec<Done>,
}

#[derive(Debug)]
enum Done {
    /// This line, in this node, takes it back.
    Command { node: &'static str, undo: String },
    /// This node is paused.
    Paused(&'static str),
    /// The nodes had these addresses: their own names, the lowest address first.
    Restarted(Vec<String>),
    /// The agents had this API server.
    ServiceHost(Ipv4Addr),
}

impl Standing {
    /// Breaks a cluster. What was done by the time of an error has to be taken back too.
    ///
    /// # Errors
    /// In words, when something could not be done.
    pub async fn make(&mut self, lab: &KindLab, breakage: Breakage) -> Result<(), String> {
        match breakage {
            Breakage::Commands(commands) => {
                for command in commands(&Who::of(lab).await?)? {
                    in_node(lab, command.node, &command.make).await?;
                    self.done.push(Done::Command { node: command.node, undo: command.undo });
                }
            }
            Breakage::Paused(node) => {
                let container = own(lab, node);
                lab.engine().pause_container(&container).await.map_err(|error| chain(&error))?;
                self.done.push(Done::Paused(node));
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
            Breakage::ServiceHost => {
                let record = lab.record().map_err(|error| chain(&error))?;
                let before = record.service_host.ok_or("nothing says which API server the agents were given")?;
                let nobody = nobody(lab).await?;
                self.done.push(Done::ServiceHost(before));
                give(lab, nobody).await?;
            }
        }
        Ok(())
    }

    /// Takes back what was done, the last first. All of it is tried.
    ///
    /// # Errors
    /// In words, what could not be taken back.
    pub async fn undo(self, lab: &KindLab) -> Result<(), String> {
        let mut failures = Vec::new();
        for done in self.done.into_iter().rev() {
            let undone = match done {
                Done::Command { node, undo } => in_node(lab, node, &undo).await,
                Done::Paused(node) => {
                    lab.engine().unpause_container(&own(lab, node)).await.map_err(|error| chain(&error))
                }
                Done::Restarted(order) => put_back_in_order(lab, &order).await,
                Done::ServiceHost(host) => give(lab, host).await,
            };
            failures.extend(undone.err());
        }
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    }
}

fn own(lab: &KindLab, article: &str) -> String {
    own_name(&lab.spec().cluster, article)
}

/// A line for a node's `sh`.
pub(super) async fn in_node(lab: &KindLab, node: &str, line: &str) -> Result<(), String> {
    let node = own(lab, node);
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

/// Another order, in which this node has another place: the first, or the last if it was the first.
fn with_another_address(order: &[String], node: &str) -> Vec<String> {
    let others = order.iter().filter(|one| *one != node).cloned();
    if order.first().is_some_and(|first| first == node) {
        others.chain([node.to_owned()]).collect()
    } else {
        std::iter::once(node.to_owned()).chain(others).collect()
    }
}

/// Restarts all nodes in the order of the addresses that they had. Their agents were started again then, more often than
/// Kubernetes remembers: they begin anew, so that it is known again when they first did.
async fn put_back_in_order(lab: &KindLab, order: &[String]) -> Result<(), String> {
    restart(lab, order).await?;
    let say = |seen: String| lab.doing().now(seen);
    let api = lab.api().map_err(|error| chain(&error))?;
    let answers = api.until_it_answers(Patience { deadline: API_DEADLINE, say: &say }).await;
    answers.map_err(|error| chain(&error))?;
    agents::take_away(lab).await?;
    agents::bring_back(lab).await
}

/// The last address of the lab's network that a host can have. Docker gives out the lowest ones.
async fn nobody(lab: &KindLab) -> Result<Ipv4Addr, String> {
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
    if addresses.values().any(|address| *address == last) { Err(format!("{last} is a node's")) } else { Ok(last) }
}

/// Gives all agents another API server.
async fn give(lab: &KindLab, host: Ipv4Addr) -> Result<(), String> {
    agents::take_away(lab).await?;
    lab.upgrade_service_host(host).await.map_err(|error| chain(&error))?;
    agents::bring_back(lab).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_always_has_another_place() {
        let nodes = ["a", "b", "c"].map(str::to_owned);
        for (node, order) in [("a", ["b", "c", "a"]), ("b", ["b", "a", "c"]), ("c", ["c", "a", "b"])] {
            assert_eq!(with_another_address(&nodes, node), order, "{node}");
        }
    }
}
