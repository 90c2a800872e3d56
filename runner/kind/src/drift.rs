//! What has become of a kind lab since it was built: a restart of Docker gives nodes other addresses, and what was
//! configured with the old ones does not follow.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ownership::Member;
use lab_model::observe::NodeName;

/// What was true when the lab was built, within its state folder: `cluster.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Each node's address on the lab's network.
    pub addresses: BTreeMap<NodeName, Ipv4Addr>,
    /// Where the agents were told that the API server is (chart value `k8sServiceHost`); none before Helm ran.
    pub service_host: Option<Ipv4Addr>,
}

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What was found.
    pub found: String,
    /// What comes of it.
    pub why: String,
    /// What to do, as a command.
    pub remedy: String,
}

/// Compares what Docker has now with what was recorded.
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
                why: "it answers nothing until it goes on".to_owned(),
                remedy: format!("docker unpause {node}"),
            });
        } else if !member.running {
            found.push(Drift {
                found: format!("{node} does not run ({})", member.state),
                // Seen: two nodes that were started in another order had each other's address after.
                why: "started again it may get another address, and is then no part of this lab any more".to_owned(),
                remedy: format!("docker start {node} && lab status --name {lab}; or anew: {again}"),
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
        // Seen: with only workers moved, Cilium made the routes anew within a minute, and all was well again.
        why: "its peers' direct routes lead to the old address until their agents have learned the new one".to_owned(),
        remedy: format!("lab verify --name {lab} tells whether they have; or anew: {again}"),
    })
}

fn stale_host(
    control_plane: &NodeName,
    network: &str,
    recorded: &ClusterRecord,
    now: &[Member],
    again: &str,
) -> Option<Drift> {
    let told = recorded.service_host?;
    let member = now.iter().find(|member| member.name == control_plane.0 && member.running)?;
    let address = member.addresses.get(network).copied()?;
    (address != told).then(|| Drift {
        found: format!("the agents were told that the API server is at {told} (k8sServiceHost); it is at {address}"),
        why: "an agent that starts again does not become ready".to_owned(),
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
                "the agents were told that the API server is at 172.18.0.2 (k8sServiceHost); it is at 172.18.0.3",
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
