//! Changes that faults and the judges' controls are made of.

use ipnet::Ipv4Net;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan, pod_plan};
use lab_model::observe::{MacAddr, Place, TABLE_MAIN, UPLINK};
use lab_netns::plan::Plan;
use lab_netns::tamper::{Act, Says};

/// A table of its own for rules that lead there.
pub const ANOTHER_TABLE: u32 = 100;
/// The bridge beside the lab's own.
pub const SECOND_BRIDGE: &str = "kind2";

/// A node's link to a second network, as Docker names it.
pub const SECOND_LINK: &str = "eth1";

/// A change in one place.
pub type PlacedAct = (Place, Act);

/// A node's address on the bridge.
pub fn address(plan: &Plan, name: &str) -> Ipv4Addr {
    node_plan(plan, name).address.addr()
}

/// A pod's address.
pub fn of(plan: &Plan, pod: &str) -> Ipv4Addr {
    pod_plan(plan, pod).address
}

/// An address that no pod has, on the same node.
pub fn beside(plan: &Plan, pod: &str) -> Ipv4Addr {
    let [a, b, c, _] = of(plan, pod).octets();
    Ipv4Addr::from([a, b, c, 99])
}

/// Writes below `/proc/sys`.
pub fn sysctl(key: &str, value: &str) -> Act {
    Act::SetSysctl { key: key.to_owned(), value: value.to_owned() }
}

/// Masquerades what leaves by a link for these addresses.
pub fn masquerade(device: &str, destination: Ipv4Net) -> Act {
    Act::MasqueradeTo { device: device.to_owned(), destination }
}

/// Changes a link's MTU.
pub fn mtu(device: &str, mtu: u32) -> Act {
    Act::SetMtu { device: device.to_owned(), mtu: lab_model::observe::Mtu(mtu) }
}

/// A route of the main table.
pub fn route(destination: Ipv4Net, device: &str, gateway: Option<Ipv4Addr>) -> Act {
    Act::PutRoute { destination, device: device.to_owned(), gateway, table: TABLE_MAIN }
}

/// On the first worker the way to the second one's own address leads through the bridge's gateway.
pub fn peer_behind_the_gateway(plan: &Plan) -> Vec<PlacedAct> {
    let way = route(address(plan, WORKER2).into(), UPLINK, Some(plan.gateway.addr()));
    vec![(node(WORKER), way)]
}

/// What `autoDirectNodeRoutes` would install.
pub fn direct(plan: &Plan, peer: &str) -> Act {
    route(node_plan(plan, peer).pod_cidr, UPLINK, Some(address(plan, peer)))
}

/// To the second worker's pods, but via the control plane.
pub fn astray(plan: &Plan) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, UPLINK, Some(address(plan, CONTROL_PLANE)))
}

/// To the second worker's pods by another link.
pub fn by_device(plan: &Plan, device: &str) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, device, None)
}

/// The same route in [`ANOTHER_TABLE`].
pub fn in_another_table(act: Act) -> Act {
    match act {
        Act::PutRoute { destination, device, gateway, table: _ } => {
            Act::PutRoute { destination, device, gateway, table: ANOTHER_TABLE }
        }
        other => other,
    }
}

/// A rule that leads to [`ANOTHER_TABLE`].
pub fn rule(source: Option<Ipv4Net>, destination: Ipv4Net) -> Act {
    Act::AddRule { priority: 100, source, destination, table: ANOTHER_TABLE }
}

/// A tunnel device that nobody is at the other end of.
pub fn vxlan() -> Act {
    Act::AddVxlan { device: "vxlan0".to_owned() }
}

/// No route to the second worker's pods on the first one.
pub fn without_route(plan: &Plan) -> Vec<PlacedAct> {
    vec![(node(WORKER), Act::DeleteRoute(node_plan(plan, WORKER2).pod_cidr))]
}

/// The bridge beside the lab's own, with this address.
fn bridge_beside(address: Ipv4Net) -> PlacedAct {
    let [a, b, c, d] = address.addr().octets();
    let (device, mac) = (SECOND_BRIDGE.to_owned(), MacAddr([0x02, 0x42, a, b, c, d]));
    (Place::Bridge, Act::AddBridge { device, address, mac })
}

/// The second worker's port moves to a bridge of its own.
pub fn second_bridge(plan: &Plan) -> Vec<PlacedAct> {
    let port = node_plan(plan, WORKER2).port.clone();
    vec![
        bridge_beside(Ipv4Net::new_assert([172, 19, 0, 1].into(), 16)),
        (Place::Bridge, Act::SetMaster { device: port, master: SECOND_BRIDGE.to_owned() }),
    ]
}

/// The first worker has a link [`SECOND_LINK`], with this address, to a second network, whose bridge has the other one.
pub fn second_network(own: Ipv4Net, gateway: Ipv4Net) -> Vec<PlacedAct> {
    let join = Act::JoinNetwork {
        device: SECOND_LINK.to_owned(),
        address: own,
        place: Place::Bridge,
        bridge: SECOND_BRIDGE.to_owned(),
        port: "second0".to_owned(),
    };
    vec![bridge_beside(gateway), (node(WORKER), join)]
}

/// The same, and the host with the two bridges forwards between them.
pub fn behind_a_router(plan: &Plan) -> Vec<PlacedAct> {
    let worker = Ipv4Net::from(address(plan, WORKER2));
    let mut acts = second_bridge(plan);
    acts.push((Place::Bridge, route(worker, SECOND_BRIDGE, None)));
    acts.push((Place::Bridge, sysctl("net/ipv4/ip_forward", "1")));
    acts
}

/// The same, and it answers on each bridge for the nodes on the other.
pub fn router_between(plan: &Plan) -> Vec<PlacedAct> {
    let mut acts = behind_a_router(plan);
    for bridge in [plan.spec.bridge.as_str(), SECOND_BRIDGE] {
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/conf/{bridge}/proxy_arp"), "1")));
        // Otherwise it waits a random time, up to 0.8 s, before it answers for another.
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/neigh/{bridge}/proxy_delay"), "0")));
    }
    acts
}

/// The Service has these backends.
pub fn backends(plan: &Plan, backends: &[Ipv4Addr]) -> Act {
    Act::SetBackends { service: plan.cluster_ip(), target_port: plan.spec.target_port, backends: backends.to_vec() }
}

/// TCP segments to a pod are dropped where they begin.
pub fn drop_to(plan: &Plan, pod: &str) -> Act {
    Act::DropTo { destination: of(plan, pod) }
}

/// A server on the control plane's own address, and the Service's connections from there led to it.
pub fn instead(plan: &Plan, says: Says) -> Vec<PlacedAct> {
    let own = address(plan, CONTROL_PLANE);
    vec![
        (node(CONTROL_PLANE), Act::Serve { at: SocketAddrV4::new(own, plan.spec.target_port), says }),
        (node(CONTROL_PLANE), backends(plan, &[own])),
    ]
}
