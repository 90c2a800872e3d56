//! `routing::direct_route_to_every_peer`.

use super::with_lookups;
use crate::cases::prelude::*;
use lab_judge::routing as judge;
use lab_kind::{ByHand, KindLab};
use serde_json::Value;

pub(in crate::cases) const CASE: Case = Case {
    name: "routing::direct_route_to_every_peer",
    article: "autoDirectNodeRoutes=true",
    claim: "On every node, packets to every peer's pod CIDR go via that peer's own address, dev eth0.",
    against: &[],
    needs: Stage::RoutingInstalled,
    on: both!(with_lookups, judge::direct_route_to_every_peer, |seen, expect| Found::roads(judge::roads(seen, expect))),
    shown: Shown::Now(commands),
    turned: &[(Effect::NodeSilent, BLIND)],
    explanation: Explanation {
        step: "The article installs Cilium with `autoDirectNodeRoutes=true`: each agent then adds, over netlink, one route for each \
               other node's pod CIDR, with that node's address as next hop. The article does not print them; it only says that they \
               are made.",
        native: "This is native routing itself. On one L2 network the kernel needs no more than such a route to bring a pod's packet to \
                 its node bare; with a route missing the packet takes the default route and leaves the cluster.",
        read: &[
            read(
                "Rules and routes of all tables of each node over netlink (RTM_GETRULE, RTM_GETROUTE), decided in the kernel's own \
                  order: rules by priority, then the longest prefix, then the metric. A packet from the node and one forwarded from a \
                  pod are both followed, to addresses that stand for the whole CIDR.",
            ),
            read(
                "The kernel's own decision for the same packets (RTM_GETROUTE with an address, as `ip route get`). Both must agree.",
            ),
            read_on_netns("Pod CIDRs: the address of `pod_host` on each node."),
            read_on_kind(
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
                   its link: then it warns `Unable to install direct node route`, in racks the remedy is `--routing bgp`. `observed` says where the \
                   packet would go instead: through default via 172.18.0.1. `cilium status` still says OK.",
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
};

/// The nodes' routes; and where nodes stand in racks, what their agents say of those that they could not install.
fn commands(lab: &KindLab, _seen: &Value) -> Vec<ByHand> {
    let nodes = || lab.nodes().iter().map(|(node, _)| node.clone());
    let routes = nodes().map(|node| ByHand::InNode(node, vec!["ip".to_owned(), "route".to_owned()]));
    let in_racks = lab.spec().expect.racks.is_some();
    routes.chain(nodes().filter(|_| in_racks).map(ByHand::RefusedRoutes)).collect()
}
