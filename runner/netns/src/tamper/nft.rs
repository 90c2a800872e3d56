//! Changes to nftables: the Service's table, drops, masquerading.

use nlink::netlink::message::{NLM_F_APPEND, NLM_F_CREATE};
use nlink::netlink::nftables::{
    BaseChain, Chain, Family, Field, FilterHook, Match, NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS,
    NFTA_RULE_TABLE, NFTA_RULE_USERDATA, NatHook, Priority, RawMessage, Rule, RuleInfo, Stmt, Value,
};
use nlink::netlink::{MessageBuilder, NLMSG_HDRLEN};
use nlink::{Connection, Nftables};
use std::net::IpAddr;

use super::Act;
use crate::MASQUERADE_CHAIN;
use lab_base::failure::chain;
use lab_probe::nft_layout;
use lab_probe::nft_layout::Service;

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

/// `NLA_F_NESTED` (include/uapi/linux/netlink.h).
const NESTED: u16 = 0x8000;

/// Puts rules back at the end of their chains, as the kernel told them.
pub(super) async fn put_rules(nftables: &Connection<Nftables>, rules: &[RuleInfo]) -> nlink::Result<()> {
    let mut transaction = nftables.transaction();
    for rule in rules {
        let mut message = MessageBuilder::new(0, 0);
        message.append_attr_str(NFTA_RULE_TABLE, &rule.table);
        message.append_attr_str(NFTA_RULE_CHAIN, &rule.chain);
        message.append_attr(NFTA_RULE_EXPRESSIONS | NESTED, &rule.expression_bytes);
        if let Some(userdata) = &rule.userdata_raw {
            message.append_attr(NFTA_RULE_USERDATA, userdata);
        }
        let attributes = message.as_bytes()[NLMSG_HDRLEN..].to_vec();
        let new = RawMessage::new(NFT_MSG_NEWRULE, rule.family).flags(NLM_F_CREATE | NLM_F_APPEND).attrs(attributes);
        transaction = transaction.raw(new);
    }
    transaction.commit(nftables).await
}

/// Puts the Services of this namespace's table back, in the place of those that it has.
pub(super) async fn put_services(nftables: &Connection<Nftables>, services: &[Service]) -> Result<(), String> {
    let now = nft_layout::services(nftables).await.map_err(|error| chain(&error))?;
    for service in &now {
        let removed = nftables.del_rule(nft_layout::TABLE, nft_layout::CHAIN, Family::Ip, service.handle).await;
        removed.map_err(|error| chain(&error))?;
    }
    // Also those whose rule is gone already.
    for map in now.iter().chain(services).filter_map(|service| service.map.as_deref()) {
        let removed = nftables.del_set_if_exists(nft_layout::TABLE, map, Family::Ip).await;
        removed.map_err(|error| chain(&error))?;
    }
    for Service { address, target_port, backends, .. } in services {
        let installed = nft_layout::install(
            nftables.transaction(),
            *address.ip(),
            address.port(),
            target_port.unwrap_or_default(),
            backends,
        );
        installed.commit(nftables).await.map_err(|error| chain(&error))?;
    }
    Ok(())
}

/// Removes the table of faults, if it is there: two changes of one namespace share it.
pub(super) async fn remove_fault_table(nftables: &Connection<Nftables>) -> nlink::Result<()> {
    nftables.del_table_if_exists(TABLE, Family::Ip).await.map(drop)
}
