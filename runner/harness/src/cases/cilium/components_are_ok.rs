//! `cilium::components_are_ok`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cilium as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cilium::components_are_ok",
    article: "cilium status --wait",
    claim: "Three agents and two operators are ready, without errors; every pod with an address is managed, and all of the cluster's own have one.",
    against: &[],
    needs: Stage::NodesReady,
    on: kind_only!(kind::components, judge::components_are_ok, at_once: kind::components_now),
    shown: Shown::OnHost(&["cilium status"]),
    turned: &[(Effect::AgentsAway, AGENTS_NOT_READY)],
    explanation: Explanation {
        step: "`cilium status --wait` shows Cilium and Operator OK, 3/3 agents, 2/2 operators, Hubble and ClusterMesh disabled, and 3/3 pods managed.",
        native: "Each agent makes its own node's routes. One that is not ready leaves its node with those of the past, or none. Yet OK is no proof: with \
                 direct routes missing `cilium status` says OK too, and its exit code is 0 whatever it says.",
        read: &[
            read_on_kind(
                "DaemonSet cilium and Deployment cilium-operator (apps/v1); Deployments that the article leaves out.",
            ),
            read_on_kind(
                "Each agent's own status (`cilium status -o json` in the agent): components and controllers that fail.",
            ),
            read_on_kind(
                "CiliumEndpoints, for each pod that has an address of its own. How many of the cluster's own there should be is told by the \
                      Deployments coredns and local-path-provisioner, which every cluster of kind has.",
            ),
        ],
        by_hand: &[
            on_kind("cilium status", "the article's table"),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium status --verbose",
                "Controller Status, KVStore, Kubernetes: Ok",
            ),
            on_kind("kubectl get ciliumendpoints --all-namespaces", "each pod, ready"),
        ],
        breaks: &[
            breaks(
                Reason::AgentsNotReady,
                "A wrong k8sServiceHost or port (443 without k8sServicePort=6443): agents restart, and `cilium status` counts errors. \
                   Or /proc/modules does not exist on this kernel.",
            ),
            breaks(
                Reason::OperatorsNotReady,
                "They need a node that takes them and the API server; with one worker gone the second stays Pending.",
            ),
            breaks(Reason::OperatorsShareNode, "All operators are on one node, whose loss would end them all."),
            breaks(Reason::UnexpectedComponent, "Hubble relay, Hubble's UI or ClusterMesh were switched on."),
            breaks(
                Reason::AgentInError,
                "A component of the agent reports a failure, or a controller fails again and again: its name and error are shown.",
            ),
            breaks(
                Reason::PodNotManaged,
                "The pod is older than Cilium, or its endpoint is not ready: delete the pod and let it come again. Or a pod of the \
                   cluster's own is on a node and gets no address: `kubectl describe pod` says what the network plugin answers.",
            ),
        ],
        unobserved: "Workloads, pods or an agent's status were not seen, or fewer of the cluster's own pods are on nodes than it wants. A pod of \
                     somebody else that waits does not matter.",
    },
};
