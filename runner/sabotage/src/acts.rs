//! Changes that faults, and the controls of the judges, consist of.

use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use super::members::{CONTROL_PLANE, WORKER, WORKER2, node, node_plan, pod_plan};
use lab_model::observe::{MacAddr, Place, TABLE_MAIN, UPLINK};
use lab_netns::plan::Plan;
use lab_netns::tamper::{Act, Says};

/// The routing table that the rules of faults lead to.
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
pub fn pod_address(plan: &Plan, pod: &str) -> Ipv4Addr {
    pod_plan(plan, pod).address
}

/// An address that no pod has, in the pod CIDR of this pod's node.
pub fn unused_address(plan: &Plan, pod: &str) -> Ipv4Addr {
    let [a, b, c, _] = pod_address(plan, pod).octets();
    Ipv4Addr::from([a, b, c, 99])
}

/// Writes a sysctl, named by its path below `/proc/sys`.
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

/// Adds or replaces a route of the main table.
pub fn route(destination: Ipv4Net, device: &str, gateway: Option<Ipv4Addr>) -> Act {
    Act::PutRoute { destination, device: device.to_owned(), gateway: gateway.map(IpAddr::V4), table: TABLE_MAIN }
}

/// Routes the second worker's own address via the bridge's gateway, on the first worker.
pub fn peer_behind_the_gateway(plan: &Plan) -> Vec<PlacedAct> {
    let way = route(address(plan, WORKER2).into(), UPLINK, Some(plan.gateway.addr()));
    vec![(node(WORKER), way)]
}

/// The direct route to a peer's pods, as `autoDirectNodeRoutes` installs it.
pub fn direct(plan: &Plan, peer: &str) -> Act {
    route(node_plan(plan, peer).pod_cidr, UPLINK, Some(address(plan, peer)))
}

/// A route to the second worker's pods via the control plane, which is the wrong next hop.
pub fn astray(plan: &Plan) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, UPLINK, Some(address(plan, CONTROL_PLANE)))
}

/// A route to the second worker's pods out of another link.
pub fn by_device(plan: &Plan, device: &str) -> Act {
    route(node_plan(plan, WORKER2).pod_cidr, device, None)
}

/// The same route, in [`ANOTHER_TABLE`].
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

/// A tunnel device without a peer.
pub fn vxlan() -> Act {
    Act::AddVxlan { device: "vxlan0".to_owned() }
}

/// Deletes the first worker's route to the second worker's pods.
pub fn without_route(plan: &Plan) -> Vec<PlacedAct> {
    vec![(node(WORKER), Act::DeleteRoute(node_plan(plan, WORKER2).pod_cidr))]
}

/// Adds a second bridge, with this address, beside the lab's own.
fn bridge_beside(address: Ipv4Net) -> PlacedAct {
    let [a, b, c, d] = address.addr().octets();
    let (device, mac) = (SECOND_BRIDGE.to_owned(), MacAddr([0x02, 0x42, a, b, c, d]));
    (Place::Bridge, Act::AddBridge { device, address, mac })
}

/// Moves the second worker's port to a bridge of its own.
pub fn second_bridge(plan: &Plan) -> Vec<PlacedAct> {
    let port = node_plan(plan, WORKER2).port.clone();
    vec![
        bridge_beside(Ipv4Net::new_assert([172, 19, 0, 1].into(), 16)),
        (Place::Bridge, Act::SetMaster { device: port, master: SECOND_BRIDGE.to_owned() }),
    ]
}

/// Connects the first worker to a second network: its link [`SECOND_LINK`] has the address `own`, the network's bridge has
/// the address `gateway`.
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

/// The same as [`second_bridge`], and the namespace with the two bridges forwards between them.
pub fn behind_a_router(plan: &Plan) -> Vec<PlacedAct> {
    let worker = Ipv4Net::from(address(plan, WORKER2));
    let mut acts = second_bridge(plan);
    acts.push((Place::Bridge, route(worker, SECOND_BRIDGE, None)));
    acts.push((Place::Bridge, sysctl("net/ipv4/ip_forward", "1")));
    acts
}

/// The same, and that namespace answers ARP on each bridge for the nodes on the other.
pub fn router_between(plan: &Plan) -> Vec<PlacedAct> {
    let mut acts = behind_a_router(plan);
    for bridge in [plan.spec.bridge.as_str(), SECOND_BRIDGE] {
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/conf/{bridge}/proxy_arp"), "1")));
        // Without this it would wait a random time, up to 0.8 s, before each proxy ARP answer.
        acts.push((Place::Bridge, sysctl(&format!("net/ipv4/neigh/{bridge}/proxy_delay"), "0")));
    }
    acts
}

/// Replaces the Service's backends.
pub fn backends(plan: &Plan, backends: &[Ipv4Addr]) -> Act {
    Act::SetBackends { service: plan.cluster_ip(), target_port: plan.spec.target_port, backends: backends.to_vec() }
}

/// Drops TCP segments to a pod in the namespace that sends them.
pub fn drop_to(plan: &Plan, pod: &str) -> Act {
    Act::DropTo { destination: pod_address(plan, pod) }
}

/// Starts a server on the control plane's own address, and makes it the Service's only backend there.
pub fn instead(plan: &Plan, says: Says) -> Vec<PlacedAct> {
    let own = address(plan, CONTROL_PLANE);
    vec![
        (node(CONTROL_PLANE), Act::Serve { at: SocketAddrV4::new(own, plan.spec.target_port), says }),
        (node(CONTROL_PLANE), backends(plan, &[own])),
    ]
}
