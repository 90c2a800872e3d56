//! `service::…`

use super::model::{Explanation, both, breaks, kind, netns, on_kind, on_netns};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "service::two_replicas_on_two_workers",
        step: "The article scales hello-app to two replicas and shows with `kubectl get pods -o wide` that one runs on kind-worker and one on \
               kind-worker2. Nothing in its commands makes that so; this lab asks for it, with an anti-affinity rule.",
        native: "Only pods on two nodes make traffic that needs a route. With both on one worker every request could be answered without \
                 native routing doing anything.",
        read: &[
            netns(
                "Each pod's own namespace, over netlink and sock_diag: its address, and a listener on port 8080. Its node is the one that \
                   has a route to that address.",
            ),
            kind("Pods with the workload's labels (core/v1 Pod): spec.nodeName, status.podIP, the condition Ready."),
            both("Each node's pod CIDR, as for `routing::direct_route_to_every_peer`."),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- ip address show dev eth0",
                "10.0.1.10/32, from kind-worker's 10.0.1.0/24",
            ),
            on_netns("lab shell kind-worker -- ip route show 10.0.1.10", "dev lxc…: the pod hangs on this node"),
            on_kind("kubectl get pods -o wide", "two pods, Running and 1/1, on two workers"),
            on_kind(
                "kubectl get ciliumnodes -o jsonpath={.items[*].spec.ipam.podCIDRs}",
                "the CIDRs that their addresses come from",
            ),
        ],
        breaks: &[
            breaks(
                Reason::WrongReplicaCount,
                "An image that no node has: ErrImageNeverPull or ImagePullBackOff. Or a worker has no room, or is \
                   not Ready. Also when there is no pod at all.",
            ),
            breaks(
                Reason::NotOnTwoWorkers,
                "The scheduler put both on one worker, as the article's own commands allow; or one is on the control \
                   plane, whose taint was removed.",
            ),
            breaks(
                Reason::OutsidePodCidr,
                "A pod was started by another network plugin before Cilium was there, with an address of 10.244.0.0/16, \
                   or CIDRs were handed out anew under running pods.",
            ),
        ],
        unobserved: "The nodes' roles or a pod CIDR are not known.",
    },
    Explanation {
        case: "service::cluster_ip_has_both_backends",
        step: "The article exposes the Deployment on port 8080 and reads with `kubectl get service` that it got the ClusterIP 10.96.37.61.",
        native: "A ClusterIP is nobody's address: no route leads to it. It has to be translated into a pod's address before routing sees the \
                 packet, and must therefore lie outside the range that is routed natively between nodes.",
        read: &[
            netns(
                "The nftables table `ip lab` of the control plane: the address and port that are translated, and the map of those that they \
                   are translated into. There is no API server.",
            ),
            kind(
                "The Service hello-app (core/v1) and its endpoints (discovery/v1 EndpointSlice, else core/v1 Endpoints).",
            ),
            both("The ready pods and the pod CIDRs, as for `service::two_replicas_on_two_workers`."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-control-plane -- nft list table ip lab",
                "ip daddr 10.96.37.61 tcp dport 8080 dnat to … map: two addresses",
            ),
            on_kind("kubectl get service hello-app", "a ClusterIP of 10.96.0.0/16, 8080/TCP"),
            on_kind("kubectl get endpoints hello-app", "two addresses with port 8080: those of the two pods"),
        ],
        breaks: &[
            breaks(
                Reason::NoService,
                "`kubectl expose` was not run, or gave another name or port; or the Service is headless and has no ClusterIP.",
            ),
            breaks(
                Reason::ClusterIpWithinPodCidr,
                "The Service range overlaps a pod CIDR, for instance with a pod pool that begins at \
                   10.96.0.0: the same address may then be a pod's and a Service's.",
            ),
            breaks(
                Reason::EndpointMissing,
                "The selector does not match a pod's labels, or the endpoint controller has not seen yet that the \
                   pod is ready.",
            ),
            breaks(
                Reason::EndpointStale,
                "An endpoint of a pod that is gone or no longer ready, because the controller does not run, or an \
                   endpoint that was entered by hand.",
            ),
        ],
        unobserved: "Fewer pods are ready than there should be, or a pod CIDR is not known.",
    },
    Explanation {
        case: "service::load_balancer_table_matches",
        step: "The article runs `cilium service list` in one agent and sees 10.96.37.61:8080 with both pods behind it, each (active).",
        native: "Without kube-proxy the datapath's own table is what translates. Each node has one of its own; a node whose table is behind sends \
                 packets to pods that are not there, by routes that are right.",
        read: &[
            netns("The nftables table `ip lab` of each node: its map of backends."),
            kind(
                "The BPF maps of each node's agent (`cilium_lb4_services_v2` and its backends; `cilium bpf lb list -o json`), and the states that \
                  the agent gives them (`cilium service list -o json`).",
            ),
            both("The ready pods: not what the builder or the API server says that there should be."),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- nft list table ip lab", "the same two addresses on each node"),
            on_kind(
                "kubectl exec -n kube-system AGENT -- cilium service list",
                "the ClusterIP, 1 => and 2 =>, both (active)",
            ),
            on_kind("kubectl exec -n kube-system AGENT -- cilium bpf lb list", "what is in the map itself"),
        ],
        breaks: &[
            breaks(
                Reason::FrontendMissing,
                "The agent does not reach the API server (a wrong k8sServiceHost), so it never learned of the Service.",
            ),
            breaks(
                Reason::BackendMissing,
                "A pod became ready after the agent lost the API server: new pods are missing, old ones are there.",
            ),
            breaks(
                Reason::BackendStale,
                "A pod was deleted meanwhile: connections to it time out now and then, one in so many as there are backends.",
            ),
            breaks(
                Reason::BackendInactive,
                "The agent holds the backend as terminating or quarantined; a map that has a backend which the agent does \
                   not know counts as this too.",
            ),
        ],
        unobserved: "There is no ClusterIP, a node's table could not be read, or fewer pods are ready than there should be.",
    },
    Explanation {
        case: "service::answers_from_the_control_plane",
        step: "The article enters kind-control-plane, runs `curl http://10.96.37.61:8080`, and gets three lines: Hello, world!, Version: 1.0.0 \
               and Hostname: with a pod's name. It is its proof that nodes reach pods on other nodes.",
        native: "The control plane runs no replica, so each answer has crossed from node to node by a direct route, there and back.",
        read: &[
            both(
                "Replies to new connections from the control plane's namespace to the ClusterIP, until each ready pod has answered: the status, \
                  hello-app's three lines, and whose name is in the third. 64 attempts at most.",
            ),
            netns("The connection is translated by nftables, in the output hook of the node."),
            kind("It is translated by Cilium's BPF program at the socket, when curl connects."),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-control-plane -- curl -s -m 5 http://10.96.37.61:8080",
                "three lines; repeated, now one pod's name, now the other's",
            ),
            on_kind("docker exec kind-control-plane curl -s -m 5 http://CLUSTER_IP:8080", "the same"),
        ],
        breaks: &[
            breaks(
                Reason::NoAnswer,
                "Nothing translates the ClusterIP (no kube-proxy and no replacement of it), or no route leads to any of the \
                   pods: each attempt times out.",
            ),
            breaks(
                Reason::SomeUnanswered,
                "One backend is behind a missing route, or is stale: half of the attempts time out.",
            ),
            breaks(
                Reason::EmptyReply,
                "The connection was closed without a response: curl says Empty reply from server. The pod's program ended \
                   or something else listens there.",
            ),
            breaks(
                Reason::WrongStatus,
                "A response that is not 200, for instance 502 of a proxy in between. `http_proxy` has no effect on this case; on \
                   curl it has.",
            ),
            breaks(
                Reason::AnotherServerAnswers,
                "The address is another Service's, or the image is not hello-app 1.0: the lines or the name are not \
                   as they should be.",
            ),
            breaks(
                Reason::BackendNeverAnswers,
                "Only one backend is in the table of this node, or a session affinity was set: the other's name \
                   never comes.",
            ),
        ],
        unobserved: "There is no ClusterIP, no place to ask from, or fewer pods are ready than there should be.",
    },
    Explanation {
        case: "service::answers_from_each_pod",
        step: "The article says that the same curl works in a hello-app pod and leaves it to the reader. hello-app has neither a shell nor curl: \
               the pod's network namespace is entered from its node.",
        native: "From a pod one backend is itself and the other is on the other worker. Both must answer: the one shows that translation does not \
                 get in its own way, the other that a pod's packets are routed like a node's.",
        read: &[
            both(
                "Replies to new connections from inside each pod's namespace to the ClusterIP, until each ready pod has answered, itself included.",
            ),
            netns("nftables in the pod's own namespace translates, in the output hook: a pod that picks itself works."),
            kind(
                "Cilium's BPF program at the socket translates; the packet that leaves the pod has the backend's address already.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell hello-app-1 -- curl -s -m 5 http://10.96.37.61:8080",
                "three lines, from both pods in turn",
            ),
            on_kind(
                "lab shell --name kind POD -- curl -s -m 5 http://CLUSTER_IP:8080",
                "the same: curl is the node's, the namespace the pod's",
            ),
        ],
        breaks: &[
            breaks(
                Reason::NoAnswer,
                "The pod's traffic is dropped, by a policy or because its node does not forward (ip_forward is 0).",
            ),
            breaks(
                Reason::SomeUnanswered,
                "Itself answers and the peer does not: the route between the workers is missing. The other way round: a pod \
                   that picks itself is not translated back.",
            ),
            breaks(Reason::EmptyReply, "As from the control plane."),
            breaks(Reason::WrongStatus, "As from the control plane."),
            breaks(Reason::AnotherServerAnswers, "As from the control plane."),
            breaks(Reason::BackendNeverAnswers, "As from the control plane; the pod that asks counts as a backend."),
        ],
        unobserved: "There is no ClusterIP, a pod's namespace could not be entered, or fewer pods are ready than there should be.",
    },
];
