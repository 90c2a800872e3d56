//! The datapath's own tables.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::{by_hand, ready_backends};
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::observe::{Backend, BackendState, Place, PodName, ServiceTable};
use lab_model::seen::TablesSeen;
use lab_model::{Finding, Judgement, Proof, Reason};

/// On every node the datapath's own table has the `ClusterIP` and port, with exactly the ready pods behind it, all active.
///
/// # Errors
/// For each table [`Reason::FrontendMissing`], [`Reason::BackendMissing`], [`Reason::BackendStale`] or
/// [`Reason::BackendInactive`]. Unobserved when there is no `ClusterIP`, a node's table was not read, or fewer replicas are
/// ready than there should be.
pub fn load_balancer_table_matches(seen: &TablesSeen, expect: &Expectations) -> Judgement {
    let Some(cluster_ip) = seen.cluster_ip else {
        return unobserved(format!("Service {} has no ClusterIP to look for", expect.service));
    };
    if seen.tables.is_empty() {
        return unobserved("no load balancer's table was read");
    }
    let mut weighing = Weighing::default();
    let nodes: BTreeSet<&Place> =
        seen.tables.iter().map(|(place, _table)| place).filter(|place| matches!(place, Place::Node(_))).collect();
    if nodes.len() < expect.nodes() {
        weighing.miss(format!(
            "the load balancer's table was asked for on {} of {} nodes",
            nodes.len(),
            expect.nodes()
        ));
    }
    let wanted = ready_backends(&seen.pods, expect, &mut weighing);
    let mut lines = Vec::new();
    for (place, table) in &seen.tables {
        match table {
            Err(why) => weighing.miss(format!("the load balancer's table on {place} could not be read: {why}")),
            Ok(table) => {
                weigh(place, table, cluster_ip, &wanted, &mut weighing);
                lines.push(format!("{place}: {} of {} backends in {}", wanted.len(), wanted.len(), table.source));
            }
        }
    }
    weighing.conclude(|| {
        let backends: Vec<String> = wanted.keys().map(ToString::to_string).collect();
        Proof::new(format!(
            "{} of {} tables have {cluster_ip} with exactly {}, all active",
            lines.len(),
            seen.tables.len(),
            backends.join(", ")
        ))
        .with_details(lines)
    })
}

