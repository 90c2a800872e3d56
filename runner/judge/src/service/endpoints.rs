//! The Service and what it names as its endpoints.

use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use super::{by_hand, ready_backends};
use crate::weighing::Weighing;
use lab_model::expect::Expectations;
use lab_model::observe::Place;
use lab_model::seen::EndpointsSeen;
use lab_model::{Finding, Judgement, NotHeld, Proof, Reason};

/// The Service has a `ClusterIP` of the network of Services, where one is given, outside all pod CIDRs, and its endpoints are exactly the ready pods.
///
/// # Errors
/// [`Reason::NoService`], [`Reason::ClusterIpWithinPodCidr`],
/// [`Reason::ClusterIpOutsideServiceCidr`], [`Reason::EndpointMissing`] for a ready pod and
/// [`Reason::EndpointStale`] for an endpoint. Unobserved when fewer replicas are ready than there should be, or unless the
/// pod CIDR of every node is known: the `ClusterIP` might lie in one that is not.
pub fn cluster_ip_has_both_backends(seen: &EndpointsSeen, expect: &Expectations) -> Judgement {
    let service = &seen.service;
    let show = || by_hand(&service.source);
    let Some(address) =
        service.cluster_ip.filter(|address| service.name == expect.service && address.port() == expect.service_port)
    else {
        let found = service.cluster_ip.map_or_else(
            || format!("none in {}", service.source),
            |address| format!("{} at {address} in {}", service.name, service.source),
        );
        return Err(NotHeld::Refuted(vec![Finding {
            reason: Reason::NoService,
            place: Place::Bridge,
            expected: format!("a Service {} on port {}", expect.service, expect.service_port),
            observed: found,
            by_hand: show(),
        }]));
    };
    let mut weighing = Weighing::default();
    let pod_cidrs = &seen.pod_cidrs.by_node;
    let distinct: BTreeSet<Ipv4Net> = pod_cidrs.values().copied().collect();
    if distinct.len() < expect.nodes() {
        weighing.miss(format!("the pod CIDRs of {} of {} nodes are known", distinct.len(), expect.nodes()));
    }
    for (node, cidr) in pod_cidrs.iter().filter(|(_node, cidr)| cidr.contains(address.ip())) {
        weighing.refute(
            Reason::ClusterIpWithinPodCidr,
            Place::Node(node.clone()),
            format!("a ClusterIP outside {cidr}, the pod CIDR of {node}"),
            address.to_string(),
            show(),
        );
    }
    let services = expect.cluster.as_ref().and_then(|cluster| cluster.service_cidr);
    if let Some(services) = services.filter(|services| !services.contains(address.ip())) {
        weighing.refute(
            Reason::ClusterIpOutsideServiceCidr,
            Place::Bridge,
            format!("a ClusterIP of {services}, the network of Services"),
            address.to_string(),
            show(),
        );
    }
    let ready = ready_backends(&seen.pods, expect, &mut weighing);
    let endpoints: BTreeSet<SocketAddrV4> = service.endpoints.iter().copied().collect();
    for (backend, pod) in ready.iter().filter(|(backend, _pod)| !endpoints.contains(backend)) {
        weighing.refute(
            Reason::EndpointMissing,
            Place::Pod((*pod).clone()),
            format!("{backend} ({pod}) is an endpoint of {}", service.name),
            format!("{} endpoints: {}", endpoints.len(), listed(&endpoints)),
            show(),
        );
    }
    for endpoint in endpoints.iter().filter(|endpoint| !ready.contains_key(endpoint)) {
        weighing.refute(
            Reason::EndpointStale,
            Place::Bridge,
            format!("the ready pods of {} are its only endpoints", service.name),
            format!("{endpoint} is no ready pod's"),
            show(),
        );
    }
    weighing.conclude(|| {
        Proof::new(format!(
            "{address} has {} of {} ready pods as endpoints: {}",
            endpoints.len(),
            ready.len(),
            listed(&endpoints)
        ))
        .with_details([format!("read from {}", service.source)])
    })
}

