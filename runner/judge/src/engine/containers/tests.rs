//! The containers of a lab on kind, and what can be wrong with them.

use super::*;
use crate::fixture::kind::{NODE_DIGEST, containers, expectations, node_image};
use lab_model::observe::ImageSource;
use lab_model::{Finding, NotHeld};

fn judged(change: impl FnOnce(&mut ContainersSeen)) -> Judgement {
    let mut seen = ContainersSeen { containers: containers(), image: None, node_image: None };
    change(&mut seen);
    three_node_containers_run(&seen, &expectations())
}

fn refuted(change: impl FnOnce(&mut ContainersSeen)) -> Vec<Finding> {
    match judged(change) {
        Err(NotHeld::Refuted(findings)) => findings,
        other => panic!("not refuted: {other:?}"),
    }
}

fn reasons(findings: &[Finding]) -> Vec<Reason> {
    findings.iter().map(|finding| finding.reason).collect()
}

#[test]
fn accepts_three_containers_of_the_pinned_image() {
    let proof = judged(|_seen| {}).expect("held");
    assert_eq!(
        proof.summary,
        "3 of 3 containers run, 1 of 1 control planes and 2 of 2 workers, from kindest/node:v1.25.3; \
         API server on 127.0.0.1:41541->6443/tcp"
    );
    let lines = |name: &str| proof.details.iter().filter(|line| line.starts_with(&format!("{name}: "))).count();
    assert_eq!(["kind-control-plane", "kind-worker", "kind-worker2"].map(lines), [1; 3], "{:?}", proof.details);
    assert!(
        proof.details.iter().any(|line| line.ends_with(" running 127.0.0.1:41541->6443/tcp")),
        "{:?}",
        proof.details
    );
}

#[test]
fn refutes_a_node_that_is_stopped_paused_or_gone() {
    for state in ["exited", "paused"] {
        let findings = refuted(|seen| seen.containers[1].state = state.to_owned());
        assert_eq!(reasons(&findings), [Reason::NodeNotRunning], "{state}");
        assert_eq!(findings[0].observed, format!("kind-worker: {state}"));
    }
    assert_eq!(reasons(&refuted(|seen| drop(seen.containers.pop()))), [Reason::WrongNodeCount]);
}

#[test]
fn refutes_a_container_too_many_whatever_its_role() {
    let worker = refuted(|seen| seen.containers.push(seen.containers[2].clone()));
    assert_eq!(reasons(&worker), [Reason::WrongNodeCount]);
    let other = refuted(|seen| {
        let balancer = NodeContainer { role: None, ..seen.containers[2].clone() };
        seen.containers.push(balancer);
    });
    assert_eq!(reasons(&other), [Reason::WrongNodeCount]);
}

#[test]
fn another_clusters_containers_do_not_count() {
    let foreign = |seen: &mut ContainersSeen| {
        let other = NodeContainer { cluster: "other".to_owned(), ..seen.containers[2].clone() };
        seen.containers.push(other);
    };
    assert!(judged(foreign).is_ok());
    assert_eq!(reasons(&refuted(|seen| seen.containers[2].cluster = "other".to_owned())), [Reason::WrongNodeCount]);
}

#[test]
fn refutes_another_images_digest_under_the_same_tag() {
    let another = format!("kindest/node@sha256:{}", "0".repeat(64));
    let findings = refuted(|seen| seen.containers[2].repo_digests = vec![another.clone()]);
    assert_eq!(reasons(&findings), [Reason::AnotherImage]);
    assert!(findings[0].expected.contains(NODE_DIGEST), "{}", findings[0].expected);
    // The same digest of another repository names another image.
    let elsewhere = format!("example.org/node@{NODE_DIGEST}");
    assert_eq!(reasons(&refuted(|seen| seen.containers[2].repo_digests = vec![elsewhere])), [Reason::AnotherImage]);
    // The reference that was asked for is no proof by itself.
    let asked = refuted(|seen| {
        seen.containers[2].repo_digests.clear();
        seen.containers[2].image = format!("kindest/node:v1.25.3@{NODE_DIGEST}");
    });
    assert_eq!(reasons(&asked), [Reason::AnotherImage]);
}

#[test]
fn an_image_out_of_a_kit_is_known_by_what_the_lab_took() {
    let from_kit = |seen: &mut ContainersSeen| {
        seen.containers.iter_mut().for_each(|node| node.repo_digests.clear());
        seen.image = Some(node_image());
    };
    assert!(judged(from_kit).is_ok());
    let another = refuted(|seen| {
        from_kit(seen);
        seen.containers[1].image_id = format!("sha256:{}", "1".repeat(64));
    });
    assert_eq!(reasons(&another), [Reason::AnotherImage]);
    let undigested = refuted(|seen| {
        from_kit(seen);
        seen.image = Some(ImageSource { repo_digest: None, ..node_image() });
    });
    assert_eq!(reasons(&undigested), [Reason::AnotherImage; 3]);
}

#[test]
fn an_image_of_the_hosts_own_is_the_one_that_was_taken() {
    let mut expect = expectations();
    let Some(cluster) = &mut expect.cluster else { panic!("a cluster is expected") };
    cluster.node_image.digest = None;
    let mut seen = ContainersSeen { containers: containers(), image: Some(node_image()), node_image: None };
    assert!(three_node_containers_run(&seen, &expect).is_ok());
    seen.containers[0].image_id = format!("sha256:{}", "1".repeat(64));
    let judgement = three_node_containers_run(&seen, &expect);
    assert_eq!(judgement.expect_err("another image").reasons(), [Reason::AnotherImage]);
    seen.image = None;
    let missing = unobserved("which image kindest/node:v1.25.3 was when the lab took it was not recorded");
    assert_eq!(three_node_containers_run(&seen, &expect), missing);
}

#[test]
fn refutes_an_api_server_that_others_can_reach() {
    for address in ["0.0.0.0", "::", "192.0.2.7"] {
        let findings = refuted(|seen| seen.containers[0].ports[0].host_ip = address.parse().expect("an address"));
        assert_eq!(reasons(&findings), [Reason::PublishedBeyondLoopback], "{address}");
    }
    let both = refuted(|seen| {
        let open = PublishedPort { host_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ..seen.containers[0].ports[0].clone() };
        seen.containers[0].ports.push(open);
    });
    assert_eq!(reasons(&both), [Reason::PublishedBeyondLoopback]);
    assert_eq!(both[0].observed, "kind-control-plane: 0.0.0.0:41541->6443/tcp");
}

#[test]
fn refutes_a_workers_port_beyond_loopback() {
    let findings = refuted(|seen| {
        let port = PublishedPort {
            container_port: 30080,
            protocol: "tcp".to_owned(),
            host_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            host_port: 30080,
        };
        seen.containers[1].ports.push(port);
    });
    assert_eq!(reasons(&findings), [Reason::PublishedBeyondLoopback]);
}

#[test]
fn refutes_an_api_server_that_is_not_published() {
    let findings = refuted(|seen| seen.containers[0].ports.clear());
    assert_eq!(reasons(&findings), [Reason::ApiNotPublished]);
    let udp = refuted(|seen| seen.containers[0].ports[0].protocol = "udp".to_owned());
    assert_eq!(reasons(&udp), [Reason::ApiNotPublished]);
}

#[test]
fn no_containers_are_unobserved() {
    assert_eq!(judged(|seen| seen.containers.clear()), unobserved("the Engine lists no containers of cluster kind"));
}

mod baked;
