//! TCP sockets that listen, from `sock_diag(7)`.

use std::net::{IpAddr, Ipv4Addr};

use nlink::netlink::{Connection, SockDiag};
use nlink::sockdiag::{InetSocket, SocketFilter, SocketInfo};

use super::netlink::NetlinkError;
use lab_model::observe::Listener;

/// The TCP sockets of this namespace that take IPv4 connections, each address and port once.
pub(super) async fn listeners() -> Result<Vec<Listener>, NetlinkError> {
    let failed = |source| NetlinkError::Failed { doing: "list listening sockets", source };
    let connection = Connection::<SockDiag>::new().map_err(failed)?;
    let sockets = connection.query(&SocketFilter::tcp().listening().build()).await.map_err(failed)?;
    let mut listeners: Vec<Listener> = sockets.iter().filter_map(SocketInfo::as_inet).filter_map(takes_ipv4).collect();
    listeners.sort_by_key(|listener| (listener.port, listener.address));
    listeners.dedup();
    Ok(listeners)
}

fn takes_ipv4(socket: &InetSocket) -> Option<Listener> {
    let port = socket.local.port();
    let address = match socket.local.ip() {
        IpAddr::V4(address) => address,
        // A dual-stack socket takes IPv4 on every address, or on the one that is mapped.
        IpAddr::V6(any) if any.is_unspecified() && socket.v6only == Some(false) => Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(address) => address.to_ipv4_mapped()?,
    };
    Some(Listener { address, port })
}