fn listed(endpoints: &BTreeSet<SocketAddrV4>) -> String {
    if endpoints.is_empty() {
        return "none".to_owned();
    }
    endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::fixture::expectations;
    use crate::weighing::unobserved;
    use lab_model::observe::ServiceSeen;

    fn judged(change: impl FnOnce(&mut EndpointsSeen)) -> Judgement {
        let mut seen = EndpointsSeen {
            service: ServiceSeen {
                name: "hello-app".to_owned(),
                source: "nftables ip lab".to_owned(),
                cluster_ip: Some(socket("10.96.37.61:8080")),
                endpoints: vec![socket("10.0.2.7:8080"), socket("10.0.1.12:8080")],
            },
            pods: fixture::both_pods(),
            pod_cidrs: fixture::pod_cidrs(3),
        };
        change(&mut seen);
        cluster_ip_has_both_backends(&seen, &expectations())
    }

    fn refuted(change: impl FnOnce(&mut EndpointsSeen)) -> Vec<Reason> {
        judged(change).expect_err("refuted").reasons()
    }

    fn socket(text: &str) -> SocketAddrV4 {
        text.parse().expect("an address and port")
    }

    #[test]
    fn accepts_exactly_the_ready_pods() {
        let proof = judged(|_seen| {}).expect("held");
        assert_eq!(proof.summary, "10.96.37.61:8080 has 2 of 2 ready pods as endpoints: 10.0.1.12:8080, 10.0.2.7:8080");
    }

    #[test]
    fn refutes_an_address_that_the_cluster_does_not_give_to_services() {
        let judged = |services: Option<&str>| {
            let mut expect = fixture::kind::expectations();
            expect.cluster.as_mut().expect("of kind").service_cidr =
                services.map(|net| net.parse().expect("a network"));
            let mut seen = None;
            let _held = super::tests::judged(|built| seen = Some(built.clone()));
            cluster_ip_has_both_backends(&seen.expect("built"), &expect)
        };
        assert!(judged(Some("10.96.0.0/16")).is_ok());
        assert!(judged(None).is_ok(), "older programs have not written it");
        let refuted = judged(Some("172.31.0.0/16")).expect_err("refuted").reasons();
        assert_eq!(refuted, [Reason::ClusterIpOutsideServiceCidr]);
    }

    #[test]
    fn refutes_a_service_that_is_not_there() {
        assert_eq!(refuted(|seen| seen.service.cluster_ip = None), [Reason::NoService]);
        assert_eq!(refuted(|seen| seen.service.cluster_ip = Some(socket("10.96.37.61:80"))), [Reason::NoService]);
        assert_eq!(refuted(|seen| seen.service.name = "other".to_owned()), [Reason::NoService]);
    }

    #[test]
    fn refutes_a_cluster_ip_within_a_pod_cidr() {
        assert_eq!(
            refuted(|seen| seen.service.cluster_ip = Some(socket("10.0.2.99:8080"))),
            [Reason::ClusterIpWithinPodCidr]
        );
    }

    #[test]
    fn refutes_a_missing_endpoint() {
        assert_eq!(refuted(|seen| seen.service.endpoints.truncate(1)), [Reason::EndpointMissing]);
        assert_eq!(refuted(|seen| seen.service.endpoints.clear()), [Reason::EndpointMissing, Reason::EndpointMissing]);
    }

    #[test]
    fn refutes_a_stale_endpoint() {
        assert_eq!(refuted(|seen| seen.service.endpoints.push(socket("10.0.1.99:8080"))), [Reason::EndpointStale]);
        // The pod's address, but not the port that it serves on.
        assert_eq!(
            refuted(|seen| seen.service.endpoints[0] = socket("10.0.2.7:80")),
            [Reason::EndpointMissing, Reason::EndpointStale]
        );
        assert_eq!(refuted(|seen| seen.pods[1].ready = false), [Reason::EndpointStale]);
    }

    #[test]
    fn what_was_not_seen_is_unobserved() {
        let nothing = judged(|seen| {
            seen.pods.clear();
            seen.service.endpoints.clear();
        });
        assert_eq!(nothing, unobserved("0 of 2 replicas are ready"));
        assert_eq!(
            judged(|seen| seen.pod_cidrs.by_node.clear()),
            unobserved("the pod CIDRs of 0 of 3 nodes are known")
        );
        // The one that is not known may be the one that it lies in.
        let of_nobody = judged(|seen| {
            seen.service.cluster_ip = Some(socket("10.0.2.99:8080"));
            seen.pod_cidrs.by_node.retain(|node, _cidr| node.0 != fixture::WORKER2);
        });
        assert_eq!(of_nobody, unobserved("the pod CIDRs of 2 of 3 nodes are known"));
        let twice = judged(|seen| {
            let cidr = seen.pod_cidrs.by_node[&fixture::WORKER.into()];
            seen.pod_cidrs.by_node.insert(fixture::WORKER2.into(), cidr);
        });
        assert_eq!(twice, unobserved("the pod CIDRs of 2 of 3 nodes are known"));
    }
}
