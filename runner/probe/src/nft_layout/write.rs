//! Writing Services.

use std::net::{Ipv4Addr, SocketAddrV4};

use nlink::Nftables;
use nlink::netlink::message::{NLM_F_CREATE, NLM_F_EXCL};
use nlink::netlink::nftables::{
    BaseChain, Chain, CtState, Expr, Family, LookupExpr, NFT_MSG_NEWSET, NFT_MSG_NEWTABLE, NFTA_SET_DATA_LEN,
    NFTA_SET_DATA_TYPE, NFTA_SET_FLAGS, NFTA_SET_ID, NFTA_SET_KEY_LEN, NFTA_SET_KEY_TYPE, NFTA_SET_NAME,
    NFTA_SET_TABLE, NFTA_SET_USERDATA, NFTA_TABLE_NAME, NatAddr, NatExpr, NatHook, NumgenKind, Policy, Priority,
    RawMessage, Register, Rule, Set, SetDataType, SetElement, SetFlags, SetKeyType, Transaction,
};
use nlink::netlink::{Connection, MessageBuilder, NLMSG_HDRLEN};

use super::{CHAIN, FAMILY, LayoutError, Service, TABLE, key, map_name, services, userdata, value};

/// nft's own number for `integer`; the kernel stores it and has no meaning for it (nft, include/datatype.h).
const INTEGER: u32 = 4;
/// And for `ipv4_addr`.
const IPV4_ADDR: u32 = 7;

/// Adds a Service to a transaction: the table and its chain where they do not exist yet, the map, the rule.
///
/// Connections to `cluster_ip` and `port` go to one of `backends`, at random, and `target_port`. Without backends
/// they are refused. The transaction fails if the Service exists.
pub fn install(
    transaction: Transaction,
    cluster_ip: Ipv4Addr,
    port: u16,
    target_port: u16,
    backends: &[Ipv4Addr],
) -> Transaction {
    let service = SocketAddrV4::new(cluster_ip, port);
    let transaction = table(transaction);
    let rule = Rule::new(TABLE, CHAIN).family(FAMILY).match_daddr_v4(cluster_ip, 32).match_tcp_dport(port);
    if backends.is_empty() {
        return transaction.add_rule(refuse(rule));
    }
    let name = map_name(service);
    let backends: Vec<SetElement> = (0..).zip(backends).map(|(number, &backend)| element(number, backend)).collect();
    // There are never 2^32 backends.
    let modulus = u32::try_from(backends.len()).unwrap_or(u32::MAX);
    transaction.raw(new_map(&name, modulus)).add_set_elements(&map(&name), &backends).add_rule(translate(
        rule,
        &name,
        modulus,
        target_port,
    ))
}

/// Replaces a Service's backends, at once for all connections that begin afterwards.
///
/// # Errors
/// [`LayoutError`]: there is no such Service, the table is not laid out as it is here, or the kernel refuses.
pub async fn replace(
    connection: &Connection<Nftables>,
    cluster_ip: Ipv4Addr,
    port: u16,
    target_port: u16,
    backends: &[Ipv4Addr],
) -> Result<(), LayoutError> {
    let address = SocketAddrV4::new(cluster_ip, port);
    let old = find(connection, address).await?;
    let mut transaction = connection.transaction().del_rule(TABLE, CHAIN, FAMILY, old.handle);
    if let Some(map) = &old.map {
        transaction = transaction.del_set(TABLE, map, FAMILY);
    }
    install(transaction, cluster_ip, port, target_port, backends)
        .commit(connection)
        .await
        .map_err(LayoutError::netlink("replace the backends of a Service"))
}

/// Adds a backend to a Service that has some already.
///
/// # Errors
/// [`LayoutError`], as for [`replace`]; also for a Service without backends, whose target port nobody knows.
pub async fn add_backend(
    connection: &Connection<Nftables>,
    service: SocketAddrV4,
    backend: Ipv4Addr,
) -> Result<(), LayoutError> {
    change(connection, service, |backends| backends.push(backend)).await
}

/// Takes a backend away from a Service. Not one that it has not: that changes nothing.
///
/// # Errors
/// [`LayoutError`], as for [`add_backend`].
pub async fn remove_backend(
    connection: &Connection<Nftables>,
    service: SocketAddrV4,
    backend: Ipv4Addr,
) -> Result<(), LayoutError> {
    change(connection, service, |backends| backends.retain(|known| *known != backend)).await
}

