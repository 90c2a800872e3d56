//! The table: what each case expects of a cluster with this configuration, or that it does not exist there, or that
//! nobody knows. `docs/cluster.md` shows it, and a test compares both.

use lab_model::CiliumVersion;
use lab_model::foreign::{Beneath, Configuration, Families, KubeProxy, Mode, PodAddresses, RoutesBy};

/// What a row says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It is judged; what is expected.
    Expects(&'static str),
    /// It does not exist there; why.
    NotThere(&'static str),
    /// Nobody knows what to expect; why.
    NobodyKnows(&'static str),
}

impl Says {
    /// In words, as the page has it.
    pub fn in_words(self) -> String {
        match self {
            Self::Expects(what) => what.to_owned(),
            Self::NotThere(why) => format!("does not exist there: {why}"),
            Self::NobodyKnows(why) => format!("nobody knows: {why}"),
        }
    }
}

/// A row: the first that applies and has the case decides it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What was read, as the page has it.
    pub read: &'static str,
    /// Whether that is what was read.
    pub applies: fn(&Configuration) -> bool,
    /// What it says, by case.
    pub cases: &'static [(&'static str, Says)],
}

/// What the table says of a case, with the configuration's own words filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is judged.
    Expects(&'static str),
    /// It does not exist there; why.
    NotThere(String),
    /// Nobody knows what to expect; why.
    NobodyKnows(String),
}

const NODES: &str = "cluster::three_nodes_run";
const PROXY: &str = "cluster::no_kube_proxy";
const COMPONENTS: &str = "cilium::components_are_ok";
const NATIVE: &str = "cilium::routes_natively";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const TUNNEL: &str = "routing::no_tunnel_device";
const OWN: &str = "routing::own_pods_are_local";
const ENDPOINTS: &str = "service::cluster_ip_has_both_backends";
const TABLES: &str = "service::load_balancer_table_matches";
const ADJACENT: &str = "l2::peers_are_adjacent";
const FROM_NODES: &str = "service::answers_from_the_control_plane";
const FROM_PODS: &str = "service::answers_from_each_pod";
const REACH: &str = "wire::pods_reach_each_other_directly";
const BARE: &str = "wire::frames_are_not_encapsulated";
const ROUTER: &str = "wire::no_router_between_nodes";
const SOURCE: &str = "wire::source_address_is_kept";
const MTU: &str = "wire::full_mtu_fits";

/// The cases that exist on foreign clusters, where no row says otherwise, in the article's order.
pub const CASES: [&str; 17] = [
    NODES, PROXY, ADJACENT, COMPONENTS, NATIVE, DIRECT, TUNNEL, OWN, ENDPOINTS, TABLES, FROM_NODES, FROM_PODS, REACH,
    BARE, ROUTER, SOURCE, MTU,
];
/// Those of them for which something is sent: the cases of the probe tier.
pub const PROBED: [&str; 8] = [ADJACENT, FROM_NODES, FROM_PODS, REACH, BARE, ROUTER, SOURCE, MTU];

const IN_A_TUNNEL: Says = Says::NotThere("the cluster routes through a tunnel, which the cases are not about");
const OTHER_WORDS: Says = Says::NobodyKnows("an agent's version is outside of those whose words are known");
const OTHER_MODE: Says = Says::NobodyKnows("the routing mode is not known");
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
        read: "`bpf-lb-dsr-dispatch=geneve` or `enable-high-scale-ipcache=true`",
        applies: |read| read.tunnel_beside.is_some(),
        cases: &[(TUNNEL, Says::Expects("no route to pods is by a tunnel device; Cilium's own is there for Services"))],
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

