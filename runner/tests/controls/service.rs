//! Controls of `service::…`.

use lab_model::Reason::{
    AnotherServerAnswers, BackendMissing, BackendNeverAnswers, BackendStale, ClusterIpWithinPodCidr, EmptyReply,
    EndpointMissing, EndpointStale, FrontendMissing, NoAnswer, NoService, NotOnTwoWorkers, OutsidePodCidr,
    SomeUnanswered, WrongReplicaCount, WrongStatus,
};
use lab_model::observe::{Place, TABLE_MAIN};
use lab_netns::plan::{Placement, Plan};
use lab_netns::tamper::{Act, Says};
use lab_sabotage::Expect;
use lab_sabotage::Expect::{Refuted, Unobserved};
use lab_sabotage::acts::{backends, beside, drop_to, instead, of};
use lab_sabotage::members::{BRIDGE, CONTROL_PLANE, POD1, POD2, WORKER, node, pod, pod_plan};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::control::{Control, Fault, accepts, turns};

const TWO_WORKERS: &str = "service::two_replicas_on_two_workers";
const ENDPOINTS: &str = "service::cluster_ip_has_both_backends";
const TABLES: &str = "service::load_balancer_table_matches";
const FROM_CONTROL_PLANE: &str = "service::answers_from_the_control_plane";
const FROM_PODS: &str = "service::answers_from_each_pod";

pub(crate) const CONTROLS: &[Control] = &[
    accepts(TWO_WORKERS, "accepts_two_replicas_on_two_workers"),
    turns(
        TWO_WORKERS,
        "refutes_two_replicas_on_two_workers_when_both_are_on_one",
        Fault::None,
        &[(TWO_WORKERS, Refuted(&[(NotOnTwoWorkers, POD2)]))],
    )
    .built(|spec| spec.placement = Placement::Together),
    turns(
        TWO_WORKERS,
        "refutes_two_replicas_on_two_workers_when_there_is_one",
        Fault::None,
        &[
            (TWO_WORKERS, Refuted(&[(WrongReplicaCount, BRIDGE)])),
            (ENDPOINTS, Unobserved("1 of 2 replicas are ready")),
            (TABLES, Unobserved("1 of 2 replicas are ready")),
            (FROM_CONTROL_PLANE, Unobserved("1 of 2 replicas are ready")),
            (FROM_PODS, Unobserved("1 of 2 replicas are ready")),
        ],
    )
    .built(|spec| spec.replicas = 1),
    turns(
        TWO_WORKERS,
        "refutes_two_replicas_on_two_workers_when_ones_address_is_not_its_nodes",
        Fault::Made(readdressed),
        &[(TWO_WORKERS, Refuted(&[(OutsidePodCidr, POD1)]))],
    )
    .alone(),
    accepts(ENDPOINTS, "accepts_cluster_ip_has_both_backends"),
    turns(
        ENDPOINTS,
        "refutes_cluster_ip_has_both_backends_when_one_is_missing",
        Fault::Made(|plan| vec![(node(CONTROL_PLANE), backends(plan, &[of(plan, POD1)]))]),
        ONE_MISSING,
    ),
    turns(
        ENDPOINTS,
        "refutes_cluster_ip_has_both_backends_when_there_is_no_service",
        Fault::Made(|_plan| vec![(node(CONTROL_PLANE), Act::RemoveServices)]),
        &[
            (ENDPOINTS, Refuted(&[(NoService, BRIDGE)])),
            (TABLES, Unobserved("has no ClusterIP")),
            (FROM_CONTROL_PLANE, Unobserved("has no ClusterIP")),
            (FROM_PODS, Unobserved("has no ClusterIP")),
        ],
    ),
    turns(
        ENDPOINTS,
        "refutes_cluster_ip_has_both_backends_when_the_address_is_a_pods",
        Fault::Made(|plan| {
            let service = SocketAddrV4::new(beside(plan, POD1), plan.spec.service_port);
            let backends = vec![of(plan, POD1), of(plan, POD2)];
            let added = Act::AddService { service, target_port: plan.spec.target_port, backends };
            vec![(node(CONTROL_PLANE), Act::RemoveServices), (node(CONTROL_PLANE), added)]
        }),
        &[(ENDPOINTS, Refuted(&[(ClusterIpWithinPodCidr, WORKER)]))],
    )
    .alone(),
    accepts(TABLES, "accepts_load_balancer_table_matches"),
    turns(
        TABLES,
        "refutes_load_balancer_table_matches_when_a_backend_is_stale",
        Fault::Made(|plan| {
            let gone = beside(plan, POD1);
            vec![(node(WORKER), backends(plan, &[of(plan, POD1), of(plan, POD2), gone]))]
        }),
        &[(TABLES, Refuted(&[(BackendStale, WORKER)]))],
    ),
    turns(
        TABLES,
        "refutes_load_balancer_table_matches_when_a_backend_is_missing",
        Fault::Made(|plan| vec![(node(WORKER), backends(plan, &[of(plan, POD2)]))]),
        &[(TABLES, Refuted(&[(BackendMissing, WORKER)]))],
    ),
    turns(
        TABLES,
        "refutes_load_balancer_table_matches_when_the_service_is_not_in_it",
        Fault::Made(|_plan| vec![(node(WORKER), Act::RemoveServices)]),
        &[(TABLES, Refuted(&[(FrontendMissing, WORKER)]))],
    ),
    accepts(FROM_CONTROL_PLANE, "accepts_answers_from_the_control_plane"),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_replies_are_empty",
        Fault::Made(|plan| instead(plan, Says::Nothing)),
        &[IMPOSTOR_ENDPOINTS, IMPOSTOR_TABLES, (FROM_CONTROL_PLANE, Refuted(&[(EmptyReply, CONTROL_PLANE)]))],
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_another_server_answers",
        Fault::Made(|plan| instead(plan, Says::SomethingElse)),
        &[IMPOSTOR_ENDPOINTS, IMPOSTOR_TABLES, (FROM_CONTROL_PLANE, Refuted(&[(AnotherServerAnswers, CONTROL_PLANE)]))],
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_the_status_is_503",
        Fault::Made(|plan| instead(plan, Says::Unavailable)),
        &[IMPOSTOR_ENDPOINTS, IMPOSTOR_TABLES, (FROM_CONTROL_PLANE, Refuted(&[(WrongStatus, CONTROL_PLANE)]))],
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_one_backend_never_answers",
        // All connections go to the one pod, whichever of two numbers is drawn.
        Fault::Made(|plan| vec![(node(CONTROL_PLANE), backends(plan, &[of(plan, POD1), of(plan, POD1)]))]),
        ONE_MISSING,
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_one_backend_is_out_of_reach",
        Fault::Made(|plan| vec![(node(CONTROL_PLANE), drop_to(plan, POD2))]),
        &[(FROM_CONTROL_PLANE, Refuted(&[(SomeUnanswered, CONTROL_PLANE)]))],
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_a_pod_drops_what_comes",
        Fault::Made(|plan| vec![(pod(POD2), Act::DropPort { port: plan.spec.target_port })]),
        &[
            (FROM_CONTROL_PLANE, Refuted(&[(SomeUnanswered, CONTROL_PLANE)])),
            (FROM_PODS, Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
        ],
    ),
    turns(
        FROM_CONTROL_PLANE,
        "refutes_answers_from_the_control_plane_when_none_answers",
        Fault::Made(|plan| {
            vec![(node(CONTROL_PLANE), drop_to(plan, POD1)), (node(CONTROL_PLANE), drop_to(plan, POD2))]
        }),
        &[(FROM_CONTROL_PLANE, Refuted(&[(NoAnswer, CONTROL_PLANE)]))],
    ),
    accepts(FROM_PODS, "accepts_answers_from_each_pod"),
    turns(
        FROM_PODS,
        "refutes_answers_from_each_pod_when_one_pods_traffic_is_dropped",
        Fault::Made(|plan| vec![(pod(POD1), drop_to(plan, POD1)), (pod(POD1), drop_to(plan, POD2))]),
        // What it drops are its answers too.
        &[(FROM_PODS, Refuted(&[(NoAnswer, POD1), (SomeUnanswered, POD2)]))],
    ),
    turns(
        FROM_PODS,
        "refutes_answers_from_each_pod_when_they_cannot_reach_each_other",
        Fault::Made(|plan| vec![(pod(POD1), drop_to(plan, POD2))]),
        &[(FROM_PODS, Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)]))],
    ),
    turns(
        FROM_PODS,
        "refutes_answers_from_each_pod_when_one_never_picks_itself",
        Fault::Made(|plan| vec![(pod(POD2), backends(plan, &[of(plan, POD1)]))]),
        &[(FROM_PODS, Refuted(&[(BackendNeverAnswers, POD2)]))],
    ),
];