async fn change(
    connection: &Connection<Nftables>,
    address: SocketAddrV4,
    change: impl FnOnce(&mut Vec<Ipv4Addr>),
) -> Result<(), LayoutError> {
    let service = find(connection, address).await?;
    let target_port = service.target_port.ok_or_else(|| LayoutError::Rule {
        handle: service.handle,
        why: "it has no backends, and so no target port".to_owned(),
    })?;
    let mut backends = service.backends;
    change(&mut backends);
    replace(connection, *address.ip(), address.port(), target_port, &backends).await
}

async fn find(connection: &Connection<Nftables>, address: SocketAddrV4) -> Result<Service, LayoutError> {
    let all = services(connection).await?;
    all.into_iter().find(|known| known.address == address).ok_or(LayoutError::NoService { service: address })
}

/// The table and its chain, where they do not exist yet.
fn table(transaction: Transaction) -> Transaction {
    let transaction = ensure_table(transaction, TABLE);
    let base = BaseChain::nat(NatHook::Output, Priority::DstNat).policy(Policy::Accept);
    match Chain::new(TABLE, CHAIN) {
        Ok(chain) => transaction.update_chain(chain.family(FAMILY).base(base)),
        // The names are constants of this module, and fit.
        Err(_impossible) => transaction,
    }
}

/// Adds a table to a transaction, where it does not exist yet; nlink's own fails where it does.
pub fn ensure_table(transaction: Transaction, table: &str) -> Transaction {
    let name = attributes(|message| message.append_attr_str(NFTA_TABLE_NAME, table));
    transaction.raw(RawMessage::new(NFT_MSG_NEWTABLE, FAMILY).flags(NLM_F_CREATE).attrs(name))
}

/// What makes the map: as nlink would, and with what `nft` needs to show it.
fn new_map(name: &str, modulus: u32) -> RawMessage {
    let attributes = attributes(|message| {
        message.append_attr_str(NFTA_SET_TABLE, TABLE);
        message.append_attr_str(NFTA_SET_NAME, name);
        message.append_attr_u32_be(NFTA_SET_KEY_TYPE, INTEGER);
        message.append_attr_u32_be(NFTA_SET_KEY_LEN, 4);
        message.append_attr_u32_be(NFTA_SET_FLAGS, SetFlags::MAP.bits());
        message.append_attr_u32_be(NFTA_SET_DATA_TYPE, IPV4_ADDR);
        message.append_attr_u32_be(NFTA_SET_DATA_LEN, 4);
        message.append_attr(NFTA_SET_USERDATA, &userdata::of_map(modulus));
        // Its elements and its rule name it; the number only has to be there.
        message.append_attr_u32_be(NFTA_SET_ID, 1);
    });
    RawMessage::new(NFT_MSG_NEWSET, FAMILY).flags(NLM_F_CREATE | NLM_F_EXCL).attrs(attributes)
}

fn attributes(append: impl FnOnce(&mut MessageBuilder)) -> Vec<u8> {
    let mut message = MessageBuilder::new(0, 0);
    append(&mut message);
    message.as_bytes()[NLMSG_HDRLEN..].to_vec()
}

/// The map as nlink needs to know it to write elements.
fn map(name: &str) -> Set {
    let key = SetKeyType::Other { type_id: INTEGER, len: 4 };
    Set::new(TABLE, name).family(FAMILY).key_type(key).map(SetDataType::Value(SetKeyType::Ipv4Addr))
}

fn element(number: u32, backend: Ipv4Addr) -> SetElement {
    SetElement::new(key(number).to_vec()).value(SetElement::new(value(backend).to_vec()))
}

/// `dnat to numgen random mod … map @…:port`.
fn translate(rule: Rule, map: &str, modulus: u32, target_port: u16) -> Rule {
    let mut nat = NatExpr::dnat(Family::Ip).port(target_port);
    // In the registers that nlink writes it to: the address in the first, the port in the second.
    nat.addr = NatAddr::Reg;
    rule.expr(Expr::Numgen { dreg: Register::R0, kind: NumgenKind::Random, modulus, offset: 0 })
        .expr(LookupExpr::new(map, Register::R0).dreg(Register::R0))
        .expr(Expr::Immediate { dreg: Register::R1, data: target_port.to_be_bytes().to_vec() })
        .expr(Expr::Nat(nat))
}

/// `ct state new reject`. The state is asked for because a namespace without any rule that needs connection tracking has
/// none, and then chains of type nat see no packet.
fn refuse(rule: Rule) -> Rule {
    rule.match_ct_state(CtState::NEW).reject()
}
