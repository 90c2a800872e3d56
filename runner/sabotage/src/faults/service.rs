//! Faults of the workload and its Service.

use super::super::acts::{backends, drop_to, instead, pod_address, unused_address};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, POD1, POD2, POD3, WORKER, WORKER2, WORKER3, node, pod};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{
    AnotherServerAnswers, BackendMissing, BackendNeverAnswers, BackendStale, EndpointMissing, EndpointStale, NoAnswer,
    NotOnTwoWorkers, PodUnreachable, SomeUnanswered,
};
use lab_model::observe::UPLINK;
use lab_netns::tamper::{Act, Says};

/// An endpoint of the Service is missing. On netns, the control plane's table has the role of the API server.
pub(super) const ENDPOINT_MISSING: Fault = Fault {
    name: "endpoint-missing",
    what: "On the control plane the Service has the first pod alone as its backend.",
    apply: Apply::Acts(|plan| vec![(node(CONTROL_PLANE), backends(plan, &[pod_address(plan, POD1)]))]),
    kills: &["service::cluster_ip_has_both_backends"],
    breaks: &[],
    turns: &[
        ("service::cluster_ip_has_both_backends", Refuted(&[(EndpointMissing, POD2)])),
        ("service::load_balancer_table_matches", Refuted(&[(BackendMissing, CONTROL_PLANE)])),
        ("service::answers_from_the_control_plane", Refuted(&[(BackendNeverAnswers, CONTROL_PLANE)])),
    ],
    undo: Undo::PutBack,
};

/// A backend that is not a pod any more, as if an agent had missed the end of a pod.
pub(super) const STALE_BACKEND: Fault = Fault {
    name: "stale-backend",
    what: "On kind-worker the Service has a third backend, which no pod has the address of.",
    apply: Apply::Acts(|plan| {
        let gone = unused_address(plan, POD1);
        vec![(node(WORKER), backends(plan, &[pod_address(plan, POD1), pod_address(plan, POD2), gone]))]
    }),
    kills: &["service::load_balancer_table_matches"],
    breaks: &[],
    turns: &[("service::load_balancer_table_matches", Refuted(&[(BackendStale, WORKER)]))],
    undo: Undo::PutBack,
};

/// The Service leads to another server than hello-app.
pub(super) const ANOTHER_SERVER_ANSWERS: Fault = Fault {
    name: "another-server-answers",
    what: "On the control plane the Service leads to a server of its own, which answers something else.",
    apply: Apply::Acts(|plan| instead(plan, Says::SomethingElse)),
    kills: &["service::answers_from_the_control_plane"],
    breaks: &[],
    turns: &[
        (
            "service::cluster_ip_has_both_backends",
            Refuted(&[(EndpointMissing, POD1), (EndpointMissing, POD2), (EndpointStale, BRIDGE)]),
        ),
        (
            "service::load_balancer_table_matches",
            Refuted(&[(BackendMissing, CONTROL_PLANE), (BackendStale, CONTROL_PLANE)]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(AnotherServerAnswers, CONTROL_PLANE)])),
    ],
    undo: Undo::PutBack,
};

/// A pod that the network plugin gave no address to: its server listens, and nobody can ask it.
pub(super) const REPLICA_WITHOUT_ADDRESS: Fault = Fault {
    name: "replica-without-address",
    what: "The third of three replicas has no address.",
    apply: Apply::Sized {
        nodes: 4,
        replicas: 3,
        acts: |plan| {
            let address = pod_address(plan, POD3).into();
            vec![(pod(POD3), Act::TakeAddress { device: UPLINK.to_owned(), address })]
        },
    },
    kills: &["service::two_replicas_on_two_workers"],
    breaks: &[Effect::ThirdUnaddressed],
    turns: &[
        ("service::two_replicas_on_two_workers", Refuted(&[(NotOnTwoWorkers, POD3)])),
        ("service::cluster_ip_has_both_backends", Refuted(&[(EndpointStale, BRIDGE)])),
        (
            "service::load_balancer_table_matches",
            Refuted(&[
                (BackendStale, CONTROL_PLANE),
                (BackendStale, WORKER),
                (BackendStale, WORKER2),
                (BackendStale, WORKER3),
            ]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(SomeUnanswered, CONTROL_PLANE)])),
        (
            "service::answers_from_each_pod",
            Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2), (NoAnswer, POD3)]),
        ),
    ],
    undo: Undo::BuiltAgain,
};

/// A backend whose port is dropped on its own link: it listens, and no request arrives.
pub(super) const BACKEND_SILENT: Fault = Fault {
    name: "backend-silent",
    what: "The second pod drops what comes in for its server.",
    apply: Apply::Acts(|plan| vec![(pod(POD2), Act::DropPort { port: plan.spec.target_port })]),
    kills: &["service::answers_from_the_control_plane", "wire::pods_reach_each_other_directly"],
    breaks: &[Effect::SecondPodHidden],
    turns: &[
        ("service::answers_from_each_pod", Refuted(&[(SomeUnanswered, POD1), (SomeUnanswered, POD2)])),
        ("wire::pods_reach_each_other_directly", Refuted(&[(PodUnreachable, POD1)])),
        // No request arrives that it could answer.
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod (10.0.2.11 → 10.0.1.10)")),
    ],
    undo: Undo::PutBack,
};

/// All TCP segments from one pod to the other are dropped, including answers.
pub(super) const ONE_PODS_TRAFFIC_DROPPED: Fault = Fault {
    name: "one-pods-traffic-dropped",
    what: "The first pod drops all that it sends to pods over TCP, its answers too.",
    apply: Apply::Acts(|plan| vec![(pod(POD1), drop_to(plan, POD1)), (pod(POD1), drop_to(plan, POD2))]),
    kills: &["service::answers_from_each_pod"],
    breaks: &[],
    turns: &[
        ("service::answers_from_each_pod", Refuted(&[(NoAnswer, POD1), (SomeUnanswered, POD2)])),
        ("wire::pods_reach_each_other_directly", Refuted(&[(PodUnreachable, POD1), (PodUnreachable, POD2)])),
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod (10.0.1.10 → 10.0.2.11)")),
        (
            "wire::source_address_is_kept",
            Unobserved("no request from 10.0.1.10 to 10.0.2.11:8080 was seen arriving on hello-app-2's eth0"),
        ),
    ],
    undo: Undo::PutBack,
};
