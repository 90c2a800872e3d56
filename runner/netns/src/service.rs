//! nftables in node and pod namespaces: the Service's translation, as socket load balancing translates, and
//! masquerading, as Cilium's `bpf.masquerade` does.

use nlink::netlink::nftables::{
    BaseChain, Chain, Family, Field, Match, NatHook, Priority, Rule, Set, SetElement, SetKeyType, Stmt, Value,
};
use std::net::{IpAddr, Ipv4Addr};

use super::namespace::Namespace;
use super::plan::{NODE_DEVICE, NodePlan};
use super::world::{BuildError, NodeUp, World, doing};
use lab_probe::nft_layout;

/// Chain with the masquerading rule. Not `masquerade`: that is a word of nft's own language, and `nft list chain`, `nft -f`
/// and `nft flush chain` would not take it for a name.
pub const MASQUERADE_CHAIN: &str = "masquerading";
/// Set of the nodes' addresses: Cilium does not masquerade towards nodes.
const NODES_SET: &str = "nodes";

/// What leaves a node by eth0 from its own pods, for an address outside the native routing CIDR that is no node's,
/// takes the node's address.
pub(super) async fn install_masquerade(world: &World, plan: &NodePlan, node: &NodeUp) -> Result<(), BuildError> {
    let doing = |what: &str| doing(format!("{}: {what}", plan.name));
    let nodes: Vec<SetElement> = world.plan.nodes.iter().map(|node| SetElement::ipv4(node.address.addr())).collect();
    let set = Set::new(nft_layout::TABLE, NODES_SET).family(Family::Ip).key_type(SetKeyType::Ipv4Addr);
    let chain = Chain::new(nft_layout::TABLE, MASQUERADE_CHAIN)
        .map_err(doing("naming the masquerading chain"))?
        .family(Family::Ip)
        .base(BaseChain::nat(NatHook::Postrouting, Priority::SrcNat));
    let native = world.plan.spec.native_cidr;
    let pods = plan.pod_cidr;
    let rule = Rule::new(nft_layout::TABLE, MASQUERADE_CHAIN)
        .family(Family::Ip)
        .match_oif(NODE_DEVICE)
        .match_saddr_v4(pods.network(), pods.prefix_len())
        .then(Match::ne(Field::Ip4Daddr, Value::Prefix(IpAddr::V4(native.network()), native.prefix_len())))
        .then(Match::ne(Field::Ip4Daddr, Value::set(NODES_SET)))
        .then(Stmt::Masquerade);
    let connection = node.member.namespace.nftables()?;
    connection
        .transaction()
        .add_table(nft_layout::TABLE, Family::Ip)
        .add_chain(chain)
        .add_set(set.clone())
        .add_set_elements(&set, &nodes)
        .add_rule(rule)
        .commit(&connection)
        .await
        .map_err(doing("installing masquerading"))
}

/// The Service in every node's and every pod's namespace: connections are translated where they begin.
pub(super) async fn install_services(world: &World) -> Result<(), BuildError> {
    let nodes = world.running().map(|(_, _, node)| &node.member.namespace);
    let pods = world.pods.iter().flatten().map(|pod| &pod.namespace);
    for namespace in nodes.chain(pods) {
        install_service(world, namespace).await?;
    }
    Ok(())
}

/// The same in one namespace.
pub(super) async fn install_service(world: &World, namespace: &Namespace) -> Result<(), BuildError> {
    let connection = namespace.nftables()?;
    let spec = &world.plan.spec;
    let service = world.plan.cluster_ip();
    let backends: Vec<Ipv4Addr> = world.plan.pods.iter().map(|pod| pod.address).collect();
    nft_layout::install(connection.transaction(), *service.ip(), service.port(), spec.target_port, &backends)
        .commit(&connection)
        .await
        .map_err(doing(format!("{}: installing the Service {service}", namespace.name())))
}
