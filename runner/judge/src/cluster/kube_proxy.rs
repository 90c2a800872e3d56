//! No kube-proxy, and nothing that one has left.

use std::collections::BTreeSet;

use crate::of_cluster;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{FilterListing, NodeName, Place};
use lab_model::seen::KubeProxySeen;
use lab_model::{Judgement, Proof, Reason, words};

/// How the names of kube-proxy's own chains begin (Kubernetes: `pkg/proxy/iptables/proxier.go`). The kubelet's own,
/// `KUBE-MARK-MASQ`, `KUBE-POSTROUTING`, `KUBE-FIREWALL`, are there without it.
const CHAINS: [&str; 9] = [
    "KUBE-SVC-",
    "KUBE-SVL-",
    "KUBE-SEP-",
    "KUBE-FW-",
    "KUBE-EXT-",
    "KUBE-SERVICES",
    "KUBE-NODEPORTS",
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-PROXY-",
];
/// What every kubelet puts into the packet filter that it uses, and so would kube-proxy: a listing without it is of
/// another one (Kubernetes: `pkg/kubelet/kubelet_network_linux.go`).
const CANARY: &str = "KUBE-KUBELET-CANARY";
/// How many chains are named before the rest is only counted.
const CHAINS_NAMED: usize = 3;

/// There is no kube-proxy `DaemonSet`, and no node has a chain of kube-proxy's in its packet filter.
///
/// # Errors
/// [`Reason::KubeProxyRuns`], and for each node [`Reason::KubeProxyChain`]. Unobserved where `DaemonSets` or a node's
/// chains could not be listed, or the listing is not of the packet filter that the node's kubelet uses.
pub fn no_kube_proxy(seen: &KubeProxySeen, expect: &Expectations) -> Judgement {
    of_cluster(expect)?;
    weigh(seen, expect.nodes())
}

/// The same about as many nodes as there should be.
pub(crate) fn weigh(seen: &KubeProxySeen, nodes: usize) -> Judgement {
    if seen.nodes.is_empty() {
        return unobserved("the lab names no nodes");
    }
    let mut weighing = Weighing::default();
    weighing.each_once("node", &seen.nodes);
    if seen.nodes.len() < nodes {
        weighing.miss(format!("the lab names {} of {nodes} nodes", seen.nodes.len()));
    }
    let mut others = Vec::new();
    match &seen.daemon_sets {
        Err(why) => weighing.miss(format!("DaemonSets could not be listed: {why}")),
        Ok(daemon_sets) => {
            for set in daemon_sets {
                let name = format!("{}/{}", set.namespace, set.name);
                if set.name.contains("kube-proxy") {
                    let show = Some("kubectl get daemonsets --all-namespaces".to_owned());
                    let observed = format!("DaemonSet {name}, {} of {} ready", set.ready, set.desired);
                    weighing.refute(Reason::KubeProxyRuns, Place::Bridge, "no kube-proxy", observed, show);
                }
                others.push(name);
            }
        }
    }
    let lines: Vec<String> = seen.nodes.iter().filter_map(|node| chains(node, seen, &mut weighing)).collect();
    let total = seen.nodes.len();
    weighing.conclude(|| {
        let others = if others.is_empty() { "none at all".to_owned() } else { others.join(", ") };
        Proof::new(format!(
            "no kube-proxy among the DaemonSets ({others}), no KUBE-SVC chain on {total} of {total} nodes"
        ))
        .with_details(lines)
    })
}

