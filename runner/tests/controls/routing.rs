//! Controls of `routing::…`.

use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv6Addr};

use lab_model::Reason::{
    BaseRouteMissing, OwnCidrLeadsAway, RouteBeforeRouting, Shadowed, TunnelDevice, WrongDevice, WrongNextHop,
};
use lab_model::observe::TABLE_MAIN;
use lab_model::stage::Stage;
use lab_netns::plan::{Plan, ROUTER_DEVICE};
use lab_netns::tamper::Act;
use lab_sabotage::Apply;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::{
    PlacedAct, SECOND_LINK, address, astray, by_device, direct, in_another_table, route, rule, second_network, sysctl,
    vxlan,
};
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use crate::control::{Control, made};

const BASE: &str = "routing::only_base_routes_before";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const NO_TUNNEL: &str = "routing::no_tunnel_device";
const OWN: &str = "routing::own_pods_are_local";

/// A router of IPv6, which IPv4 routes may have, too (RFC 8950). Nobody is there.
const ROUTER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
/// No pod's and no node's.
const ELSEWHERE: [u8; 4] = [192, 0, 2, 0];

fn elsewhere() -> Ipv4Net {
    Ipv4Net::new_assert(ELSEWHERE.into(), 24)
}

/// On kind-worker, a route via the router of IPv6. The namespaces of a lab have no IPv6 before that.
fn via_ipv6(destination: Ipv4Net) -> Vec<PlacedAct> {
    let by_router = Act::PutRoute { destination, device: "eth0".to_owned(), gateway: Some(ROUTER6), table: TABLE_MAIN };
    vec![(node(WORKER), sysctl("net/ipv6/conf/all/disable_ipv6", "0")), (node(WORKER), by_router)]
}

/// On kind-worker, a route by next hops that are objects of their own, with their numbers alone in its table (`compat`
/// 0), or spelled out (1).
fn by_objects(destination: Ipv4Net, gateways: Vec<IpAddr>, compat: &str) -> Vec<PlacedAct> {
    vec![
        (node(WORKER), sysctl("net/ipv4/nexthop_compat_mode", compat)),
        (node(WORKER), Act::PutRouteByObjects { destination, device: "eth0".to_owned(), gateways }),
    ]
}

/// To the pods of kind-worker2, via that node and via the control plane, alternately.
fn by_turns(plan: &Plan, compat: &str) -> Vec<PlacedAct> {
    let gateways = [WORKER2, CONTROL_PLANE].map(|peer| address(plan, peer).into());
    by_objects(node_plan(plan, WORKER2).pod_cidr, gateways.into(), compat)
}

