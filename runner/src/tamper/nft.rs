//! Changes to nftables: the Service's table, drops, masquerading.

use nlink::netlink::nftables::{
    BaseChain, Chain, Family, Field, FilterHook, Match, NatHook, Priority, Rule, Stmt, Value,
};
use nlink::{Connection, Nftables};
use std::net::IpAddr;

use super::Act;
use crate::backend::netns::MASQUERADE_CHAIN;
use crate::nft_layout;

/// The table of faults: apart from the lab's own.
const TABLE: &str = "lab_fault";

/// Makes the change, if it is one of these.
pub(super) async fn make(act: &Act, nftables: &Connection<Nftables>) -> nlink::Result<()> {
    let (chain, base, rule) = match act {
        Act::DropTo { destination } => (
            "output",
            BaseChain::filter(FilterHook::Output, Priority::Filter),
            rule("output").then(Match::eq(Field::L4Proto, Value::Int(6))).match_daddr_v4(*destination, 32).drop(),
        ),
        Act::DropPort { port } => (
            "input",
            BaseChain::filter(FilterHook::Input, Priority::Filter),
            rule("input").match_tcp_dport(*port).drop(),
        ),
        Act::MasqueradeTo(destination) => (
            "postrouting",
            // Before the lab's own chain.
            BaseChain::nat(NatHook::Postrouting, Priority::Custom(90)),
            rule("postrouting")
                .match_oif("eth0")
                .then(Match::eq(
                    Field::Ip4Daddr,
                    Value::Prefix(IpAddr::V4(destination.network()), destination.prefix_len()),
                ))
                .then(Stmt::Masquerade),
        ),
        Act::StopMasquerading => return nftables.flush_chain(nft_layout::TABLE, MASQUERADE_CHAIN, Family::Ip).await,
        Act::RemoveServices => return nftables.flush_chain(nft_layout::TABLE, nft_layout::CHAIN, Family::Ip).await,
        Act::AddService { service, target_port, backends } => {
            let (address, port) = (*service.ip(), service.port());
            let added = nft_layout::install(nftables.transaction(), address, port, *target_port, backends);
            return added.commit(nftables).await;
        }
        _ => return Ok(()),
    };
    nft_layout::ensure_table(nftables.transaction(), TABLE)
        .update_chain(Chain::new(TABLE, chain)?.family(Family::Ip).base(base))
        .add_rule(rule)
        .commit(nftables)
        .await
}

fn rule(chain: &str) -> Rule {
    Rule::new(TABLE, chain).family(Family::Ip)
}
