//! `cluster::nodes_not_ready_for_want_of_a_cni`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cluster as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::nodes_not_ready_for_want_of_a_cni",
    article: "kubectl get nodes: NotReady, before Cilium",
    claim: "Before the CNI each node is NotReady because the network plugin is not ready.",
    against: &[],
    needs: Stage::BaseObserved,
    on: kind_only!(kind::before_cni, judge::nodes_not_ready_for_want_of_a_cni),
    shown: Shown::BeforeCilium("kubectl"),
    turned: &[],
    explanation: Explanation {
        step: "The article's first `kubectl get nodes` shows all three NotReady, and it says why: kind was told not to install a network plugin.",
        native: "It shows that nobody has set up pod networking before Cilium does; what is routed later is Cilium's work.",
        read: &[read_on_kind(
            "Node.status.conditions (core/v1): Ready, its reason and message, as they were before Cilium was installed; kept in `before-cni.json`.",
        )],
        by_hand: &[on_kind(
            "kubectl describe node kind-worker",
            "before Cilium: KubeletNotReady … cni plugin not initialized. Now: Ready",
        )],
        breaks: &[
            breaks(
                Reason::ReadyBeforeCni,
                "`disableDefaultCNI` is not set: kindnet runs. Or the node image has a CNI configuration in /etc/cni/net.d.",
            ),
            breaks(
                Reason::NotReadyForAnotherReason,
                "kubelet does not run, the container runtime is down, or the disk is full: the message says which.",
            ),
        ],
        unobserved: "Nothing was stored before there was a network plugin, or fewer nodes had registered.",
    },
};
