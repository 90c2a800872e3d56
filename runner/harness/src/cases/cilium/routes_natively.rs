//! `cilium::routes_natively`.

use crate::cases::kind;
use crate::cases::prelude::*;
use lab_judge::cilium as judge;

pub(in crate::cases) const CASE: Case = Case {
    name: "cilium::routes_natively",
    article: "tunnel=disabled, autoDirectNodeRoutes=true",
    claim: "Each agent's running configuration is the article's: no tunnel, direct node routes, the native routing CIDR, kube-proxy replaced, BPF masquerading.",
    against: &[
        Pinned::Chart,
        Pinned::Value("tunnel"),
        Pinned::Value("routingMode"),
        Pinned::Value("tunnelProtocol"),
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
                 strict, EnableBPFMasquerade true. From Cilium 1.14 on the first is RoutingMode native.",
        read: &[
            read_on_kind(
                "ConfigMap cilium-config in kube-system (core/v1), from which agents start, by the keys of the chart's version.",
            ),
            read_on_kind(
                "Each agent's running configuration (`cilium config --all -o json`, from 1.15 on `cilium-dbg`), and its status: masquerading, kube-proxy \
                      replacement, host routing; by the words of the agent's own version.",
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
        unobserved: "The ConfigMap, an agent's configuration or its status, or a part of it, was not seen; or chart or agent are of a version of Cilium \
                     whose words are not known here: known are 1.12 to 1.15.",
    },
};
