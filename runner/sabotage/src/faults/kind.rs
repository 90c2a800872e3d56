//! Faults of a cluster that are made by commands in its nodes.

use super::super::cluster::{Breakage, KUBECTL, NodeCommand, Who};
use super::super::fault::{Apply, Fault, Undo};
use super::super::members::{BRIDGE, CONTROL_PLANE, WORKER, WORKER2};
use lab_harness::expect::Expect::{Refuted, Unobserved};
use lab_harness::turned::{Effect, ONE_ADDRESSED};
use lab_model::Reason::{
    KubeProxyChain, OwnCidrLeadsAway, PeerBehindRouter, RouteMissing, Shadowed, TunnelDevice, WrongReplicaCount,
};

/// Commands on the first worker that route both halves of a node's pod CIDR via the control plane.
fn halves_astray(who: &Who, pods_of: &str) -> Result<Vec<NodeCommand>, String> {
    let via = who.address(CONTROL_PLANE)?;
    let command = |half| NodeCommand {
        node: WORKER,
        make: format!("ip route add {half} via {via}"),
        undo: format!("ip route del {half} via {via}"),
    };
    Ok(who.halves_of(pods_of)?.into_iter().map(command).collect())
}

/// A chain with a name of kube-proxy's in a node's packet filter.
pub(super) const KUBE_PROXY_CHAIN: Fault = Fault {
    name: "kube-proxy-chain",
    what: "On kind-worker there is a chain KUBE-SVC-SABOTAGE in iptables' table nat, as kube-proxy would make one.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            Ok(vec![NodeCommand {
                node: WORKER,
                make: "iptables -t nat -N KUBE-SVC-SABOTAGE".to_owned(),
                undo: "iptables -t nat -X KUBE-SVC-SABOTAGE".to_owned(),
            }])
        }),
        settles: &[],
    },
    kills: &["cluster::no_kube_proxy"],
    breaks: &[],
    turns: &[("cluster::no_kube_proxy", Refuted(&[(KubeProxyChain, WORKER)]))],
    undo: Undo::PutBack,
};

/// The unit in the node's systemd that deletes the route again.
const ROUTE_GUARD: &str = "lab-route-guard";

/// Cilium's agent restores the route within a minute or two. So with each change of a route it is deleted again.
pub(super) const DIRECT_ROUTE_DELETED: Fault = Fault {
    name: "direct-route-deleted",
    what: "On kind-worker the route to the pod CIDR of kind-worker2 is deleted, and again as soon as the agent has put it back.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let (pods, via) = (who.pods_of(WORKER2)?, who.address(WORKER2)?);
            let (put, delete) = (format!("ip route replace {pods} via {via}"), format!("ip route del {pods}"));
            let heard = format!("/run/{ROUTE_GUARD}");
            let guard = format!("ip monitor route | while read -r _; do {delete}; touch {heard}; done");
            // Until the guard hears, which it does not at once.
            let delete = format!("until [ -e {heard} ]; do {put}; {delete}; sleep 0.1; done");
            Ok(vec![NodeCommand {
                node: WORKER,
                make: format!("systemd-run --quiet --collect --unit {ROUTE_GUARD} sh -c '{guard}' && {delete}"),
                undo: format!("systemctl stop {ROUTE_GUARD}; rm -f {heard}; {put}"),
            }])
        }),
        settles: &[],
    },
    kills: &["routing::direct_route_to_every_peer", "wire::nothing_leaks_to_the_uplink"],
    breaks: &[Effect::Leak, Effect::PodsApart, Effect::NothingFromFirst],
    turns: &[
        ("routing::direct_route_to_every_peer", Refuted(&[(RouteMissing, WORKER)])),
        ("wire::source_address_is_kept", Unobserved("no request from")),
    ],
    undo: Undo::PutBack,
};

/// More specific routes hide Cilium's own route, which stays in its table.
pub(super) const MORE_SPECIFIC_ROUTES: Fault = Fault {
    name: "more-specific-routes",
    what: "On kind-worker two routes to the halves of the pod CIDR of kind-worker2 go via the control plane.",
    apply: Apply::Cluster { how: Breakage::Commands(|who| halves_astray(who, WORKER2)), settles: &[] },
    kills: &[
        "routing::direct_route_to_every_peer",
        "wire::frames_are_not_encapsulated",
        "wire::no_router_between_nodes",
    ],
    breaks: &[Effect::Detour],
    turns: &[("routing::direct_route_to_every_peer", Refuted(&[(Shadowed, WORKER)]))],
    undo: Undo::PutBack,
};

/// A node sends packets for its own pods to another node.
pub(super) const OWN_CIDR_VIA_A_PEER: Fault = Fault {
    name: "own-cidr-via-a-peer",
    what: "On kind-worker two routes to the halves of its own pod CIDR go via the control plane.",
    apply: Apply::Cluster { how: Breakage::Commands(|who| halves_astray(who, WORKER)), settles: &[] },
    kills: &["routing::own_pods_are_local"],
    breaks: &[],
    turns: &[("routing::own_pods_are_local", Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    undo: Undo::PutBack,
};

/// A second network of the node whose prefix contains the pod CIDR would have the same effect.
pub(super) const ANOTHER_LINK_TAKES_POD_CIDR: Fault = Fault {
    name: "another-link-takes-pod-cidr",
    what: "On kind-worker two routes to the halves of its own pod CIDR lead to another link, a macvlan on its eth0.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let in_worker = |make: String, undo: String| NodeCommand { node: WORKER, make, undo };
            // Else it answers ARP for its node's address beside eth0, and peers send to either.
            let add = "ip link add eth1 link eth0 type macvlan mode bridge && ip link set eth1 arp off up";
            let mut commands = vec![in_worker(add.to_owned(), "ip link del eth1".to_owned())];
            commands.extend(who.halves_of(WORKER)?.into_iter().map(|half| {
                in_worker(format!("ip route add {half} dev eth1"), format!("ip route del {half} dev eth1"))
            }));
            Ok(commands)
        }),
        settles: &[],
    },
    kills: &["routing::own_pods_are_local"],
    breaks: &[],
    turns: OWN_CIDR_VIA_A_PEER.turns,
    undo: Undo::PutBack,
};