fn weigh(
    place: &Place,
    table: &ServiceTable,
    cluster_ip: SocketAddrV4,
    wanted: &BTreeMap<SocketAddrV4, &PodName>,
    weighing: &mut Weighing,
) {
    let finding = |reason, expected: String, observed: String| Finding {
        reason,
        place: place.clone(),
        expected: format!("{place}: {expected}"),
        observed: format!("{place}: {observed}"),
        by_hand: by_hand(&table.source),
    };
    let mut frontends = table.frontends.iter().filter(|frontend| frontend.address == cluster_ip).peekable();
    if frontends.peek().is_none() {
        let others = table.frontends.len();
        weighing.push(finding(
            Reason::FrontendMissing,
            format!("{cluster_ip} is in {}", table.source),
            format!("it is not among {others} frontends"),
        ));
        return;
    }
    let backends: Vec<&Backend> = frontends.flat_map(|frontend| &frontend.backends).collect();
    let present: BTreeSet<SocketAddrV4> = backends.iter().map(|backend| backend.address).collect();
    for (address, pod) in wanted.iter().filter(|(address, _pod)| !present.contains(address)) {
        weighing.push(finding(
            Reason::BackendMissing,
            format!("{address} ({pod}) is behind {cluster_ip}"),
            format!("it is not among {} backends", present.len()),
        ));
    }
    for address in present.iter().filter(|address| !wanted.contains_key(address)) {
        weighing.push(finding(
            Reason::BackendStale,
            format!("only ready pods are behind {cluster_ip}"),
            format!("{address}, which is no ready pod's"),
        ));
    }
    for backend in backends.iter().filter(|backend| wanted.contains_key(&backend.address)) {
        if let BackendState::Other(state) = &backend.state {
            weighing.push(finding(
                Reason::BackendInactive,
                format!("{} is active", backend.address),
                format!("{} is {state}", backend.address),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::expectations;
    use lab_model::NotHeld;
    use lab_model::observe::Frontend;

    fn backend(address: &str) -> Backend {
        Backend { address: address.parse().expect("an address and port"), state: BackendState::Active }
    }

    fn seen() -> TablesSeen {
        let cluster_ip = "10.96.37.61:8080".parse().expect("an address and port");
        let kubernetes = Frontend {
            address: "10.96.0.1:443".parse().expect("an address and port"),
            backends: vec![backend("172.18.0.2:6443")],
        };
        let hello =
            Frontend { address: cluster_ip, backends: vec![backend("10.0.1.12:8080"), backend("10.0.2.7:8080")] };
        let table = ServiceTable { source: "nftables ip lab".to_owned(), frontends: vec![kubernetes, hello] };
        TablesSeen {
            cluster_ip: Some(cluster_ip),
            pods: fixture::both_pods(),
            tables: (0..3).map(|number| (Place::Node(fixture::node(number).0), Ok(table.clone()))).collect(),
        }
    }

    fn judged(change: impl FnOnce(&mut TablesSeen)) -> Judgement {
        let mut seen = seen();
        change(&mut seen);
        load_balancer_table_matches(&seen, &expectations())
    }

    /// The findings when kind-worker's table is changed so.
    fn refuted(change: impl FnOnce(&mut Vec<Frontend>)) -> Vec<Finding> {
        match judged(|seen| change(&mut seen.tables[1].1.as_mut().expect("a table").frontends)) {
            Err(NotHeld::Refuted(findings)) => findings,
            other => panic!("not refuted: {other:?}"),
        }
    }

    fn reasons(findings: &[Finding]) -> Vec<Reason> {
        findings.iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn accepts_tables_with_exactly_the_ready_pods() {
        assert_eq!(
            judged(|_seen| {}).expect("held").summary,
            "3 of 3 tables have 10.96.37.61:8080 with exactly 10.0.1.12:8080, 10.0.2.7:8080, all active"
        );
    }

    #[test]
    fn refutes_a_missing_frontend() {
        let findings = refuted(|frontends| drop(frontends.pop()));
        assert_eq!(reasons(&findings), [Reason::FrontendMissing]);
        assert_eq!(findings[0].place, Place::Node(fixture::WORKER.into()));
        assert_eq!(findings[0].by_hand.as_deref(), Some("nft list table ip lab"));
        assert_eq!(reasons(&refuted(Vec::clear)), [Reason::FrontendMissing]);
    }

    #[test]
    fn refutes_a_missing_backend() {
        assert_eq!(reasons(&refuted(|frontends| drop(frontends[1].backends.pop()))), [Reason::BackendMissing]);
    }

    #[test]
    fn refutes_a_stale_backend() {
        let findings = refuted(|frontends| frontends[1].backends.push(backend("10.0.1.99:8080")));
        assert_eq!(reasons(&findings), [Reason::BackendStale]);
        assert_eq!(findings[0].observed, "kind-worker: 10.0.1.99:8080, which is no ready pod's");
    }

    #[test]
    fn refutes_an_inactive_backend() {
        let quarantined = BackendState::Other("quarantined".to_owned());
        let findings = refuted(|frontends| frontends[1].backends[0].state = quarantined);
        assert_eq!(reasons(&findings), [Reason::BackendInactive]);
        assert_eq!(findings[0].observed, "kind-worker: 10.0.1.12:8080 is quarantined");
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        assert_eq!(judged(|seen| seen.cluster_ip = None), unobserved("Service hello-app has no ClusterIP to look for"));
        assert_eq!(judged(|seen| seen.tables.clear()), unobserved("no load balancer's table was read"));
        assert_eq!(
            judged(|seen| drop(seen.tables.pop())),
            unobserved("the load balancer's table was asked for on 2 of 3 nodes")
        );
        assert_eq!(
            judged(|seen| seen.tables[2].1 = Err("permission denied".to_owned())),
            unobserved("the load balancer's table on kind-worker2 could not be read: permission denied")
        );
        let nobody = judged(|seen| {
            seen.pods.clear();
            for (_place, table) in &mut seen.tables {
                table.as_mut().expect("a table").frontends[1].backends.clear();
            }
        });
        assert_eq!(nobody, unobserved("0 of 2 replicas are ready"));
    }
}
