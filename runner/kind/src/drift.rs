//! Finds out how a kind lab has changed since it was built. For example, a restart of Docker can give other addresses to
//! the nodes, while Cilium is still configured with the old ones.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ownership::Member;
use lab_model::observe::NodeName;

/// `cluster.json` in the lab's state folder: addresses at the time when the lab was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Each node's address on the lab's network.
    pub addresses: BTreeMap<NodeName, Ipv4Addr>,
    /// The address of the API server that the agents were given (chart value `k8sServiceHost`); none before Helm ran.
    pub service_host: Option<Ipv4Addr>,
}

/// One change since the lab was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What was found.
    pub found: String,
    /// The consequence.
    pub why: String,
    /// What to do, as a command.
    pub remedy: String,
}

/// Compares the containers that Docker has now with the record.
pub fn drift(
    lab: &str,
    network: &str,
    control_plane: &NodeName,
    recorded: &ClusterRecord,
    now: &[Member],
) -> Vec<Drift> {
    let again = format!("lab down --name {lab} && lab up --on kind --name {lab}");
    let mut found = Vec::new();
    for (node, address) in &recorded.addresses {
        let Some(member) = now.iter().find(|member| member.name == node.0) else {
            found.push(Drift {
                found: format!("{node} is gone: there is no container of this name"),
                why: "the other nodes keep routes to its pods".to_owned(),
                remedy: again.clone(),
            });
            continue;
        };
        if member.state == "paused" {
            found.push(Drift {
                found: format!("{node} is paused"),
                why: "it answers nothing until it is unpaused".to_owned(),
                remedy: format!("docker unpause {node}"),
            });
        } else if !member.running {
            found.push(Drift {
                found: format!("{node} does not run ({})", member.state),
                // Two nodes that were started in another order were seen to have swapped addresses.
                why: "after a start it may have another address, and then it no longer works in this lab".to_owned(),
                remedy: format!("docker start {node} && lab status --name {lab}; or make the lab again: {again}"),
            });
        } else {
            found.extend(moved(lab, node, *address, member.addresses.get(network).copied(), network, &again));
        }
    }
    found.extend(stale_host(control_plane, network, recorded, now, &again));
    found
}

fn moved(
    lab: &str,
    node: &NodeName,
    then: Ipv4Addr,
    now: Option<Ipv4Addr>,
    network: &str,
    again: &str,
) -> Option<Drift> {
    let now_at = match now {
        Some(now) if now == then => return None,
        Some(now) => format!("has the address {now} now"),
        None => format!("has no address on the network {network} now"),
    };
    Some(Drift {
        found: format!("{node} {now_at}; it had {then} when the lab was built"),
        // When only workers got other addresses, Cilium was seen to renew the routes within a minute.
        why: "its peers' direct routes lead to the old address until their agents have learned the new one".to_owned(),
        remedy: format!("lab verify --name {lab} shows whether they have; or make the lab again: {again}"),
    })
}

fn stale_host(
    control_plane: &NodeName,
    network: &str,
    recorded: &ClusterRecord,
    now: &[Member],
    again: &str,
) -> Option<Drift> {
    let configured = recorded.service_host?;
    let member = now.iter().find(|member| member.name == control_plane.0 && member.running)?;
    let address = member.addresses.get(network).copied()?;
    (address != configured).then(|| Drift {
        found: format!(
            "the agents are configured with the API server at {configured} (k8sServiceHost); it is at {address}"
        ),
        why: "an agent that is restarted does not become ready".to_owned(),
        remedy: again.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = "kind";
    const FIRST: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 2);
    const SECOND: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 3);

    fn member(name: &str, address: Option<Ipv4Addr>, state: &str) -> Member {
        Member {
            id: name.to_owned(),
            name: name.to_owned(),
            cluster: "kind".to_owned(),
            running: matches!(state, "running" | "paused"),
            state: state.to_owned(),
            addresses: address.map(|address| (NETWORK.to_owned(), address)).into_iter().collect(),
            mark: None,
        }
    }

    fn found(now: &[Member]) -> Vec<String> {
        let recorded = ClusterRecord {
            addresses: BTreeMap::from([("kind-control-plane".into(), FIRST), ("kind-worker".into(), SECOND)]),
            service_host: Some(FIRST),
        };
        drift("kind", NETWORK, &"kind-control-plane".into(), &recorded, now)
            .into_iter()
            .map(|drift| drift.found)
            .collect()
    }

    #[test]
    fn as_built_is_no_drift() {
        let now =
            [member("kind-control-plane", Some(FIRST), "running"), member("kind-worker", Some(SECOND), "running")];
        assert_eq!(found(&now), [""; 0]);
    }

    #[test]
    fn swapped_addresses_are_told_of_both_nodes_and_of_the_agents_api_server() {
        let now =
            [member("kind-control-plane", Some(SECOND), "running"), member("kind-worker", Some(FIRST), "running")];
        assert_eq!(
            found(&now),
            [
                "kind-control-plane has the address 172.18.0.3 now; it had 172.18.0.2 when the lab was built",
                "kind-worker has the address 172.18.0.2 now; it had 172.18.0.3 when the lab was built",
                "the agents are configured with the API server at 172.18.0.2 (k8sServiceHost); it is at 172.18.0.3",
            ]
        );
    }

    #[test]
    fn nodes_that_do_not_run_are_told_apart() {
        let paused =
            [member("kind-control-plane", Some(FIRST), "running"), member("kind-worker", Some(SECOND), "paused")];
        assert_eq!(found(&paused), ["kind-worker is paused"]);
        let stopped = [member("kind-control-plane", Some(FIRST), "running"), member("kind-worker", None, "exited")];
        assert_eq!(found(&stopped), ["kind-worker does not run (exited)"]);
        assert_eq!(
            found(&[member("kind-control-plane", Some(FIRST), "running")]),
            ["kind-worker is gone: there is no container of this name"]
        );
    }
}
