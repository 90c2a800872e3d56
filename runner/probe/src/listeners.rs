//! TCP sockets that listen, from `sock_diag(7)`.

use std::net::{Ipv4Addr, Ipv6Addr};

use lab_netlink::{Attributes, Error, Message, Protocol, Request, Socket, flags};

use super::packet_diag::SOCK_DIAG_BY_FAMILY;
use lab_model::observe::Listener;

const DOING: &str = "list listening sockets";
/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];
const TCP: u8 = 6;
/// `TCP_LISTEN`, as a bit.
const LISTENING: u32 = 1 << 10;
/// Octets of `struct inet_diag_sockid`, which the request ends with; all zeros is any socket.
const SOCKET_ID: usize = 48;
/// Octets of `struct inet_diag_msg`, and where its own port and address are.
const HEADER: usize = 72;
const PORT: usize = 4;
const ADDRESS: usize = 8;
const INET_DIAG_SKV6ONLY: u16 = 11;

/// The TCP sockets of this namespace that take IPv4 connections, each address and port once.
pub(super) async fn listeners() -> Result<Vec<Listener>, Error> {
    let socket = Socket::open(Protocol::Sockets)?;
    let mut listeners = Vec::new();
    for family in FAMILIES {
        // struct inet_diag_req_v2: family, protocol, extensions, padding, states, which socket.
        let header = [&[family, TCP, 0, 0][..], &LISTENING.to_ne_bytes(), &[0; SOCKET_ID]].concat();
        let request = Request::new(DOING, SOCK_DIAG_BY_FAMILY, flags::DUMP, Attributes::after(header));
        for body in socket.dump(&request).await? {
            listeners.extend(takes_ipv4(&Message::split(DOING, &body, HEADER)?));
        }
    }
    listeners.sort_by_key(|listener: &Listener| (listener.port, listener.address));
    listeners.dedup();
    Ok(listeners)
}

fn takes_ipv4(socket: &Message<'_>) -> Option<Listener> {
    let octets: [u8; 16] = std::array::from_fn(|octet| socket.header_u8(ADDRESS + octet));
    let [a, b, c, d, ..] = octets;
    let address = match (socket.header_u8(0), Ipv6Addr::from(octets)) {
        (2, _) => Ipv4Addr::new(a, b, c, d),
        // A dual-stack socket takes IPv4 on every address, or on the one that is mapped.
        (_, any) if any.is_unspecified() && socket.get(INET_DIAG_SKV6ONLY) == Some(&[0]) => Ipv4Addr::UNSPECIFIED,
        (_, address) => address.to_ipv4_mapped()?,
    };
    Some(Listener { address, port: u16::from_be_bytes([socket.header_u8(PORT), socket.header_u8(PORT + 1)]) })
}
