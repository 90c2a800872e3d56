//! Controls of `routing::…`.

use ipnet::Ipv4Net;
use lab_model::Reason::{BaseRouteMissing, OwnCidrLeadsAway, RouteBeforeRouting, Shadowed, TunnelDevice, WrongDevice};
use lab_model::stage::Stage;
use lab_netns::plan::ROUTER_DEVICE;
use lab_netns::tamper::Act;
use lab_sabotage::Apply;
use lab_sabotage::Expect::Refuted;
use lab_sabotage::acts::{
    SECOND_LINK, address, astray, by_device, direct, in_another_table, route, rule, second_network, vxlan,
};
use lab_sabotage::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan};

use crate::control::{Control, made};

const BASE: &str = "routing::only_base_routes_before";
const DIRECT: &str = "routing::direct_route_to_every_peer";
const NO_TUNNEL: &str = "routing::no_tunnel_device";
const OWN: &str = "routing::own_pods_are_local";

pub(crate) const CONTROLS: &[Control] = &[
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
        |plan| {
            let elsewhere = Ipv4Net::new_assert([192, 0, 2, 0].into(), 24);
            vec![(node(WORKER), rule(None, elsewhere)), (node(WORKER), in_another_table(astray(plan)))]
        },
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