/// The direct routes to the peer's pods are not affected: the kernel resolved their next hop when they were installed.
pub(super) const PEER_BEHIND_A_ROUTER: Fault = Fault {
    name: "peer-behind-a-router",
    what: "On kind-worker the route to kind-worker2's own address goes via the network's gateway.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let peer = who.address(WORKER2)?;
            let gateway = "$(ip -4 route show default | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p')";
            Ok(vec![NodeCommand {
                node: WORKER,
                make: format!("ip route add {peer}/32 via {gateway} dev eth0"),
                undo: format!("ip route del {peer}/32"),
            }])
        }),
        settles: &[],
    },
    kills: &["l2::peers_are_adjacent"],
    breaks: &[],
    turns: &[("l2::peers_are_adjacent", Refuted(&[(PeerBehindRouter, WORKER)]))],
    undo: Undo::PutBack,
};

/// A rule hides the route; `ip route` does not show that.
pub(super) const SHADOWING_RULE: Fault = Fault {
    name: "shadowing-rule",
    what: "On kind-worker a rule leads to another table, whose route to the pods of kind-worker2 goes via the control plane.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|who| {
            let (via, pods) = (who.address(CONTROL_PLANE)?, who.pods_of(WORKER2)?);
            let route = format!("{pods} via {via} table 100");
            let rule = format!("to {pods} lookup 100 priority 100");
            let ip = |object: &str, what: &str| NodeCommand {
                node: WORKER,
                make: format!("ip {object} add {what}"),
                undo: format!("ip {object} del {what}"),
            };
            Ok(vec![ip("route", &route), ip("rule", &rule)])
        }),
        settles: &[],
    },
    kills: &["routing::direct_route_to_every_peer"],
    breaks: &[Effect::Detour],
    turns: MORE_SPECIFIC_ROUTES.turns,
    undo: Undo::PutBack,
};

/// A tunnel device that no route uses.
pub(super) const TUNNEL_DEVICE: Fault = Fault {
    name: "tunnel-device",
    what: "On kind-worker2 there is a vxlan device.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            Ok(vec![NodeCommand {
                node: WORKER2,
                make: "ip link add vxlan0 type vxlan id 7 dstport 4789 dev eth0".to_owned(),
                undo: "ip link del vxlan0".to_owned(),
            }])
        }),
        settles: &[],
    },
    kills: &["routing::no_tunnel_device"],
    breaks: &[],
    turns: &[("routing::no_tunnel_device", Refuted(&[(TunnelDevice, WORKER2)]))],
    undo: Undo::PutBack,
};

/// The workload is scaled down with `kubectl scale`.
pub(super) const ONE_REPLICA: Fault = Fault {
    name: "one-replica",
    what: "The Deployment hello-app is scaled to one replica.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            // The command waits, because a pod that is being deleted is listed until it is gone.
            let scale = |replicas: u32| {
                format!(
                    "{KUBECTL} scale deployment hello-app --replicas={replicas} && \
                     until [ $({KUBECTL} get pods --no-headers --selector app=hello-app | wc -l) -eq {replicas} ]; \
                     do sleep 0.2; done"
                )
            };
            Ok(vec![NodeCommand { node: CONTROL_PLANE, make: scale(1), undo: scale(2) }])
        }),
        settles: &["service::two_replicas_on_two_workers"],
    },
    kills: &["service::two_replicas_on_two_workers"],
    breaks: &[Effect::OneReplicaReady, Effect::NoPodsAcross],
    turns: &[
        ("service::two_replicas_on_two_workers", Refuted(&[(WrongReplicaCount, BRIDGE)])),
        ("wire::masqueraded_outside_the_native_cidr", ONE_ADDRESSED),
    ],
    undo: Undo::PutBack,
};

/// Links that are narrowed all alike: no node's own link tells.
pub(super) const EVERY_LINK_NARROW: Fault = Fault {
    name: "every-link-narrow",
    what: "On every node the MTU of eth0 is 1280, and Docker's network takes more.",
    apply: Apply::Cluster {
        how: Breakage::Commands(|_who| {
            let make = "cat /sys/class/net/eth0/mtu > /run/lab-mtu && ip link set eth0 mtu 1280";
            let undo = "ip link set eth0 mtu $(cat /run/lab-mtu) && rm /run/lab-mtu";
            let on = |node| NodeCommand { node, make: make.to_owned(), undo: undo.to_owned() };
            Ok([CONTROL_PLANE, WORKER, WORKER2].map(on).into())
        }),
        settles: &[],
    },
    kills: &["wire::full_mtu_fits"],
    breaks: &[Effect::NarrowPath],
    turns: &[],
    undo: Undo::PutBack,
};