/// Judges one node's chains. What is to be said of them where there is nothing against them.
fn chains(node: &NodeName, seen: &KubeProxySeen, weighing: &mut Weighing) -> Option<String> {
    let listings = match seen.filters.get(node) {
        Some(Ok(listings)) => listings,
        Some(Err(why)) => {
            weighing.miss(format!("{node}: the packet filter could not be listed: {why}"));
            return None;
        }
        None => {
            weighing.miss(format!("{node}: the packet filter was not listed"));
            return None;
        }
    };
    let mut held = Vec::new();
    let mut uses = false;
    for FilterListing { program, tables } in listings {
        let Ok(tables) = tables else { continue };
        let all: BTreeSet<&str> = tables.values().flatten().map(String::as_str).collect();
        uses |= all.contains(CANARY);
        let own: Vec<String> = all
            .iter()
            .filter(|chain| CHAINS.iter().any(|prefix| chain.starts_with(prefix)))
            .map(|chain| (*chain).to_owned())
            .collect();
        if !own.is_empty() {
            weighing.refute(
                Reason::KubeProxyChain,
                Place::Node(node.clone()),
                format!("{node}: no chain of kube-proxy's"),
                format!("{node}: {} ({program})", words::few(&own, CHAINS_NAMED, ", ")),
                Some(program.clone()),
            );
        }
        held.push(format!("{} chains by {program}", all.len()));
    }
    if !uses {
        let failed: Vec<String> = listings
            .iter()
            .filter_map(|listing| Some(format!("{}: {}", listing.program, listing.tables.as_ref().err()?)))
            .collect();
        let failed = if failed.is_empty() { String::new() } else { format!(" ({})", failed.join("; ")) };
        weighing.miss(format!("{node}: no listing has the kubelet's own chain {CANARY}{failed}"));
    }
    Some(format!("{node}: {}, none of kube-proxy's", held.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::kind::{daemon_set, expectations, no_proxy};
    use lab_model::NotHeld;

    fn judged(change: impl FnOnce(&mut KubeProxySeen)) -> Judgement {
        let mut seen = no_proxy();
        change(&mut seen);
        no_kube_proxy(&seen, &expectations())
    }

    fn add_chain(seen: &mut KubeProxySeen, listing: usize, chain: &str) {
        let node = seen.filters.get_mut(&NodeName::from("kind-worker2"));
        let Some(Ok(listings)) = node else { panic!("kind-worker2 has listings") };
        let tables = listings[listing].tables.as_mut().expect("tables");
        tables.entry("nat".to_owned()).or_default().push(chain.to_owned());
    }

    fn reasons(judgement: Judgement) -> Vec<Reason> {
        judgement.expect_err("should not hold").reasons()
    }

    #[test]
    fn accepts_nodes_with_the_kubelets_chains_alone() {
        assert_eq!(
            judged(|_seen| {}).expect("held").summary,
            "no kube-proxy among the DaemonSets (kube-system/cilium), no KUBE-SVC chain on 3 of 3 nodes"
        );
        let none = judged(|seen| seen.daemon_sets = Ok(Vec::new())).expect("held");
        assert!(none.summary.contains("none at all"), "{}", none.summary);
    }

    #[test]
    fn refutes_a_chain_in_either_packet_filter() {
        for listing in [0, 1] {
            for chain in ["KUBE-SVC-TCOU7JCQXEZGVUNU", "KUBE-SERVICES", "KUBE-PROXY-CANARY", "KUBE-NODEPORTS"] {
                let judgement = judged(|seen| add_chain(seen, listing, chain));
                let Err(NotHeld::Refuted(findings)) = judgement else { panic!("not refuted: {chain}") };
                assert_eq!(findings.len(), 1);
                assert_eq!(findings[0].reason, Reason::KubeProxyChain);
                assert_eq!(findings[0].place, Place::Node(NodeName::from("kind-worker2")));
                assert!(findings[0].observed.contains(chain), "{}", findings[0].observed);
            }
        }
    }

    #[test]
    fn refutes_a_daemon_set() {
        let judgement = judged(|seen| {
            seen.daemon_sets.as_mut().expect("listed").push(daemon_set("kube-proxy", 3));
        });
        assert_eq!(reasons(judgement), [Reason::KubeProxyRuns]);
    }

    #[test]
    fn what_was_not_listed_is_unobserved() {
        let node = NodeName::from("kind-worker");
        let changes: [&dyn Fn(&mut KubeProxySeen); 6] = [
            &|seen| seen.nodes.clear(),
            &|seen| drop(seen.nodes.pop()),
            &|seen| seen.daemon_sets = Err("the API server does not answer".to_owned()),
            &|seen| drop(seen.filters.remove(&node)),
            &|seen| drop(seen.filters.insert(node.clone(), Err("no such container".to_owned()))),
            // Nothing of the kubelet's: another packet filter, or none at all.
            &|seen| {
                let empty = FilterListing { program: "iptables-nft-save".to_owned(), tables: Ok([].into()) };
                seen.filters.insert(node.clone(), Ok(vec![empty]));
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let judgement = judged(change);
            assert!(matches!(judgement, Err(NotHeld::Unobserved(_))), "{number}: {judgement:?}");
        }
    }
}
