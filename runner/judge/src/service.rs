//! The workload and its Service: where the pods are, what stands behind the `ClusterIP`, and who answers.

mod answers;
mod endpoints;
mod tables;
mod workload;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

pub(crate) use answers::weigh as weigh_answers;
pub use answers::{answers_from_each_pod, answers_from_the_control_plane};
pub use endpoints::cluster_ip_has_both_backends;
pub use tables::load_balancer_table_matches;
pub use workload::two_replicas_on_two_workers;

use super::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::{PodName, PodSeen};
use lab_model::words;

/// The ready pods, by the address and port at which each should be reached. Where fewer are ready than there should be
/// replicas, or one has no address, that is noted as missing.
fn ready_backends<'a>(
    pods: &'a [PodSeen],
    expect: &Expectations,
    weighing: &mut Weighing,
) -> BTreeMap<SocketAddrV4, &'a PodName> {
    let ready: Vec<&PodSeen> = pods.iter().filter(|pod| pod.ready).collect();
    // Replicas that are not ready cannot be judged, and without any ready pod nothing can.
    if ready.len() < expect.replicas || ready.is_empty() {
        weighing.miss(format!("{} of {} replicas are ready", ready.len(), expect.replicas));
    }
    let mut backends = BTreeMap::new();
    for pod in ready {
        match pod.address {
            Some(address) => {
                let backend = SocketAddrV4::new(address, expect.target_port);
                if let Some(other) = backends.insert(backend, &pod.name) {
                    weighing.miss(format!("ready pods {other} and {} cannot be told apart by {address}", pod.name));
                }
            }
            None => weighing.miss(format!("ready pod {} has no address", pod.name)),
        }
    }
    backends
}

/// The command that shows by hand what was read from there; none where there is no such command.
fn by_hand(source: &str) -> Option<String> {
    match source.split_once(' ') {
        Some(("nftables", table)) => Some(format!("nft list table {table}")),
        // What follows a comma says how it was read.
        Some(("cilium", _)) => Some(words::in_agent(source.split(',').next().unwrap_or(source))),
        Some(("kubectl", _)) => Some(source.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::by_hand;

    #[test]
    fn what_was_read_is_read_by_hand_with_the_same_command() {
        for (source, command) in [
            ("nftables ip lab", Some("nft list table ip lab")),
            ("kubectl get endpoints hello-app", Some("kubectl get endpoints hello-app")),
            ("cilium service list, as JSON", Some(super::words::in_agent("cilium service list").as_str())),
            ("iptables", None),
            ("a file", None),
        ] {
            assert_eq!(by_hand(source).as_deref(), command, "{source}");
        }
    }
}
