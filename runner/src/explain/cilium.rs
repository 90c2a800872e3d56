//! `cilium::…`

use super::model::{Explanation, breaks, kind, on_kind};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "cilium::release_has_the_articles_values",
        step: "The article installs chart cilium 1.12.4 into kube-system with seven values: tunnel, autoDirectNodeRoutes, ipv4NativeRoutingCIDR, \
               kubeProxyReplacement, k8sServiceHost, k8sServicePort and bpf.masquerade.",
        native: "Two of them are native routing: tunnel=disabled takes the overlay away, autoDirectNodeRoutes=true puts routes in its place. \
                 ipv4NativeRoutingCIDR says for which addresses.",
        read: &[
            kind("Helm's release, in its Secret in kube-system: chart, version, status, values."),
            kind("The control plane's address now (Engine), which k8sServiceHost must be."),
        ],
        by_hand: &[
            on_kind("helm list --namespace kube-system", "cilium, deployed, cilium-1.12.4"),
            on_kind("helm get values cilium --namespace kube-system", "the seven values"),
            on_kind("docker inspect kind-control-plane", "IPAddress in the network kind: k8sServiceHost"),
        ],
        breaks: &[
            breaks(
                Reason::NoRelease,
                "helm install was not run, or with another kubeconfig or namespace; or Cilium was installed by cilium-cli.",
            ),
            breaks(Reason::ReleaseNotDeployed, "helm was interrupted, or a hook failed: pending-install or failed."),
            breaks(
                Reason::WrongChart,
                "--version was left out: the newest chart, in which `tunnel` and `kubeProxyReplacement=strict` no longer exist.",
            ),
            breaks(
                Reason::WrongValue,
                "A mistyped --set: Helm takes any key. Or an upgrade without --reuse-values, which takes values back.",
            ),
            breaks(Reason::UndeclaredValue, "A value that the article does not have and no option declared."),
            breaks(
                Reason::StaleServiceHost,
                "The article's 172.18.0.4, copied: Docker gives the control plane another address from time to time. \
                   Agents wait for the API server and nodes stay NotReady.",
            ),
        ],
        unobserved: "The control plane's address is not known.",
    },
    Explanation {
        case: "cilium::images_are_the_pinned_ones",
        step: "The article pulls quay.io/cilium/cilium:v1.12.4 and loads it into the nodes; `cilium status` shows the digests that agents and operators run.",
        native: "Which agent makes the routes is a matter of its version: what is said about 1.12.4 holds for that image and no other.",
        read: &[
            kind("The imageID of each agent's and operator's container (core/v1 Pod)."),
            kind(
                "The images of each node by the digest of their configuration, by CRI; and where the lab took them from, by repository digest.",
            ),
        ],
        by_hand: &[
            on_kind("docker images --digests quay.io/cilium/cilium", "the pinned digest"),
            on_kind("docker exec kind-worker crictl images --no-trunc", "IMAGE ID: the digest of the configuration"),
        ],
        breaks: &[
            breaks(
                Reason::WrongRepositoryDigest,
                "The image was taken by its tag, or built by hand: its repository digest is not the pinned one.",
            ),
            breaks(
                Reason::AnotherImage,
                "Another image of the same tag is on the node, and `imagePullPolicy: IfNotPresent` took it.",
            ),
        ],
        unobserved: "An agent for each node or an operator was not seen, or what its image is on the node.",
    },
    Explanation {
        case: "cilium::components_are_ok",
        step: "`cilium status --wait` shows Cilium and Operator OK, 3/3 agents, 2/2 operators, Hubble and ClusterMesh disabled, and 3/3 pods managed.",
        native: "Each agent makes its own node's routes. One that is not ready leaves its node with those of the past, or none. Yet OK is no proof: with \
                 direct routes missing `cilium status` says OK too, and its exit code is 0 whatever it says.",
        read: &[
            kind("DaemonSet cilium and Deployment cilium-operator (apps/v1); Deployments that the article leaves out."),
            kind(
                "Each agent's own status (`cilium status -o json` in the agent): components and controllers that fail.",
            ),
            kind("CiliumEndpoints, for each running pod that is not in its host's network."),
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
                "The pod is older than Cilium, or its endpoint is not ready: delete the pod and let it come again.",
            ),
        ],
        unobserved: "Workloads, pods or an agent's status were not seen.",
    },
    Explanation {
        case: "cilium::routes_natively",
        step: "The values of `helm install` are what the article wants; what an agent runs with is what counts.",
        native: "It is asked of each agent itself: Tunnel disabled, EnableAutoDirectRouting true, IPv4NativeRoutingCIDR 10.0.0.0/8, KubeProxyReplacement \
                 strict, EnableBPFMasquerade true.",
        read: &[
            kind("ConfigMap cilium-config in kube-system (core/v1), from which agents start."),
            kind(
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
];