/// What the table says of a case.
pub fn says(case: &str, read: &Configuration) -> Said {
    let rows = ROWS.iter().filter(|row| (row.applies)(read));
    let found = rows.flat_map(|row| row.cases).find(|(name, _says)| *name == case).map(|(_name, says)| *says);
    match found {
        Some(Says::Expects(what)) => Said::Expects(what),
        Some(Says::NotThere(why)) => Said::NotThere(why.to_owned()),
        Some(Says::NobodyKnows(why)) => Said::NobodyKnows(match (why, read.unknown_version(), &read.mode) {
            (_, Some(version), _) if found == Some(OTHER_WORDS) => {
                let known = CiliumVersion::known();
                format!("an agent is Cilium {version}, outside of {known}, the versions whose words are known")
            }
            (_, _, Mode::Unknown(word)) if found == Some(OTHER_MODE) => format!("{why}: {word:?}"),
            _ => why.to_owned(),
        }),
        None => Said::NotThere(
            "it is about what this program builds, or needs a destination of its own outside of the cluster".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::fixture::configured;
    use crate::foreign::read;

    /// What is said of each case, by a word: `+` expected, `-` not there, `?` nobody knows.
    fn marks(read: &Configuration) -> String {
        let mark = |case: &&str| match says(case, read) {
            Said::Expects(_) => '+',
            Said::NotThere(_) => '-',
            Said::NobodyKnows(_) => '?',
        };
        CASES.iter().map(mark).collect()
    }

    #[test]
    fn each_configuration_has_its_own_expectations() {
        for (settings, expected) in [
            // In the order of CASES.
            (&[][..], "+++++++++++++++++"),
            (&[("tunnel", "vxlan")], "-----------------"),
            (&[("tunnel", "gre")], "++?+????+++++??+?"),
            (&[("auto-direct-node-routes", "false")], "++-+++++++++++-++"),
            (&[("auto-direct-node-routes", "false"), ("enable-bgp-control-plane", "true")], "++-+++++++++++-++"),
            (&[("enable-bgp-control-plane", "true")], "+++++++++++++++++"),
            (&[("ipam", "eni")], "++-++-+++++++--+-"),
            (&[("ipam", "azure")], "++-++-+++++++--+-"),
            (&[("ipam", "crd")], "+++++?+++++++++++"),
            (&[("ipam", "kubernetes")], "+++++++++++++++++"),
            (&[("enable-endpoint-routes", "true")], "+++++++++++++++++"),
            (&[("enable-wireguard", "true")], "+++++++++++++--+-"),
            (&[("enable-ipsec", "true")], "+++++++++++++--+-"),
            (&[("kube-proxy-replacement", "disabled")], "+-+++++++++++++++"),
            (&[("kube-proxy-replacement", "partial")], "+-+++++++++++++++"),
            (&[("enable-ipv6", "true")], "+++++++++++++++++"),
            (&[("enable-ipv4", "false"), ("enable-ipv6", "true")], "++?++?+??????????"),
            (&[("cni-chaining-mode", "aws-cni")], "++?++?+?+++++????"),
            (&[("enable-policy", "always")], "++++++++++???????"),
        ] {
            assert_eq!(marks(&configured(settings)), expected, "{settings:?}");
        }
        let newer = read(&crate::foreign::fixture::config(&[("routing-mode", "native")]), &["c:v1.17.1".to_owned()]);
        assert_eq!(marks(&newer), "+???????+?+++????");
        let why = "an agent is Cilium 1.17.1, outside of 1.12 to 1.15, the versions whose words are known";
        assert_eq!(says(DIRECT, &newer), Said::NobodyKnows(why.to_owned()));
        let other = says(DIRECT, &configured(&[("tunnel", "gre")]));
        assert_eq!(other, Said::NobodyKnows("the routing mode is not known: \"gre\"".to_owned()));
    }

    #[test]
    fn what_is_expected_depends_on_who_makes_the_routes() {
        let of = |settings: &[(&str, &str)], case| match says(case, &configured(settings)) {
            Said::Expects(what) => what,
            other => panic!("{other:?}"),
        };
        assert!(of(&[], DIRECT).contains("to the peer itself, by the link"));
        assert!(of(&[("auto-direct-node-routes", "false")], DIRECT).contains("or to a router"));
        assert!(of(&[("enable-bgp-control-plane", "true")], DIRECT).contains("in the same subnet"));
        assert!(of(&[("enable-wireguard", "true")], TUNNEL).contains("cilium_wg0"));
        assert!(of(&[("ipam", "eni")], OWN).contains("each pod"));
        assert!(of(&[("enable-endpoint-routes", "true")], OWN).contains("each pod"));
        assert!(of(&[], OWN).contains("own pod CIDR"));
    }

    #[test]
    fn a_case_of_no_row_does_not_exist_there() {
        for case in
            ["cluster::docker_engine_answers", "wire::nothing_leaks_to_the_uplink", "routing::only_base_routes_before"]
        {
            assert!(matches!(says(case, &configured(&[])), Said::NotThere(_)), "{case}");
        }
        // The last row has all cases but the one that depends on who makes the routes.
        let last = ROWS.last().map(|row| row.cases.len());
        assert_eq!(last, Some(CASES.len() - 1));
        assert!(PROBED.iter().all(|case| CASES.contains(case)));
        for row in ROWS {
            assert!(row.cases.iter().all(|(case, _)| CASES.contains(case)), "{}", row.read);
        }
    }
}
