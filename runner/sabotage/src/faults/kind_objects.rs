//! Faults of a cluster's objects: nodes, the control plane's own pods, the Service, policies.

use super::super::cluster::{Breakage, KUBECTL, NodeCommand};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, POD1, POD2, WORKER, WORKER2};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::Effect;
use lab_model::Reason::{
    BackendMissing, ContainerMissing, EndpointMissing, EngineRootless, NoAnswer, NodeDiffers, ReadyBeforeCni,
    RouteBeforeRouting,
};

/// A command on the control plane, and the command that undoes it.
fn on_control_plane(make: String, undo: String) -> Vec<NodeCommand> {
    vec![NodeCommand { node: CONTROL_PLANE, make, undo }]
}

/// A node has a role that the article's node does not have, as `kubectl get nodes` shows.
pub(super) const ANOTHER_ROLE: Fault = Fault {
    name: "another-role",
    what: "The node kind-worker has the role database.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let label = format!("{KUBECTL} label node {} node-role.kubernetes.io/database", who.node(WORKER));
            Ok(on_control_plane(format!("{label}="), format!("{label}-")))
        }),
        settles: &[],
    },
    kills: &["cluster::nodes_are_what_the_article_shows"],
    breaks: &[],
    turns: &[("cluster::nodes_are_what_the_article_shows", Refuted(&[(NodeDiffers, BRIDGE)]))],
    undo: Undo::PutBack,
};

/// As in a cluster to which kind gave a network plugin: its nodes were Ready, and had routes to pods, when it was looked at.
pub(super) const OBSERVED_TOO_LATE: Fault = Fault {
    name: "observed-too-late",
    what: "What is to be observed before there is a network plugin is observed again, with Cilium up.",
    apply: Apply::Cluster { how: Breakage::ObservedTooLate, settles: &[] },
    kills: &["cluster::nodes_not_ready_for_want_of_a_cni", "routing::only_base_routes_before"],
    breaks: &[],
    turns: &[
        ("cluster::nodes_not_ready_for_want_of_a_cni", Refuted(&[(ReadyBeforeCni, BRIDGE)])),
        (
            "routing::only_base_routes_before",
            Refuted(&[
                (RouteBeforeRouting, CONTROL_PLANE),
                (RouteBeforeRouting, WORKER),
                (RouteBeforeRouting, WORKER2),
            ]),
        ),
    ],
    undo: Undo::PutBack,
};

/// An Engine without root has no links and routes that are the host's, and no lab on kind.
pub(super) const LYING_ENGINE: Fault = Fault {
    name: "lying-engine",
    what: "The Engine says of itself that it runs without root.",
    apply: Apply::Cluster { how: Breakage::LyingEngine, settles: &[] },
    kills: &["cluster::docker_engine_answers"],
    breaks: &[],
    turns: &[("cluster::docker_engine_answers", Refuted(&[(EngineRootless, BRIDGE)]))],
    undo: Undo::PutBack,
};

/// The scheduler's manifest is moved away, so kubelet ends the scheduler.
pub(super) const NO_SCHEDULER: Fault = Fault {
    name: "no-scheduler",
    what: "The static pod kube-scheduler of kind-control-plane is taken away.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            let (there, elsewhere) = ("/etc/kubernetes/manifests/kube-scheduler.yaml", "/root/kube-scheduler.yaml");
            // What has ended is removed by its kubelet up to a minute later.
            let remove = "for _ in 1 2 3 4 5 6 7 8 9 10; do ids=$(crictl ps --all --quiet --name '^kube-scheduler$'); \
                          [ -n \"$ids\" ] || break; crictl rm --force $ids; done";
            let make = format!("mv {there} {elsewhere} && {remove}");
            Ok(on_control_plane(make, format!("mv {elsewhere} {there}")))
        }),
        settles: &["cluster::control_plane_runs_nested_containers"],
    },
    kills: &["cluster::control_plane_runs_nested_containers"],
    breaks: &[],
    turns: &[("cluster::control_plane_runs_nested_containers", Refuted(&[(ContainerMissing, CONTROL_PLANE)]))],
    undo: Undo::PutBack,
};

/// The Service keeps its ClusterIP, but the pods are no longer its endpoints.
pub(super) const SERVICE_SELECTS_NOBODY: Fault = Fault {
    name: "service-selects-nobody",
    what: "The Service hello-app selects a label that no pod has.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            let patch = |value: &str| {
                format!(r#"{KUBECTL} patch service hello-app -p '{{"spec":{{"selector":{{"sabotage":{value}}}}}}}'"#)
            };
            Ok(on_control_plane(patch(r#""yes""#), patch("null")))
        }),
        settles: &["service::cluster_ip_has_both_backends"],
    },
    kills: &["service::cluster_ip_has_both_backends", "service::load_balancer_table_matches"],
    breaks: &[],
    turns: &[
        ("service::cluster_ip_has_both_backends", Refuted(&[(EndpointMissing, POD1), (EndpointMissing, POD2)])),
        (
            "service::load_balancer_table_matches",
            Refuted(&[(BackendMissing, CONTROL_PLANE), (BackendMissing, WORKER), (BackendMissing, WORKER2)]),
        ),
        ("service::answers_from_the_control_plane", Refuted(&[(NoAnswer, CONTROL_PLANE)])),
        ("service::answers_from_each_pod", Refuted(&[(NoAnswer, POD1), (NoAnswer, POD2)])),
    ],
    undo: Undo::PutBack,
};

/// The policy `default-deny-ingress` of Kubernetes' documentation.
pub(super) const PODS_ISOLATED: Fault = Fault {
    name: "pods-isolated",
    what: "A NetworkPolicy denies all that comes in to the pods of the namespace default.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            let policy = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"sabotage"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}}"#;
            let make = format!("echo '{policy}' | {KUBECTL} apply -f -");
            Ok(on_control_plane(make, format!("{KUBECTL} delete networkpolicy sabotage")))
        }),
        settles: &["service::answers_from_the_control_plane"],
    },
    kills: &[
        "service::answers_from_the_control_plane",
        "service::answers_from_each_pod",
        "wire::pods_reach_each_other_directly",
    ],
    breaks: &[Effect::PodsApart],
    turns: &[
        ("service::answers_from_the_control_plane", Refuted(&[(NoAnswer, CONTROL_PLANE)])),
        ("wire::frames_are_not_encapsulated", Unobserved("no frame from pod to pod")),
        ("wire::source_address_is_kept", Unobserved("no request from")),
    ],
    undo: Undo::PutBack,
};
