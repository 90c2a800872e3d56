//! `cluster::…`

use super::model::{Explanation, both, breaks, kind, on_kind, on_netns};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "cluster::docker_engine_answers",
        step: "The article begins with installing Docker from its own packages on Ubuntu 22.04. It prints nothing; everything after it needs it.",
        native: "Nodes are privileged containers on one Docker bridge: that bridge is the L2 network of which native routing needs one.",
        read: &[kind(
            "The Engine's API: version, info (storage driver, cgroup version, security options); and a privileged container, a node that \
                      runs or one made for this.",
        )],
        by_hand: &[
            on_kind("docker version", "an Engine, and its API version"),
            on_kind("docker info", "Storage Driver, Cgroup Version; no rootless among Security Options"),
        ],
        breaks: &[
            breaks(
                Reason::EngineDoesNotAnswer,
                "No daemon, another DOCKER_HOST or context, or you are not in the group docker: Cannot connect, permission denied.",
            ),
            breaks(Reason::EngineApiTooOld, "An Engine older than 20.10."),
            breaks(
                Reason::WrongStorage,
                "The storage driver vfs, as in some nested setups: each node copies all layers, and the disk is full.",
            ),
            breaks(Reason::WrongCgroupVersion, "The Engine tells neither 1 nor 2."),
            breaks(Reason::EngineRootless, "Rootless Docker: Cilium cannot mount its BPF filesystem there."),
            breaks(
                Reason::PrivilegedRefused,
                "A sandbox or container without the capabilities: unable to apply caps, or an authorisation plugin says no.",
            ),
        ],
        unobserved: "The Engine does not tell one of these, or no privileged container was tried.",
    },
    Explanation {
        case: "cluster::three_node_containers_run",
        step: "After `kind create cluster` the article runs `docker ps`: kind-control-plane, kind-worker and kind-worker2, all of kindest/node:v1.25.3, \
               and the API server on 127.0.0.1 with a drawn port.",
        native: "Three containers with one network interface each are the three neighbours between which direct routes lead.",
        read: &[kind(
            "The Engine's containers with kind's label for this cluster: state, image by digest, role, published ports; and where the node \
                      image came from.",
        )],
        by_hand: &[
            on_kind("docker ps --all --filter label=io.x-k8s.kind.cluster", "three, Up"),
            on_kind("docker port kind-control-plane", "6443/tcp -> 127.0.0.1:…"),
        ],
        breaks: &[
            breaks(Reason::WrongNodeCount, "kind failed half way and kept what it had, or a node was removed."),
            breaks(
                Reason::NodeNotRunning,
                "Docker or the host was restarted and a node did not come back, or a node was stopped or paused.",
            ),
            breaks(Reason::AnotherImage, "A node image of the same tag with another content, built or loaded by hand."),
            breaks(
                Reason::PublishedBeyondLoopback,
                "`apiServerAddress: 0.0.0.0` in kind's configuration: anybody in your network reaches the API server.",
            ),
            breaks(
                Reason::ApiNotPublished,
                "The port is gone after the container was made anew; kubectl on the host gets connection refused.",
            ),
        ],
        unobserved: "The cluster has no containers at all, or what image one runs was not told.",
    },
    Explanation {
        case: "cluster::three_nodes_run",
        step: "`kind create cluster` makes one control plane and two workers. Here each is asked itself, from inside.",
        native: "A route is a property of a network namespace. Each node must have one of its own, with its own eth0, or there is nothing to route between.",
        read: &[both(
            "From inside each node, over netlink: its links and addresses; and the inode of its network namespace, which no two may share.",
        )],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip address show", "eth0, UP, 172.18.0.3/16"),
            on_netns("lab shell kind-worker -- readlink /proc/self/ns/net", "another number in each node"),
            on_kind("docker exec kind-worker ip address show dev eth0", "UP, with an address of the bridge's subnet"),
        ],
        breaks: &[
            breaks(Reason::NodeDoesNotAnswer, "The node is stopped or paused, or its processes cannot be entered."),
            breaks(Reason::WrongNodeCount, "The lab has more or fewer nodes of a role than it was asked for."),
            breaks(
                Reason::SharedNamespace,
                "Two nodes were started with one network, for instance --network container:…",
            ),
            breaks(
                Reason::NoAddress,
                "eth0 is missing, down or without an IPv4 address: Cilium 1.12.4's agent can delete a kind node's eth0 when it \
                   starts again.",
            ),
            breaks(Reason::SharedAddress, "An address was given by hand that another node has."),
        ],
        unobserved: "The lab names no nodes at all.",
    },
    Explanation {
        case: "cluster::no_kube_proxy",
        step: "The article's kind configuration has `kubeProxyMode: none`, the same as kubeadm's `--skip-phases=addon/kube-proxy`.",
        native: "Cilium is to translate ClusterIPs itself. If kube-proxy does it too, an answer proves nothing about Cilium's table.",
        read: &[
            kind("DaemonSets of all namespaces (apps/v1)."),
            kind(
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
    Explanation {
        case: "cluster::nodes_not_ready_for_want_of_a_cni",
        step: "The article's first `kubectl get nodes` shows all three NotReady, and it says why: kind was told not to install a network plugin.",
        native: "It shows that nobody has set up pod networking before Cilium does; what is routed later is Cilium's work.",
        read: &[kind(
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
    Explanation {
        case: "cluster::nodes_are_what_the_article_shows",
        step: "`kubectl get nodes -o wide` shows v1.25.3, the roles, 172.18.0.x, Ubuntu 22.04.1 LTS, the kernel and containerd 1.6.9.",
        native: "The internal address of a node is the next hop that its peers' routes must have. It is compared with what its container really has.",
        read: &[
            kind("Node.status.nodeInfo, addresses and role labels (core/v1), and the API server's /version."),
            kind("The containers' own addresses and roles and the host's kernel, by the Engine."),
        ],
        by_hand: &[
            on_kind("kubectl get nodes -o wide", "VERSION, INTERNAL-IP, OS-IMAGE, KERNEL-VERSION, CONTAINER-RUNTIME"),
            on_kind("docker network inspect kind", "the addresses that the containers have"),
        ],
        breaks: &[
            breaks(Reason::WrongNodeCount, "A node has not registered, or one that is gone still is."),
            breaks(Reason::WrongVersion, "Another node image: kubelet or API server are not v1.25.3."),
            breaks(
                Reason::NodeDiffers,
                "Docker gave the container another address after a restart and the Node object has the old one; a role label is \
                   missing; or the kernel is not the host's.",
            ),
            breaks(
                Reason::NodesDiffer,
                "Nodes of one image report different systems or runtimes: they are not of one image.",
            ),
        ],
        unobserved: "One side of a comparison was not told.",
    },
    Explanation {
        case: "cluster::control_plane_runs_nested_containers",
        step: "The article enters kind-control-plane and lists with `ctr -n k8s.io c ls` etcd, kube-apiserver, kube-controller-manager and kube-scheduler: \
               containers in a container.",
        native: "The controller manager and the API server are where nodes learn of each other; without them no agent knows a peer to route to.",
        read: &[kind(
            "Containers and tasks of the namespace k8s.io in the control plane's containerd (`ctr`), with their images; and the API server's /version.",
        )],
        by_hand: &[
            on_kind(
                "docker exec kind-control-plane ctr -n k8s.io containers ls",
                "the four components at v1.25.3 and etcd, and a pause container for each pod",
            ),
            on_kind("docker exec kind-control-plane ctr -n k8s.io tasks ls", "RUNNING"),
        ],
        breaks: &[
            breaks(
                Reason::ContainerMissing,
                "kubelet could not start a static pod: its manifest is broken or its image is not there.",
            ),
            breaks(
                Reason::ContainerNotRunning,
                "It crashes again and again; etcd on a slow disk, or the API server on an address that the node no longer has.",
            ),
            breaks(Reason::WrongVersion, "Another node image, or a component that was upgraded by hand."),
        ],
        unobserved: "The control plane's containerd did not answer.",
    },
    Explanation {
        case: "cluster::nodes_become_ready",
        step: "After Cilium the article's second `kubectl get nodes` shows all three Ready.",
        native: "kubelet is ready once a CNI configuration is there, which the agent writes when it has started. Ready nodes are a sign that agents \
                 run, and no sign that routes are right.",
        read: &[kind(
            "The condition Ready of each node and when it last changed; and when each agent's container was started (core/v1 Pod). Both to the second.",
        )],
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
                   started again does not refute: where its first start is forgotten, the case is unobserved.",
            ),
        ],
        unobserved: "Fewer nodes or agents were seen than there should be, or a time is missing.",
    },
];
