//! Services and what they name as their endpoints.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::of_foreign;
use crate::weighing::{Weighing, unobserved};
use lab_model::expect::Expectations;
use lab_model::foreign::{ForeignEndpointsSeen, PodAddresses};
use lab_model::observe::Place;
use lab_model::{Judgement, Proof, Reason};

/// Each `ClusterIP` lies outside of the networks of pods, and each endpoint that its slices call a ready pod's is one.
///
/// # Errors
/// [`Reason::ClusterIpWithinPodCidr`], and [`Reason::EndpointStale`] for each endpoint that is no ready pod's. Unobserved
/// where there is no Service, which no cluster is without, and where nodes should have networks for pods and one's is not
/// known.
pub fn services_have_their_endpoints(seen: &ForeignEndpointsSeen, expect: &Expectations) -> Judgement {
    let configuration = &of_foreign(expect)?.configuration;
    if seen.services.is_empty() {
        return unobserved("no Service with a ClusterIP and a TCP port was seen");
    }
    let mut weighing = Weighing::default();
    if seen.nodes.len() < expect.nodes() {
        weighing.miss(format!("{} of {} nodes were looked at", seen.nodes.len(), expect.nodes()));
    }
    // Of a node whose network is not known, it is not known what lies outside of it.
    let have_networks = configuration.addresses == PodAddresses::OfNode;
    for node in seen.nodes.iter().filter(|node| have_networks && node.pod_networks.is_empty()) {
        weighing.miss(format!("the pod CIDR of {} is not known", node.name));
    }
    let mut told = BTreeSet::new();
    for service in &seen.services {
        let address = *service.address.ip();
        // In other modes agents write a network of their own making into their CiliumNode, which no pod is in.
        let of_nodes = seen.nodes.iter().filter(|_node| have_networks);
        let mut networks = of_nodes.flat_map(|node| node.pod_networks.iter().map(move |network| (node, network)));
        if let Some((node, network)) = networks.find(|(_node, network)| network.contains(&address))
            && told.insert(address)
        {
            weighing.refute(
                Reason::ClusterIpWithinPodCidr,
                Place::Node(node.name.clone()),
                format!("a ClusterIP of {} outside of {network}, the pod CIDR of {}", service.name, node.name),
                address.to_string(),
                show(&service.name),
            );
        }
    }
    let ready: BTreeSet<Ipv4Addr> = seen.ready.iter().copied().collect();
    for (address, service) in seen.claimed.iter().filter(|(address, _service)| !ready.contains(address)) {
        weighing.refute(
            Reason::EndpointStale,
            Place::Bridge,
            format!("the ready endpoints of {service} are ready pods"),
            format!("{service}: {address} is no ready pod's"),
            show(service),
        );
    }
    weighing.conclude(|| {
        Proof::new(format!(
            "{} ClusterIP ports lie outside of all pod CIDRs, and {} of {} endpoints that are pods' are ready pods'",
            seen.services.len(),
            seen.claimed.len(),
            seen.claimed.len()
        ))
    })
}

fn show(service: &str) -> Option<String> {
    let (namespace, name) = service.split_once('/')?;
    Some(format!(
        "kubectl get service,endpointslices --namespace {namespace} --selector kubernetes.io/service-name={name} --output wide"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::expecting;
    use lab_model::NotHeld;
    use lab_model::foreign::{ForeignNode, ForeignService};

    fn judged(change: impl FnOnce(&mut ForeignEndpointsSeen)) -> Judgement {
        judged_by(&[], change)
    }

    fn judged_by(settings: &[(&str, &str)], change: impl FnOnce(&mut ForeignEndpointsSeen)) -> Judgement {
        let node = |number: u8| ForeignNode {
            name: format!("node-{number}").as_str().into(),
            addresses: vec![Ipv4Addr::new(192, 168, 7, number)],
            pod_networks: vec![format!("10.42.{number}.0/24").parse().expect("a network")],
            zone: None,
        };
        let service = ForeignService {
            name: "kube-system/kube-dns".to_owned(),
            address: "10.43.0.10:53".parse().expect("an address"),
            endpoints: vec!["10.42.1.7:53".parse().expect("an address")],
            loose: None,
        };
        let mut seen = ForeignEndpointsSeen {
            services: vec![service],
            nodes: (1..=4).map(node).collect(),
            ready: vec![Ipv4Addr::new(10, 42, 1, 7)],
            claimed: vec![(Ipv4Addr::new(10, 42, 1, 7), "kube-system/kube-dns".to_owned())],
        };
        change(&mut seen);
        services_have_their_endpoints(&seen, &expecting(settings))
    }

    #[test]
    fn accepts_services_outside_of_pods_with_pods_behind() {
        let proof = judged(|_seen| {}).expect("held");
        assert!(proof.summary.starts_with("1 ClusterIP ports lie outside"), "{proof:?}");
        // In a cloud's network nodes have none of their own.
        assert!(judged_by(&[("ipam", "eni")], |seen| seen.nodes[2].pod_networks.clear()).is_ok());
        // What agents write there all the same is none that pods are in (`mutateNodeResource` of 1.12: `pkg/nodediscovery`).
        let within = |seen: &mut ForeignEndpointsSeen| {
            seen.services[0].address = "10.42.3.10:53".parse().expect("an address");
        };
        assert!(judged_by(&[("ipam", "eni")], within).is_ok());
    }

    #[test]
    fn refutes_overlaps_and_endpoints_that_are_gone() {
        let within = judged(|seen| seen.services[0].address = "10.42.3.10:53".parse().expect("an address"));
        assert_eq!(within.expect_err("refuted").reasons(), [Reason::ClusterIpWithinPodCidr]);
        let stale = judged(|seen| seen.ready.clear());
        let stale = stale.expect_err("refuted");
        assert_eq!(stale.reasons(), [Reason::EndpointStale]);
        let NotHeld::Refuted(findings) = stale else { panic!("{stale:?}") };
        let by_hand = findings[0].by_hand.as_deref().unwrap_or_default();
        assert!(
            by_hand.contains("--namespace kube-system --selector kubernetes.io/service-name=kube-dns "),
            "{by_hand}"
        );
        for gone in [
            judged(|seen| seen.services.clear()),
            judged(|seen| drop(seen.nodes.pop())),
            judged(|seen| seen.nodes[2].pod_networks.clear()),
        ] {
            assert!(matches!(gone, Err(NotHeld::Unobserved(_))), "{gone:?}");
        }
    }
}
