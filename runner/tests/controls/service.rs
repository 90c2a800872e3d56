//! Controls of `service::…`.

use lab_model::Reason::{
    BackendMissing, BackendNeverAnswers, BackendStale, ClusterIpWithinPodCidr, EmptyReply, EndpointMissing,
    EndpointStale, FrontendMissing, NoAnswer, NoService, OutsidePodCidr, SomeUnanswered, WrongReplicaCount,
    WrongStatus,
};
use lab_model::observe::TABLE_MAIN;
use lab_model::stage::Stage;
use lab_netns::plan::Plan;
use lab_netns::tamper::{Act, Says};
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::acts::{PlacedAct, backends, drop_to, instead, pod_address, unused_address};
use lab_sabotage::members::{BRIDGE, CONTROL_PLANE, POD1, POD2, WORKER, node, pod, pod_plan};
use lab_sabotage::{Apply, Expect};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::control::{Control, made};

const TWO_WORKERS: &str = "service::two_replicas_on_two_workers";
const ENDPOINTS: &str = "service::cluster_ip_has_both_backends";
const TABLES: &str = "service::load_balancer_table_matches";
const FROM_CONTROL_PLANE: &str = "service::answers_from_the_control_plane";
const FROM_PODS: &str = "service::answers_from_each_pod";

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "one-replica",
        "The lab is built with one pod.",
        |_plan| Vec::new(),
        &[TWO_WORKERS],
        &[
            (TWO_WORKERS, Refuted(&[(WrongReplicaCount, BRIDGE)])),
            (ENDPOINTS, Unobserved("1 of 2 replicas are ready")),
            (TABLES, Unobserved("1 of 2 replicas are ready")),
            (FROM_CONTROL_PLANE, Unobserved("1 of 2 replicas are ready")),
            (FROM_PODS, Unobserved("1 of 2 replicas are ready")),
        ],
    )
    .by(Apply::Built(Stage::WorkloadReady, |spec| spec.replicas = 1))
    .upto(Stage::WorkloadReady),
    made(
        "pod-address-of-no-node",
        "The first pod has an address outside all pod CIDRs.",
        readdressed,
        &[TWO_WORKERS],
        &[(TWO_WORKERS, Refuted(&[(OutsidePodCidr, POD1)]))],
    )
    .alone()
    .upto(Stage::WorkloadReady),
    made(
        "no-service",
        "On the control plane there is no Service.",
        |_plan| vec![(node(CONTROL_PLANE), Act::RemoveServices)],
        &[ENDPOINTS],
        &[
            (ENDPOINTS, Refuted(&[(NoService, BRIDGE)])),
            (TABLES, Unobserved("has no ClusterIP")),
            (FROM_CONTROL_PLANE, Unobserved("has no ClusterIP")),
            (FROM_PODS, Unobserved("has no ClusterIP")),
        ],
    )
    .upto(Stage::WorkloadReady),
    made(
        "cluster-ip-of-a-pod",
        "On the control plane the Service has an address of the pod CIDR of kind-worker.",
        |plan| {
            let service = SocketAddrV4::new(unused_address(plan, POD1), plan.spec.service_port);
            let backends = vec![pod_address(plan, POD1), pod_address(plan, POD2)];
            let added = Act::AddService { service, target_port: plan.spec.target_port, backends };
            vec![(node(CONTROL_PLANE), Act::RemoveServices), (node(CONTROL_PLANE), added)]
        },
        &[ENDPOINTS],
        &[(ENDPOINTS, Refuted(&[(ClusterIpWithinPodCidr, WORKER)]))],
    )
    .alone()
    .upto(Stage::WorkloadReady),
    made(
        "backend-missing",
        "On kind-worker the Service has the second pod alone as its backend.",
        |plan| vec![(node(WORKER), backends(plan, &[pod_address(plan, POD2)]))],
        &[TABLES],
        &[(TABLES, Refuted(&[(BackendMissing, WORKER)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "service-not-in-a-table",
        "On kind-worker there is no Service.",
        |_plan| vec![(node(WORKER), Act::RemoveServices)],
        &[TABLES],
        &[(TABLES, Refuted(&[(FrontendMissing, WORKER)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "empty-replies",
        "On the control plane the Service leads to a server of its own, which says nothing.",
        |plan| instead(plan, Says::Nothing),
        &[FROM_CONTROL_PLANE],
        &[IMPOSTOR_ENDPOINTS, IMPOSTOR_TABLES, (FROM_CONTROL_PLANE, Refuted(&[(EmptyReply, CONTROL_PLANE)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "status-503",
        "On the control plane the Service leads to a server of its own, which is not available.",
        |plan| instead(plan, Says::Unavailable),
        &[FROM_CONTROL_PLANE],
        &[IMPOSTOR_ENDPOINTS, IMPOSTOR_TABLES, (FROM_CONTROL_PLANE, Refuted(&[(WrongStatus, CONTROL_PLANE)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "one-backend-twice",
        "On the control plane the Service has the first pod as both its backends.",
        // All connections go to the one pod, whichever of two numbers is drawn.
        |plan| vec![(node(CONTROL_PLANE), backends(plan, &[pod_address(plan, POD1), pod_address(plan, POD1)]))],
        &[FROM_CONTROL_PLANE],
        &[
            (ENDPOINTS, Refuted(&[(EndpointMissing, POD2)])),
            (TABLES, Refuted(&[(BackendMissing, CONTROL_PLANE)])),
            (FROM_CONTROL_PLANE, Refuted(&[(BackendNeverAnswers, CONTROL_PLANE)])),
        ],
    )
    .upto(Stage::WorkloadReady),
    made(
        "backend-out-of-reach",
        "The control plane drops what it sends to the second pod.",
        |plan| vec![(node(CONTROL_PLANE), drop_to(plan, POD2))],
        &[FROM_CONTROL_PLANE],
        &[(FROM_CONTROL_PLANE, Refuted(&[(SomeUnanswered, CONTROL_PLANE)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "no-backend-in-reach",
        "The control plane drops what it sends to either pod.",
        |plan| vec![(node(CONTROL_PLANE), drop_to(plan, POD1)), (node(CONTROL_PLANE), drop_to(plan, POD2))],
        &[FROM_CONTROL_PLANE],
        &[(FROM_CONTROL_PLANE, Refuted(&[(NoAnswer, CONTROL_PLANE)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "pods-apart",
        "The first pod drops what it sends to the second.",
        |plan| vec![(pod(POD1), drop_to(plan, POD2))],
        &[FROM_PODS],
        &[(FROM_PODS, Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)]))],
    )
    .upto(Stage::WorkloadReady),
    made(
        "pod-never-picks-itself",
        "In the second pod the Service has the first pod alone as its backend.",
        |plan| vec![(pod(POD2), backends(plan, &[pod_address(plan, POD1)]))],
        &[FROM_PODS],
        &[(FROM_PODS, Refuted(&[(BackendNeverAnswers, POD2)]))],
    )
    .upto(Stage::WorkloadReady),
];

/// The control plane's table, which stands in for the API server, has the control plane itself instead of the pods.
const IMPOSTOR_ENDPOINTS: (&str, Expect) =
    (ENDPOINTS, Refuted(&[(EndpointMissing, POD1), (EndpointMissing, POD2), (EndpointStale, BRIDGE)]));
const IMPOSTOR_TABLES: (&str, Expect) =
    (TABLES, Refuted(&[(BackendMissing, CONTROL_PLANE), (BackendStale, CONTROL_PLANE)]));

/// The first pod gets an address outside all pod CIDRs, and its node's route to it.
fn readdressed(plan: &Plan) -> Vec<PlacedAct> {
    let (from, to) = (pod_address(plan, POD1), Ipv4Addr::new(10, 99, 0, 1));
    let moved = Act::MoveAddress { device: "eth0".to_owned(), from: from.into(), to: to.into() };
    let device = pod_plan(plan, POD1).host_device.clone();
    let led = Act::PutRoute { destination: to.into(), device, gateway: None, table: TABLE_MAIN };
    vec![(pod(POD1), moved), (node(WORKER), led)]
}
