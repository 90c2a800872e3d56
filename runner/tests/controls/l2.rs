//! Controls of `l2::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{NoArpAnswer, OtherSubnet, PeerBehindRouter, ThroughTunnel, TunnelDevice, WrongDevice};
use lab_model::stage::Stage;
use lab_netns::plan::{Plan, ROUTER_DEVICE};
use lab_netns::tamper::Act;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::{SECOND_LINK, address, in_another_table, route, rule, second_network, sysctl, vxlan};
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use std::net::Ipv4Addr;

use crate::control::{Control, made};

const ONE_BRIDGE: &str = "l2::nodes_share_one_bridge";
const ADJACENT: &str = "l2::peers_are_adjacent";

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "another-subnet",
        "The node kind-worker2 has an address of another subnet.",
        |plan| {
            let (from, to) = (node_plan(plan, WORKER2).address, Ipv4Net::new_assert([172, 19, 0, 4].into(), 16));
            vec![(node(WORKER2), Act::MoveAddress { device: "eth0".to_owned(), from, to })]
        },
        &[ONE_BRIDGE],
        &[(ONE_BRIDGE, Refuted(&[(OtherSubnet, WORKER2)]))],
    )
    // Whether an address of another subnet is answered for is the kernel's routing's matter, not the link's.
    .alone()
    .upto(Stage::ClusterCreated),
    made(
        "arp-unanswered",
        "The node kind-worker2 answers no ARP request.",
        // 8: reply to no request at all (Documentation/networking/ip-sysctl.rst).
        |_plan| vec![(node(WORKER2), sysctl("net/ipv4/conf/eth0/arp_ignore", "8"))],
        &[ADJACENT],
        &[(ADJACENT, Refuted(&[(NoArpAnswer, CONTROL_PLANE), (NoArpAnswer, WORKER)]))],
    )
    .upto(Stage::ClusterCreated),
    made(
        "peer-behind-another-node",
        "On kind-worker the route to kind-worker2's own address goes via the control plane.",
        |plan| vec![(node(WORKER), to_peer(plan, "eth0", Some(address(plan, CONTROL_PLANE))))],
        &[ADJACENT],
        &[(ADJACENT, Refuted(&[(PeerBehindRouter, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "peer-behind-a-router-for-pods-alone",
        "On kind-worker a rule for what its pods send to kind-worker2 itself leads to a table with the gateway's route.",
        |plan| {
            let (own, peer) = (node_plan(plan, WORKER).pod_cidr, address(plan, WORKER2).into());
            let by_gateway = to_peer(plan, "eth0", Some(plan.gateway.addr()));
            vec![(node(WORKER), in_another_table(by_gateway)), (node(WORKER), rule(Some(own), peer))]
        },
        &[ADJACENT],
        &[(ADJACENT, Refuted(&[(PeerBehindRouter, WORKER)]))],
    )
    // What it forwards for its pods is asked about once there are some.
    .upto(Stage::WorkloadReady),
    made(
        "peer-by-another-link",
        "On kind-worker the route to kind-worker2's own address leads to the pods' side.",
        |plan| vec![(node(WORKER), to_peer(plan, ROUTER_DEVICE, None))],
        &[ADJACENT],
        &[(ADJACENT, Refuted(&[(WrongDevice, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "peer-through-a-tunnel",
        "On kind-worker the route to kind-worker2's own address leads through a vxlan device.",
        |plan| vec![(node(WORKER), vxlan()), (node(WORKER), to_peer(plan, "vxlan0", None))],
        &[ADJACENT, "routing::no_tunnel_device"],
        &[
            (ADJACENT, Refuted(&[(ThroughTunnel, WORKER)])),
            ("routing::no_tunnel_device", Refuted(&[(TunnelDevice, WORKER)])),
        ],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "routes-that-no-packet-to-a-peer-meets",
        "On kind-worker there are routes to addresses beside its peers', one in another table, a rule for other packets, \
         and a link to a second network with a rule and a table of its own.",
        |plan| {
            let gateway = Some(plan.gateway.addr());
            let beside = Ipv4Net::new_assert([172, 18, 0, 99].into(), 32);
            let elsewhere = Ipv4Net::new_assert([192, 0, 2, 0].into(), 24);
            let of = |last| Ipv4Net::new_assert([172, 19, 0, last].into(), 16);
            let mut acts = second_network(of(3), of(1));
            let further = [
                route(beside, "eth0", gateway),
                route(elsewhere, SECOND_LINK, Some(of(1).addr())),
                in_another_table(to_peer(plan, "eth0", gateway)),
                rule(None, elsewhere),
                rule(Some(of(3).addr().into()), address(plan, WORKER2).into()),
            ];
            acts.extend(further.map(|act| (node(WORKER), act)));
            acts
        },
        &[],
        &[],
    ),
];

/// A route to the second worker's own address.
fn to_peer(plan: &Plan, device: &str, gateway: Option<Ipv4Addr>) -> Act {
    route(address(plan, WORKER2).into(), device, gateway)
}