/// The control plane's table, which stands in for the API server, has the first pod alone.
const ONE_MISSING: &[(&str, Expect)] = &[
    (ENDPOINTS, Refuted(&[(EndpointMissing, POD2)])),
    (TABLES, Refuted(&[(BackendMissing, CONTROL_PLANE)])),
    (FROM_CONTROL_PLANE, Refuted(&[(BackendNeverAnswers, CONTROL_PLANE)])),
];

/// It has the control plane itself instead of the pods.
const IMPOSTOR_ENDPOINTS: (&str, Expect) =
    (ENDPOINTS, Refuted(&[(EndpointMissing, POD1), (EndpointMissing, POD2), (EndpointStale, BRIDGE)]));
const IMPOSTOR_TABLES: (&str, Expect) =
    (TABLES, Refuted(&[(BackendMissing, CONTROL_PLANE), (BackendStale, CONTROL_PLANE)]));

/// The first pod gets an address outside all pod CIDRs, and its node's route to it.
fn readdressed(plan: &Plan) -> Vec<(Place, Act)> {
    let (from, to) = (of(plan, POD1), Ipv4Addr::new(10, 99, 0, 1));
    let moved = Act::MoveAddress { device: "eth0".to_owned(), from: from.into(), to: to.into() };
    let device = pod_plan(plan, POD1).host_device.clone();
    let led = Act::PutRoute { destination: to.into(), device, gateway: None, table: TABLE_MAIN };
    vec![(pod(POD1), moved), (node(WORKER), led)]
}
