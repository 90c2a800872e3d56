//! No kube-proxy, where it is replaced.

use super::of_foreign;
use crate::cluster::weigh_kube_proxy;
use lab_model::Judgement;
use lab_model::expect::Expectations;
use lab_model::foreign::ForeignProxySeen;
use lab_model::seen::KubeProxySeen;

/// There is no kube-proxy `DaemonSet`, and no node has a chain of kube-proxy's in its packet filter.
///
/// # Errors
/// As [`crate::cluster::no_kube_proxy`].
pub fn no_kube_proxy(seen: &ForeignProxySeen, expect: &Expectations) -> Judgement {
    of_foreign(expect)?;
    let beyond = seen.beyond.clone();
    let seen = KubeProxySeen {
        nodes: seen.filters.keys().cloned().collect(),
        daemon_sets: Ok(seen.daemon_sets.clone()),
        filters: seen.filters.clone(),
    };
    weigh_kube_proxy(&seen, expect.nodes()).map(|proof| proof.with_details(beyond))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::observe::{DaemonSetSeen, FilterListing};
    use lab_model::{NotHeld, Reason};
    use std::collections::BTreeMap;

    fn judged(change: impl FnOnce(&mut ForeignProxySeen)) -> Judgement {
        let chains = vec!["KUBE-KUBELET-CANARY".to_owned(), "CILIUM_FORWARD".to_owned()];
        let listing = FilterListing {
            program: "iptables-nft-save".to_owned(),
            tables: Ok(BTreeMap::from([("mangle".to_owned(), chains)])),
        };
        let filters = ["cp-1", "worker-1", "worker-2", "worker-3"].map(|name| (name.into(), Ok(vec![listing.clone()])));
        let mut seen = ForeignProxySeen { daemon_sets: Vec::new(), filters: filters.into(), beyond: None };
        change(&mut seen);
        no_kube_proxy(&seen, &expecting(&[]))
    }

    #[test]
    fn accepts_nodes_without_it_and_refutes_what_it_leaves() {
        assert!(judged(|_seen| {}).is_ok());
        let runs = judged(|seen| {
            seen.daemon_sets.push(DaemonSetSeen {
                namespace: "kube-system".to_owned(),
                name: "kube-proxy".to_owned(),
                desired: 4,
                ready: 4,
                available: 4,
                updated: 4,
            });
        });
        assert_eq!(runs.expect_err("refuted").reasons(), [Reason::KubeProxyRuns]);
        let chain = judged(|seen| {
            let listing = seen.filters.get_mut(&"worker-2".into()).expect("a node").as_mut().expect("listed");
            let tables = listing[0].tables.as_mut().expect("tables");
            tables.insert("nat".to_owned(), vec!["KUBE-SVC-ERIFXISQEP7F7OF4".to_owned()]);
        });
        assert_eq!(chain.expect_err("refuted").reasons(), [Reason::KubeProxyChain]);
        let gone = judged(|seen| drop(seen.filters.remove(&"worker-2".into())));
        assert!(matches!(gone, Err(NotHeld::Unobserved(_))), "{gone:?}");
    }
}
