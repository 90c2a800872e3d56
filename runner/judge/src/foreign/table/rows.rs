//! The rows of the table, and the cases that are in it.

use super::{Row, Says};
use lab_model::foreign::{Beneath, Families, KubeProxy, Mode, PodAddresses, RoutesBy};

pub(super) const NODES: &str = "cluster::three_nodes_run";
pub(super) const PROXY: &str = "cluster::no_kube_proxy";
pub(super) const COMPONENTS: &str = "cilium::components_are_ok";
pub(super) const NATIVE: &str = "cilium::routes_natively";
pub(super) const DIRECT: &str = "routing::direct_route_to_every_peer";
pub(super) const TUNNEL: &str = "routing::no_tunnel_device";
pub(super) const OWN: &str = "routing::own_pods_are_local";
pub(super) const ENDPOINTS: &str = "service::cluster_ip_has_both_backends";
pub(super) const TABLES: &str = "service::load_balancer_table_matches";
pub(super) const ADJACENT: &str = "l2::peers_are_adjacent";
pub(super) const FROM_NODES: &str = "service::answers_from_the_control_plane";
pub(super) const FROM_PODS: &str = "service::answers_from_each_pod";
pub(super) const REACH: &str = "wire::pods_reach_each_other_directly";
pub(super) const BARE: &str = "wire::frames_are_not_encapsulated";
pub(super) const ROUTER: &str = "wire::no_router_between_nodes";
pub(super) const SOURCE: &str = "wire::source_address_is_kept";
pub(super) const MTU: &str = "wire::full_mtu_fits";

/// The cases that exist on foreign clusters, where no row says otherwise, in the article's order.
pub const CASES: [&str; 17] = [
    NODES, PROXY, ADJACENT, COMPONENTS, NATIVE, DIRECT, TUNNEL, OWN, ENDPOINTS, TABLES, FROM_NODES, FROM_PODS, REACH,
    BARE, ROUTER, SOURCE, MTU,
];
/// Those of them for which something is sent: the cases of the probe tier.
pub const PROBED: [&str; 8] = [ADJACENT, FROM_NODES, FROM_PODS, REACH, BARE, ROUTER, SOURCE, MTU];

const IN_A_TUNNEL: Says = Says::NotThere("the cluster routes through a tunnel, which the cases are not about");
pub(super) const OTHER_WORDS: Says = Says::NobodyKnows("an agent's version is outside of those whose words are known");
pub(super) const OTHER_MODE: Says = Says::NobodyKnows("the routing mode is not known");
const ONLY_V6: Says = Says::NobodyKnows("IPv6 is not looked at");
const CHAINED: Says = Says::NobodyKnows("another network plugin makes the routes of pods");
const OTHER_IPAM: Says = Says::NobodyKnows("the IPAM mode does not say whose a pod's address is");
const POLICED: Says = Says::NobodyKnows("nothing passes that no policy allows, and there is none for the probe's pods");
const BY_CLOUD: Says = Says::NotThere("the cloud's network leads pods' packets, by whichever of the node's links");
const BY_NETWORK: Says =
    Says::NotThere("the network leads pods' packets: nodes need not be adjacent, and routers may be between");
const ENCRYPTED: Says = Says::NotThere("packets between nodes are encrypted: they are in others on the wire by design");
const BY_POD: Says = Says::Expects("the address of each pod that is on the node leads to that pod");

