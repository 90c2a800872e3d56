//! `cilium::routes_natively`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cilium as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cilium::routes_natively",
    article: "tunnel=disabled, autoDirectNodeRoutes=true",
    claim: "Each agent's running configuration is the article's: no tunnel, direct node routes, the native routing CIDR, kube-proxy replaced, BPF masquerading.",
    against: &[
        Pinned::Value("tunnel"),
        Pinned::Value("autoDirectNodeRoutes"),
        Pinned::Value("ipv4NativeRoutingCIDR"),
        Pinned::Value("kubeProxyReplacement"),
        Pinned::Value("bpf.masquerade"),
    ],
    needs: Stage::NodesReady,
    on: kind_only!(kind::native, judge::routes_natively),
    shown: Shown::Nowhere,
    turned: &[(Effect::AgentsAway, Unobserved("the agent did not tell its running configuration"))],
    explanation: Explanation {
        step: "The values of `helm install` are what the article wants; what an agent runs with is what counts.",
        native: "It is asked of each agent itself: Tunnel disabled, EnableAutoDirectRouting true, IPv4NativeRoutingCIDR 10.0.0.0/8, KubeProxyReplacement \
                 strict, EnableBPFMasquerade true.",
        read: &[
            read_on_kind("ConfigMap cilium-config in kube-system (core/v1), from which agents start."),
            read_on_kind(
                "Each agent's running configuration (`cilium config --all -o json`), and its status: masquerading, kube-proxy replacement, host routing.",
            ),
        ],
        by_hand: &[
            on_kind(
                "kubectl get configmap cilium-config --namespace kube-system -o yaml",
                "tunnel, auto-direct-node-routes, …",
            ),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium config --all",
                "Tunnel disabled, EnableAutoDirectRouting true",
            ),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium status --verbose",
                "KubeProxyReplacement: Strict; Masquerading: BPF; Host Routing",
            ),
        ],
        breaks: &[
            breaks(Reason::WrongConfigMap, "The release has other values, or somebody edited the ConfigMap."),
            breaks(
                Reason::WrongAgentConfig,
                "The ConfigMap was changed and the agent was not restarted: it reads it once.",
            ),
            breaks(
                Reason::WrongAgentStatus,
                "The agent was asked for it and cannot: BPF masquerading falls back to iptables on a kernel that lacks what it needs.",
            ),
        ],
        unobserved: "The ConfigMap, an agent's configuration or its status, or a part of it, was not seen.",
    },
};
