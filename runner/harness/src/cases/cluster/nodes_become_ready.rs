//! `cluster::nodes_become_ready`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cluster as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::nodes_become_ready",
    article: "kubectl get nodes: Ready, after Cilium",
    claim: "All nodes are Ready, and none became so before its agent started.",
    against: &[],
    needs: Stage::NodesReady,
    on: kind_only!(kind::ready, judge::nodes_become_ready),
    shown: Shown::OnHost(&["kubectl get nodes -o wide"]),
    turned: &[(Effect::NodeNotReady, Refuted(&[(Reason::NodeNotReady, BRIDGE)]))],
    explanation: Explanation {
        step: "After Cilium the article's second `kubectl get nodes` shows all three Ready.",
        native: "kubelet is ready once a CNI configuration is there, which the agent writes when it has started. Ready nodes are a sign that agents \
                 run, and no sign that routes are right.",
        read: &[
            read_on_kind(
                "The condition Ready of each node and when it last changed; and when each agent's container was started (core/v1 Pod). Both to the second.",
            ),
            read_on_kind(
                "Which was first is told by what was seen when the lab was built, kept in `first-ready.json`: the first agents, and the nodes when all \
                      had just become Ready. An agent's pod that was replaced since then does not matter.",
            ),
        ],
        by_hand: &[
            on_kind("kubectl get nodes -o wide", "Ready"),
            on_kind("kubectl get pods -n kube-system -l k8s-app=cilium -o wide", "an agent on each node, 1/1"),
        ],
        breaks: &[
            breaks(
                Reason::NodeNotReady,
                "The agent does not start: a wrong k8sServiceHost (it waits for the API server), an image that is not there, or no \
                   BPF filesystem.",
            ),
            breaks(
                Reason::ReadyBeforeAgent,
                "Another plugin made the node ready before Cilium was there. An agent that was merely \
                   started again, or whose pod was replaced, does not refute.",
            ),
        ],
        unobserved: "Fewer nodes or agents were seen than there should be, or a time is missing. Or the lab was built by a program that kept no first look, \
                     and an agent is younger than its node's condition, as after its pod was replaced.",
    },
};
