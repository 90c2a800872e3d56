//! Writing Services.

use std::net::{Ipv4Addr, SocketAddrV4};

use lab_netlink::nft::{
    Base, Element, Expression, Field, Hook, add_chain, add_elements, add_rule, add_set, compare_address, delete_rule,
    delete_set, ensure_table, reject_new, tcp_port,
};
use lab_netlink::{Request, Socket};

use super::{CHAIN, LayoutError, Service, TABLE, key, map_name, services, userdata, value};

/// nft's own number for `integer`; the kernel stores it and has no meaning for it (nft, include/datatype.h).
const INTEGER: u32 = 4;
/// `nft`'s own number for `ipv4_addr`.
pub const IPV4_ADDR: u32 = 7;

/// What adds a Service: the table and its chain where they do not exist yet, the map, the rule. For a transaction, which
/// fails if the Service exists and has backends.
///
/// Connections to `cluster_ip` and `port` go to one of `backends`, at random, and `target_port`. Without backends
/// they are refused.
pub fn install(cluster_ip: Ipv4Addr, port: u16, target_port: u16, backends: &[Ipv4Addr]) -> Vec<Request> {
    let base = Base { kind: "nat", hook: Hook::Output, priority: -100 };
    let mut changes = vec![ensure_table(TABLE), add_chain(TABLE, CHAIN, Some(base))];
    let its_own = [compare_address(Field::Destination, cluster_ip.into(), true), tcp_port(Some(port))].concat();
    if backends.is_empty() {
        // The state is asked for because a namespace without any rule that needs connection tracking has none, and then
        // chains of type nat see no packet.
        changes.push(add_rule(TABLE, CHAIN, &[its_own, reject_new()].concat()));
        return changes;
    }
    let map = map_name(SocketAddrV4::new(cluster_ip, port));
    // There are never 2^32 backends.
    let modulus = u32::try_from(backends.len()).unwrap_or(u32::MAX);
    changes.push(add_set(TABLE, &map, INTEGER, Some(IPV4_ADDR), &userdata::of_map(modulus)));
    let backends: Vec<Element> = (0..).zip(backends).map(|(number, &backend)| element(number, backend)).collect();
    changes.extend(add_elements(TABLE, &map, &backends));
    changes.push(add_rule(TABLE, CHAIN, &[its_own, translate(map, modulus, target_port)].concat()));
    changes
}

/// Replaces a Service's backends, at once for all connections that begin afterwards.
///
/// # Errors
/// [`LayoutError`]: there is no such Service, the table is not laid out as it is here, or the kernel refuses.
pub async fn replace(
    socket: &Socket,
    cluster_ip: Ipv4Addr,
    port: u16,
    target_port: u16,
    backends: &[Ipv4Addr],
) -> Result<(), LayoutError> {
    let address = SocketAddrV4::new(cluster_ip, port);
    let old = find(socket, address).await?;
    let mut changes = vec![delete_rule(TABLE, CHAIN, old.handle)];
    changes.extend(old.map.map(|map| delete_set(TABLE, &map)));
    changes.extend(install(cluster_ip, port, target_port, backends));
    Ok(socket.commit(&changes).await?)
}

/// Adds a backend to a Service that has some already.
///
/// # Errors
/// [`LayoutError`], as for [`replace`]; also for a Service without backends, whose target port nobody knows.
pub async fn add_backend(socket: &Socket, service: SocketAddrV4, backend: Ipv4Addr) -> Result<(), LayoutError> {
    change(socket, service, |backends| backends.push(backend)).await
}

/// Takes a backend away from a Service. Not one that it has not: that changes nothing.
///
/// # Errors
/// [`LayoutError`], as for [`add_backend`].
pub async fn remove_backend(socket: &Socket, service: SocketAddrV4, backend: Ipv4Addr) -> Result<(), LayoutError> {
    change(socket, service, |backends| backends.retain(|known| *known != backend)).await
}

async fn change(
    socket: &Socket,
    address: SocketAddrV4,
    change: impl FnOnce(&mut Vec<Ipv4Addr>),
) -> Result<(), LayoutError> {
    let service = find(socket, address).await?;
    let target_port = service.target_port.ok_or_else(|| LayoutError::Rule {
        handle: service.handle,
        why: "it has no backends, and so no target port".to_owned(),
    })?;
    let mut backends = service.backends;
    change(&mut backends);
    replace(socket, *address.ip(), address.port(), target_port, &backends).await
}

async fn find(socket: &Socket, address: SocketAddrV4) -> Result<Service, LayoutError> {
    let all = services(socket).await?;
    all.into_iter().find(|known| known.address == address).ok_or(LayoutError::NoService { service: address })
}

fn element(number: u32, backend: Ipv4Addr) -> Element {
    Element { key: key(number).to_vec(), value: Some(value(backend).to_vec()) }
}

/// `dnat to numgen random mod … map @…:port`.
fn translate(map: String, modulus: u32, target_port: u16) -> Vec<Expression> {
    vec![
        Expression::Random { register: 1, modulus, offset: 0 },
        Expression::Lookup { set: map, from: 1, register: Some(1), inverted: false },
        Expression::Immediate { register: 2, value: target_port.to_be_bytes().to_vec() },
        Expression::TranslateDestination { address: Some(1), port: Some(2) },
    ]
}
