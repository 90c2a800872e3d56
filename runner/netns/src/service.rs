//! nftables in node and pod namespaces: the Service's translation, as socket load balancing translates, and
//! masquerading, as Cilium's `bpf.masquerade` does.

use lab_model::observe::UPLINK;
use lab_netlink::Protocol;
use lab_netlink::nft::{
    Base, Element, Expression, Field, Hook, add_chain, add_elements, add_rule, add_set, compare_address,
    compare_interface, ensure_table,
};
use std::net::Ipv4Addr;

use super::namespace::Namespace;
use super::plan::NodePlan;
use super::world::{BuildError, NodeUp, World, at};
use lab_probe::nft_layout;
use lab_probe::nft_layout::{IPV4_ADDR, TABLE};

/// Chain with the masquerading rule. It is not called `masquerade`, because that is a keyword of nft's language, and
/// `nft list chain`, `nft -f` and `nft flush chain` would not accept it as a name.
pub const MASQUERADE_CHAIN: &str = "masquerading";
/// Set of the nodes' addresses. Like Cilium, the lab does not masquerade packets to nodes.
const NODES_SET: &str = "nodes";

/// Masquerades packets from the node's own pods that leave by eth0, unless the destination is in the native routing CIDR or
/// is a node's address.
pub(super) async fn install_masquerade(world: &World, plan: &NodePlan, node: &NodeUp) -> Result<(), BuildError> {
    let nodes: Vec<Element> = world.plan.nodes.iter().map(|node| Element::address(node.address.addr())).collect();
    let rule = [
        compare_interface(Field::Outward, UPLINK, true),
        compare_address(Field::Source, plan.pod_cidr, true),
        compare_address(Field::Destination, world.plan.spec.native_cidr, false),
        vec![
            Expression::Load { field: Field::Destination, register: 1 },
            Expression::Lookup { set: NODES_SET.to_owned(), from: 1, register: None, inverted: true },
            Expression::Masquerade,
        ],
    ];
    let base = Base { kind: "nat", hook: Hook::Postrouting, priority: 100 };
    let mut changes = vec![
        ensure_table(TABLE),
        add_chain(TABLE, MASQUERADE_CHAIN, Some(base)),
        add_set(TABLE, NODES_SET, IPV4_ADDR, None, &[]),
    ];
    changes.extend(add_elements(TABLE, NODES_SET, &nodes));
    changes.push(add_rule(TABLE, MASQUERADE_CHAIN, &rule.concat()));
    let nftables = node.member.namespace.netlink(Protocol::Nftables)?;
    nftables.commit(&changes).await.map_err(at(&plan.name.0))
}

/// Installs the Service in every node's and every pod's namespace, because connections are translated where they begin.
pub(super) async fn install_services(world: &World) -> Result<(), BuildError> {
    let nodes = world.running().map(|(_, _, node)| &node.member.namespace);
    let pods = world.pods.iter().flatten().map(|pod| &pod.namespace);
    for namespace in nodes.chain(pods) {
        install_service(world, namespace).await?;
    }
    Ok(())
}

/// Installs the Service in one namespace.
pub(super) async fn install_service(world: &World, namespace: &Namespace) -> Result<(), BuildError> {
    let service = world.plan.cluster_ip();
    let backends: Vec<Ipv4Addr> = world.plan.pods.iter().map(|pod| pod.address).collect();
    let changes = nft_layout::install(*service.ip(), service.port(), world.plan.spec.target_port, &backends);
    namespace.netlink(Protocol::Nftables)?.commit(&changes).await.map_err(at(namespace.name()))
}