/// The table.
pub const ROWS: &[Row] = &[
    Row {
        read: "`tunnel` other than `disabled`, or `routing-mode=tunnel`",
        applies: |read| matches!(read.mode, Mode::Tunnel(_)),
        cases: &[
            (NODES, IN_A_TUNNEL),
            (PROXY, IN_A_TUNNEL),
            (COMPONENTS, IN_A_TUNNEL),
            (NATIVE, IN_A_TUNNEL),
            (DIRECT, IN_A_TUNNEL),
            (TUNNEL, IN_A_TUNNEL),
            (OWN, IN_A_TUNNEL),
            (ENDPOINTS, IN_A_TUNNEL),
            (TABLES, IN_A_TUNNEL),
            (ADJACENT, IN_A_TUNNEL),
            (FROM_NODES, IN_A_TUNNEL),
            (FROM_PODS, IN_A_TUNNEL),
            (REACH, IN_A_TUNNEL),
            (BARE, IN_A_TUNNEL),
            (ROUTER, IN_A_TUNNEL),
            (SOURCE, IN_A_TUNNEL),
            (MTU, IN_A_TUNNEL),
        ],
    },
    Row {
        read: "an agent of a version that is not known",
        applies: |read| read.unknown_version().is_some(),
        cases: &[
            (PROXY, OTHER_WORDS),
            (COMPONENTS, OTHER_WORDS),
            (NATIVE, OTHER_WORDS),
            (DIRECT, OTHER_WORDS),
            (TUNNEL, OTHER_WORDS),
            (OWN, OTHER_WORDS),
            (TABLES, OTHER_WORDS),
            (ADJACENT, OTHER_WORDS),
            (BARE, OTHER_WORDS),
            (ROUTER, OTHER_WORDS),
            (SOURCE, OTHER_WORDS),
            (MTU, OTHER_WORDS),
        ],
    },
    Row {
        read: "a word for the mode that is not known",
        applies: |read| matches!(read.mode, Mode::Unknown(_)),
        cases: &[
            (NATIVE, OTHER_MODE),
            (DIRECT, OTHER_MODE),
            (TUNNEL, OTHER_MODE),
            (OWN, OTHER_MODE),
            (ADJACENT, OTHER_MODE),
            (BARE, OTHER_MODE),
            (ROUTER, OTHER_MODE),
            (MTU, OTHER_MODE),
        ],
    },
    Row {
        read: "`enable-ipv4=false`",
        applies: |read| read.families == Families::V6,
        cases: &[
            (DIRECT, ONLY_V6),
            (OWN, ONLY_V6),
            (ENDPOINTS, ONLY_V6),
            (TABLES, ONLY_V6),
            (ADJACENT, ONLY_V6),
            (FROM_NODES, ONLY_V6),
            (FROM_PODS, ONLY_V6),
            (REACH, ONLY_V6),
            (BARE, ONLY_V6),
            (ROUTER, ONLY_V6),
            (SOURCE, ONLY_V6),
            (MTU, ONLY_V6),
        ],
    },
    Row {
        read: "`enable-policy=always`",
        applies: |read| read.always_policed,
        cases: &[
            (FROM_NODES, POLICED),
            (FROM_PODS, POLICED),
            (REACH, POLICED),
            (BARE, POLICED),
            (ROUTER, POLICED),
            (SOURCE, POLICED),
            (MTU, POLICED),
        ],
    },
    Row {
        read: "`cni-chaining-mode` other than `none` and `portmap`",
        applies: |read| read.chained.is_some(),
        cases: &[
            (DIRECT, CHAINED),
            (OWN, CHAINED),
            (ADJACENT, CHAINED),
            (BARE, CHAINED),
            (ROUTER, CHAINED),
            (SOURCE, CHAINED),
            (MTU, CHAINED),
        ],
    },
    Row {
        read: "`ipam=eni`, `azure` or `alibabacloud`",
        applies: |read| read.addresses == PodAddresses::OfCloud,
        cases: &[
            (
                DIRECT,
                Says::NotThere("nodes have no pod CIDR: the cloud's network leads the address of each pod to its node"),
            ),
            (OWN, BY_POD),
            (ADJACENT, BY_CLOUD),
            (BARE, BY_CLOUD),
            (ROUTER, BY_CLOUD),
            (MTU, BY_CLOUD),
        ],
    },
    Row {
        read: "`ipam=crd`, `delegated-plugin` or another word",
        applies: |read| read.addresses == PodAddresses::Unknown,
        cases: &[(DIRECT, OTHER_IPAM), (OWN, BY_POD)],
    },
    Row { read: "`enable-endpoint-routes=true`", applies: |read| read.endpoint_routes, cases: &[(OWN, BY_POD)] },
    Row {
        read: "`auto-direct-node-routes=true`, and Cilium announces pod CIDRs or skips nodes that it does not reach",
        applies: |read| read.routes == RoutesBy::AgentsAndNetwork,
        cases: &[(
            DIRECT,
            Says::Expects(
                "packets for the pods of each peer in the same subnet go to the peer itself; for others as the network leads them",
            ),
        )],
    },
    Row {
        read: "`auto-direct-node-routes=true`",
        applies: |read| read.routes == RoutesBy::Agents,
        cases: &[(
            DIRECT,
            Says::Expects("packets for the pods of each peer go to the peer itself, by the link that leads to it"),
        )],
    },
    Row {
        read: "native routing without it: BGP, a cloud's or a fabric's routes, a daemon on the nodes",
        applies: |read| read.routes == RoutesBy::Network,
        cases: &[
            (
                DIRECT,
                Says::Expects(
                    "packets for the pods of each peer leave the node as they are, to the peer or to a router, and not in a circle",
                ),
            ),
            (ADJACENT, BY_NETWORK),
            (ROUTER, BY_NETWORK),
        ],
    },
    Row {
        read: "`enable-wireguard=true` or `enable-ipsec=true`",
        applies: |read| read.beneath != Beneath::Nothing,
        cases: &[(BARE, ENCRYPTED), (ROUTER, ENCRYPTED), (MTU, ENCRYPTED)],
    },
    Row {
        read: "`enable-wireguard=true`",
        applies: |read| read.beneath == Beneath::WireGuard,
        cases: &[(TUNNEL, Says::Expects("as below, and WireGuard's `cilium_wg0` may carry pods' packets"))],
    },
    Row {
        read: "`bpf-lb-dsr-dispatch=geneve`, `enable-high-scale-ipcache=true` or `enable-ipv4-egress-gateway=true`",
        applies: |read| read.tunnel_beside.is_some(),
        cases: &[(
            TUNNEL,
            Says::Expects(
                "no route to pods is by a tunnel device; Cilium's own is there for Services, or for what leaves by another node",
            ),
        )],
    },
    Row {
        read: "`kube-proxy-replacement` other than `strict` and `true`",
        applies: |read| read.kube_proxy == KubeProxy::Kept,
        cases: &[(PROXY, Says::NotThere("kube-proxy is not replaced"))],
    },
    Row {
        read: "anything else, `enable-ipsec=true` and `enable-ipv6=true` included",
        applies: |_read| true,
        cases: &[
            (NODES, Says::Expects("each node is Ready, and its agent answers")),
            (PROXY, Says::Expects("there is no kube-proxy DaemonSet, and no chain of kube-proxy's on any node")),
            (COMPONENTS, Says::Expects("agents and operators are ready, and no agent reports an error")),
            (NATIVE, Says::Expects("each agent runs with what the ConfigMap cilium-config says")),
            (TUNNEL, Says::Expects("no node has a tunnel device of Cilium's, and no route to pods is by another's")),
            (OWN, Says::Expects("the node's own pod CIDR leads to its pods")),
            (
                ENDPOINTS,
                Says::Expects(
                    "each ClusterIP lies outside of the pod CIDRs, and what its slices call a ready pod is one",
                ),
            ),
            (TABLES, Says::Expects("on each node each ClusterIP has exactly its ready endpoints, all active")),
            (
                ADJACENT,
                Says::Expects("nodes in one subnet are at their own link-layer address, and no router is on the way"),
            ),
            (FROM_NODES, Says::Expects("each pod of the probe's Service answers each node at the ClusterIP")),
            (
                FROM_PODS,
                Says::Expects("each pod of the probe's Service answers each pod of the probe's at the ClusterIP"),
            ),
            (REACH, Says::Expects("pods on two nodes answer each other at their own addresses")),
            (
                BARE,
                Says::Expects(
                    "packets between pods are bare on the wire; where agents make the routes and in one subnet, between the nodes' own \
                     link-layer addresses",
                ),
            ),
            (ROUTER, Says::Expects("packets between nodes in one subnet keep their TTL")),
            (SOURCE, Says::Expects("packets to pods within `ipv4-native-routing-cidr` keep their source address")),
            (MTU, Says::Expects("a packet as large as all links of two nodes in one subnet take passes")),
        ],
    },
];
