//! `routing::…`

use super::model::{Explanation, both, breaks, kind, netns, on_kind, on_netns};
use lab_model::Reason;

pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        case: "routing::only_base_routes_before",
        step: "Before Cilium is installed the article runs `ip route` in kind-control-plane and sees two lines: the default \
               route via 172.18.0.1, the bridge's own address, and the link route of 172.18.0.0/16.",
        native: "It is the zero point. Every route to pods that is there later was made by the network plugin, and none was \
                 left over from something else.",
        read: &[
            both(
                "The routes of all IPv4 tables but `local` of each node, over netlink (RTM_GETROUTE), when the lab had no pod \
                  routes yet. They are stored in the lab's `base.json`; the report says how old they are.",
            ),
            netns("The gateway is the address of the bridge `kind` in the lab's own namespace."),
            kind("The gateway is that of the Docker network `kind`, as the Engine tells it."),
        ],
        by_hand: &[
            on_netns("lab up --routing none", "builds a lab that has no more than its base routes"),
            on_netns(
                "lab shell kind-control-plane -- ip -4 route show table all",
                "two routes outside table local, and `pod_host`'s own",
            ),
            on_kind(
                "docker exec kind-control-plane ip -4 route show table all",
                "with Cilium there are more by now; the state folder's `base.json` has what was there before",
            ),
        ],
        breaks: &[
            breaks(
                Reason::RouteBeforeRouting,
                "Another network plugin ran: `disableDefaultCNI` was not set, so kindnet routes \
                   10.244.0.0/16, or a node has kept routes of a lab before it. The route is named with its table.",
            ),
            breaks(
                Reason::BaseRouteMissing,
                "A node was cut off from the bridge: no default route, or one that does not lead to \
                   the bridge's gateway by eth0; then nothing outside the link is reached, Docker's registry included.",
            ),
        ],
        unobserved: "Nothing was stored at that moment, for instance because the lab was built by an older version. What is there now \
                     proves nothing about before.",
    },
    Explanation {
        case: "routing::direct_route_to_every_peer",
        step: "The article installs Cilium with `autoDirectNodeRoutes=true`: each agent then adds, over netlink, one route for each \
               other node's pod CIDR, with that node's address as next hop. The article does not print them; it only says that they \
               are made.",
        native: "This is native routing itself. On one L2 network the kernel needs no more than such a route to bring a pod's packet to \
                 its node bare; with a route missing the packet takes the default route and leaves the cluster.",
        read: &[
            both(
                "Rules and routes of all tables of each node over netlink (RTM_GETRULE, RTM_GETROUTE), decided in the kernel's own \
                  order: rules by priority, then the longest prefix, then the metric. A packet from the node and one forwarded from a \
                  pod are both followed, to addresses that stand for the whole CIDR.",
            ),
            both(
                "The kernel's own decision for the same packets (RTM_GETROUTE with an address, as `ip route get`). Both must agree.",
            ),
            netns("Pod CIDRs: the address of `pod_host` on each node."),
            kind(
                "Pod CIDRs: `spec.ipam.podCIDRs` of each CiliumNode; Node.spec has others, which Cilium does not use.",
            ),
        ],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- ip route",
                "10.0.0.0/24 via 172.18.0.2 dev eth0, 10.0.2.0/24 via 172.18.0.4 dev eth0",
            ),
            on_netns("lab shell kind-worker -- ip route get 10.0.2.11", "via 172.18.0.4 dev eth0: the peer itself"),
            on_kind("kubectl get ciliumnodes -o jsonpath={.items[*].spec.ipam.podCIDRs}", "the pod CIDR of each node"),
            on_kind(
                "docker exec kind-worker ip route",
                "a line for each other node's pod CIDR, via that node's address, dev eth0",
            ),
            on_kind("docker exec kind-worker ip route get PEER_POD_ADDRESS", "via the peer's node, dev eth0"),
            on_kind(
                "docker exec kind-worker ip rule",
                "Cilium's rules 9 and 10 ask for marks 0x200 and 0xa00, which a pod's packet does not have",
            ),
        ],
        breaks: &[
            breaks(
                Reason::RouteMissing,
                "`autoDirectNodeRoutes` is off, or an agent could not add the route because the peer is not on \
                   its link. `observed` says where the packet would go instead: through default via 172.18.0.1. `cilium status` still says OK.",
            ),
            breaks(
                Reason::WrongNextHop,
                "Docker gave nodes each other's addresses after a restart, and the routes lead to where a peer was \
                   before. All nodes are Ready; pods are not reached.",
            ),
            breaks(
                Reason::ThroughTunnel,
                "`tunnel=vxlan`, Cilium's default, or geneve: the route leads to cilium_vxlan or via cilium_host \
                   (on netns pod_vxlan), with mtu 1450.",
            ),
            breaks(
                Reason::WrongDevice,
                "The peer's CIDR leaves by another link than eth0, for instance because a second network of the node \
                   has an overlapping prefix, or is a blackhole or unreachable route.",
            ),
            breaks(
                Reason::Shadowed,
                "The direct route is there, and a rule with a smaller priority or a longer prefix takes the packet \
                   first. `observed` names both, and the rule's number.",
            ),
            breaks(
                Reason::KernelDisagrees,
                "The kernel decides otherwise than the listed rules and routes say: they changed in between, or \
                   something decides that neither lists, such as a route with a BPF program.",
            ),
        ],
        unobserved: "A node did not answer, its pod CIDR is not known, or a rule depends on what was not seen, for instance a rule for one user.",
    },
    Explanation {
        case: "routing::no_tunnel_device",
        step: "The article sets `tunnel=disabled`; vxlan would be Cilium's default. Its introduction names the two overlays, vxlan and \
               geneve, that are not wanted.",
        native: "An overlay needs a device that wraps packets. Without one no route can lead into a tunnel, whatever is configured.",
        read: &[both(
            "All links of each node with their kinds, over netlink (RTM_GETLINK, IFLA_INFO_KIND): vxlan, geneve, ipip, gre, sit, \
                  wireguard and their relatives. The kernel's own fallback devices (tunl0, gre0, sit0 and such), down and used by no \
                  route, are listed and do not count.",
        )],
        by_hand: &[
            on_netns(
                "lab shell kind-worker -- ip -d link show type vxlan",
                "prints nothing; nor with geneve, ipip, gre or wireguard",
            ),
            on_kind(
                "docker exec kind-worker ip -d link show type vxlan",
                "prints nothing; in an overlay, cilium_vxlan",
            ),
        ],
        breaks: &[breaks(
            Reason::TunnelDevice,
            "`tunnel` was left at its default, or set back by an upgrade without the article's values: \
                  cilium_vxlan is there. A device of an earlier configuration stays until the agent that no longer wants it has restarted.",
        )],
        unobserved: "The links of a node could not be listed.",
    },
    Explanation {
        case: "routing::own_pods_are_local",
        step: "Beside the routes to peers, the agent keeps its own node's pod CIDR at home: in the article's lab by a route via the address \
               of `cilium_host`.",
        native: "A packet that arrives bare must find the way to its pod here. If the node's own CIDR leads on to a peer, the packet circles \
                 between nodes until its TTL has run out.",
        read: &[
            both(
                "Rules and routes of each node over netlink, followed for the node's own pod CIDR: for a packet of its own, and for one that \
                  comes in by eth0 from a peer's pod. It must end at an address of this node, at a link that holds one, or at a pod's link.",
            ),
            netns("The route is `10.0.N.0/24 via 10.0.N.1 dev pod_host`; each pod has a /32 besides."),
            kind("The route is `10.0.N.0/24 via ROUTER dev cilium_host`."),
        ],
        by_hand: &[
            on_netns("lab shell kind-worker -- ip route get 10.0.1.1", "local, dev lo: an address of this node"),
            on_netns("lab shell kind-worker -- ip route show 10.0.1.0/24", "via 10.0.1.1 dev pod_host"),
            on_kind("docker exec kind-worker ip route show dev cilium_host", "the node's own pod CIDR"),
        ],
        breaks: &[breaks(
            Reason::OwnCidrLeadsAway,
            "Two nodes believe in one pod CIDR, or a node has kept the direct route of the time when the \
                  CIDR was a peer's: CiliumNode objects were deleted and CIDRs handed out anew. Its pods are reached from nowhere.",
        )],
        unobserved: "A node, its pod CIDR or its rules were not seen.",
    },
];