pub(crate) const CONTROLS: &[Control] = &[
    made(
        "route-to-elsewhere-via-ipv6",
        "On kind-worker there is a route to elsewhere via a router of IPv6.",
        |_plan| via_ipv6(elsewhere()),
        &[],
        &[],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "pod-cidr-via-ipv6",
        "On kind-worker the route to the pod CIDR of kind-worker2 goes via a router of IPv6.",
        |plan| via_ipv6(node_plan(plan, WORKER2).pod_cidr),
        &[DIRECT],
        &[(DIRECT, Refuted(&[(WrongNextHop, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "routes-by-objects",
        "On kind-worker the direct route to the pods of kind-worker2 names an object with that next hop.",
        |plan| by_objects(node_plan(plan, WORKER2).pod_cidr, vec![address(plan, WORKER2).into()], "0"),
        &[],
        &[],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "routes-by-objects-spelled-out",
        "The same, and its table spells the next hop out.",
        |plan| by_objects(node_plan(plan, WORKER2).pod_cidr, vec![address(plan, WORKER2).into()], "1"),
        &[],
        &[],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "route-to-elsewhere-by-objects",
        "On kind-worker a route to elsewhere names a group of two objects, one of them a router of IPv6.",
        |plan| {
            let mut acts = vec![(node(WORKER), sysctl("net/ipv6/conf/all/disable_ipv6", "0"))];
            acts.extend(by_objects(elsewhere(), vec![plan.gateway.addr().into(), ROUTER6], "0"));
            acts
        },
        &[],
        &[],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "pod-cidr-by-a-group-of-objects",
        "On kind-worker the route to the pod CIDR of kind-worker2 names a group: that node and the control plane.",
        |plan| by_turns(plan, "0"),
        &[DIRECT],
        &[(DIRECT, Refuted(&[(WrongNextHop, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "pod-cidr-by-a-group-of-objects-spelled-out",
        "The same, and its table spells the next hops out.",
        |plan| by_turns(plan, "1"),
        &[DIRECT],
        &[(DIRECT, Refuted(&[(WrongNextHop, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "route-in-another-table-before-routing",
        "On kind-worker there is a pod route in another table before routing is installed.",
        |_plan| Vec::new(),
        &[BASE],
        &[(BASE, Refuted(&[(RouteBeforeRouting, WORKER)]))],
    )
    .by(Apply::Before(Stage::BaseObserved, |plan| vec![(node(WORKER), in_another_table(direct(plan, WORKER2)))]))
    .upto(Stage::BaseObserved),
    made(
        "direct-route-before-routing",
        "On kind-worker there is a direct route before routing is installed.",
        |_plan| Vec::new(),
        &[BASE],
        &[(BASE, Refuted(&[(RouteBeforeRouting, WORKER)]))],
    )
    .by(Apply::Before(Stage::BaseObserved, |plan| vec![(node(WORKER), direct(plan, WORKER2))]))
    .upto(Stage::BaseObserved),
    made(
        "default-route-missing-before-routing",
        "On kind-worker2 there is no default route before routing is installed.",
        |_plan| Vec::new(),
        &[BASE],
        &[(BASE, Refuted(&[(BaseRouteMissing, WORKER2)]))],
    )
    .by(Apply::Before(Stage::BaseObserved, |_plan| vec![(node(WORKER2), Act::DeleteRoute(Ipv4Net::default()))]))
    .upto(Stage::BaseObserved),
    made(
        "rule-for-other-packets",
        "On kind-worker a rule leads other packets than pods' to another table.",
        |plan| vec![(node(WORKER), rule(None, elsewhere())), (node(WORKER), in_another_table(astray(plan)))],
        &[],
        &[],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "route-by-another-link",
        "On kind-worker the route to the pod CIDR of kind-worker2 leads to a link of its own pods.",
        |plan| vec![(node(WORKER), by_device(plan, ROUTER_DEVICE))],
        &[DIRECT],
        &[(DIRECT, Refuted(&[(WrongDevice, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "shadowing-rule-for-pods-alone",
        "On kind-worker a rule for what its pods send leads to another table, whose route goes via the control plane.",
        |plan| {
            let (own, peers) = (node_plan(plan, WORKER).pod_cidr, node_plan(plan, WORKER2).pod_cidr);
            vec![(node(WORKER), rule(Some(own), peers)), (node(WORKER), in_another_table(astray(plan)))]
        },
        &[DIRECT],
        &[(DIRECT, Refuted(&[(Shadowed, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "longer-prefix",
        "On kind-worker a route to the upper half of the pod CIDR of kind-worker2 goes via the control plane.",
        |plan| {
            let peers = node_plan(plan, WORKER2).pod_cidr;
            let upper = Ipv4Net::new_assert(peers.broadcast(), peers.prefix_len() + 1).trunc();
            vec![(node(WORKER), route(upper, "eth0", Some(address(plan, CONTROL_PLANE))))]
        },
        &[DIRECT],
        &[(DIRECT, Refuted(&[(Shadowed, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "tunnel-device-unused",
        "On the control plane there is a vxlan device.",
        |_plan| vec![(node(CONTROL_PLANE), vxlan())],
        &[NO_TUNNEL],
        &[(NO_TUNNEL, Refuted(&[(TunnelDevice, CONTROL_PLANE)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "tunnel-device-down",
        "On kind-worker2 there is a vxlan device that is down.",
        |_plan| vec![(node(WORKER2), vxlan()), (node(WORKER2), Act::SetDown { device: "vxlan0".to_owned() })],
        &[NO_TUNNEL],
        &[(NO_TUNNEL, Refuted(&[(TunnelDevice, WORKER2)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "own-cidr-to-a-second-network",
        "On kind-worker its own pod CIDR leads to a link of a second network, which has an address of that.",
        |plan| {
            let of = |last| Ipv4Net::new_assert([172, 19, 0, last].into(), 16);
            let mut acts = second_network(of(3), of(1));
            acts.push((node(WORKER), route(node_plan(plan, WORKER).pod_cidr, SECOND_LINK, None)));
            acts
        },
        &[OWN],
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "own-cidr-via-another-address-of-the-node",
        "On kind-worker its own pod CIDR goes via the node's own address on a second network.",
        |plan| {
            let of = |last| Ipv4Net::new_assert([172, 19, 0, last].into(), 16);
            let mut acts = second_network(of(3), of(1));
            let via = Some(of(3).addr());
            acts.push((node(WORKER), route(node_plan(plan, WORKER).pod_cidr, SECOND_LINK, via)));
            acts
        },
        &[OWN],
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "one-pods-address-to-a-second-network",
        "On kind-worker one address of its own pod CIDR leads to a link of a second network.",
        |plan| {
            let of = |last| Ipv4Net::new_assert([172, 19, 0, last].into(), 16);
            let mut acts = second_network(of(3), of(1));
            let [a, b, c, _] = node_plan(plan, WORKER).pod_cidr.network().octets();
            let one = Ipv4Net::new_assert([a, b, c, 77].into(), 32);
            acts.push((node(WORKER), route(one, SECOND_LINK, None)));
            acts
        },
        &[OWN],
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER)]))],
    )
    .upto(Stage::RoutingInstalled),
    made(
        "own-cidr-to-the-gateway",
        "On kind-worker2 there is no route to its own pod CIDR.",
        |plan| vec![(node(WORKER2), Act::DeleteRoute(node_plan(plan, WORKER2).pod_cidr))],
        &[OWN],
        &[(OWN, Refuted(&[(OwnCidrLeadsAway, WORKER2)]))],
    )
    .upto(Stage::RoutingInstalled),
];
