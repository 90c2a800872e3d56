//! `cluster::no_kube_proxy`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cluster as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cluster::no_kube_proxy",
    article: "kubeProxyMode: none",
    claim: "There is no kube-proxy DaemonSet, and no KUBE-SVC chain in any node.",
    against: &[],
    needs: Stage::ClusterCreated,
    on: kind_only!(kind::kube_proxy, judge::no_kube_proxy),
    shown: Shown::OnHost(&["kubectl get daemonsets --all-namespaces"]),
    turned: &[(Effect::NodeSilent, Unobserved("kind-worker2: no listing has the kubelet's own chain"))],
    explanation: Explanation {
        step: "The article's kind configuration has `kubeProxyMode: none`, the same as kubeadm's `--skip-phases=addon/kube-proxy`.",
        native: "Cilium is to translate ClusterIPs itself. If kube-proxy does it too, an answer proves nothing about Cilium's table.",
        read: &[
            read_on_kind("DaemonSets of all namespaces (apps/v1)."),
            read_on_kind(
                "The chains of each node's packet filter, by iptables-nft-save and iptables-legacy-save. A chain of kubelet's own must be among them: \
                  it shows that the right one of the two was read.",
            ),
        ],
        by_hand: &[
            on_kind("kubectl get daemonsets --all-namespaces", "no kube-proxy"),
            on_kind(
                "docker exec kind-worker iptables-save",
                "no KUBE-SVC-, KUBE-SEP- or KUBE-SERVICES; KUBE-KUBELET-CANARY is kubelet's",
            ),
        ],
        breaks: &[
            breaks(
                Reason::KubeProxyRuns,
                "The line is missing from kind's configuration, or an upgrade with kubeadm brought kube-proxy back.",
            ),
            breaks(
                Reason::KubeProxyChain,
                "kube-proxy ran before and was deleted; its chains stay until the node is made anew or they are flushed.",
            ),
        ],
        unobserved: "DaemonSets or chains could not be listed, or only those of a packet filter that kubelet does not use.",
    },
};
